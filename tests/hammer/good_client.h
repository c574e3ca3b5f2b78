// A well-behaved client that does real work: what every request is for, one after another, each answer and what came
// of it looked at, and how long it took. Its colleague, who is of the same group and nobody else's, makes what it
// removes.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "protocol/request.h"
#include "tests/hammer/accounting.h"
#include "tests/hammer/random.h"
#include "tests/integration/client.h"

namespace secshr::test {

inline constexpr gid_t team = 73050;
inline const Identity good_user{71050, team, {}};
inline const Identity colleague_user{71051, team, {}};

// What it is refused, and by which rule.
struct Refusal {
  protocol::Request request;
  int code = 0;
  std::string rule;
};

class GoodClient {
 public:
  // Once a broker serves in `tmp`. `program` is one of the installation.
  GoodClient(std::string server, std::string program, Accounting& accounting, std::uint64_t seed);

  // One piece of work. Fails the running test where anything is not as it must be.
  void work();
  // What it asks for in vain.
  void is_refused(Refusal refusal) { refusals_.push_back(std::move(refusal)); }
  // The answer to a ping is back, so that whatever came before it was taken.
  void ping();

  [[nodiscard]] pid_t client_pid() const { return client_.pid(); }
  [[nodiscard]] Client& colleague() { return colleague_; }
  [[nodiscard]] const std::string& database() const { return database_; }
  // Of the answers, each in microseconds.
  [[nodiscard]] const std::vector<std::int64_t>& latencies() const { return latencies_; }
  [[nodiscard]] std::uint64_t requests() const { return requests_; }

  // Far less than the 5 s after which a stock client asks again; most of it is the machine's, where that is busy.
  static constexpr std::chrono::milliseconds bound{3000};

 private:
  void ask(const protocol::Request& request, int code = 0, const std::string& rule = {});
  void remove_a_set();
  void remove_a_segment();
  void use_a_database();
  void remove_a_leftover();
  void signal_a_process();
  void try_in_vain();

  std::string server_;
  std::string program_;
  Accounting& accounting_;
  Random random_;
  Client client_{good_user};
  Client colleague_{colleague_user};
  std::string database_;
  std::vector<Refusal> refusals_;
  std::chrono::steady_clock::time_point next_in_vain_;
  std::uint64_t requests_ = 0;
  unsigned leftovers_ = 0;
  unsigned sleepers_ = 0;
  std::vector<std::int64_t> latencies_;
};

}  // namespace secshr::test
