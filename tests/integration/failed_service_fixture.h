// A broker that serves, and one request of a kind whose processes have one system call go wrong: what must have come
// of it, whatever went wrong.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tests/integration/broker_fixture.h"
#include "tests/integration/database_file.h"
#include "tests/integration/disturbed_service.h"
#include "tests/integration/process_state.h"

namespace secshr::test {

// One request and its object, as new.
struct Asked {
  Bytes datagram;  // of whatever sequence number
  int code = 0;    // where nothing goes wrong
  // What it is about, and whether it was done. Nothing, where it changes nothing anyway.
  std::function<bool()> is_done;
  std::optional<int> set;
  std::optional<int> segment;
  std::set<std::string> sockets;      // names in `tmp` that it removes
  bool is_answered = true;            // otherwise it is dropped
  bool is_done_by_the_answer = true;  // otherwise it comes afterwards, or with the next request
};

// What a client heard that asks as stock ones do: up to five times, each time with the next sequence number, starting
// a broker where there is none.
struct Heard {
  std::vector<int> codes;
  unsigned sent = 0;
  unsigned unanswered = 0;
  bool found_nobody = false;
};

// What the faults of a test came to.
struct FaultCounts {
  std::size_t other_answers = 0;
  std::size_t asked_again = 0;
  std::size_t lines_lost = 0;
  std::size_t brokers_ended = 0;
};

class FailedServiceTest : public BrokerTest {
 protected:
  using Arrange = std::function<Asked(Client&)>;

  void SetUp() override;
  void TearDown() override;

  // Records what the request costs these processes when all goes well, and then tries each fault of each call, or a
  // sample of so many.
  void try_each_fault_of(const Arrange& arrange, std::size_t sample, const std::string& suffix = {});
  // Tries these, or a sample of so many. `is_made` judges what came of one, and says whether its call was made at
  // all.
  void try_all(std::size_t calls, const std::vector<Fault>& all, std::size_t sample,
               const std::function<bool(const Fault&)>& is_made);

  static void end_broker();
  // Everything that a fault was tried on is gone.
  void clean_up();

  // A broker with all its helpers, which served before or does from now on. What goes wrong now must be of `fault`.
  void become_whole();
  void expect_whole(const FileState& database);
  // Somebody else asks, and is served: at once, where a broker serves.
  void expect_others_are_served();

  static bool is_stopped(pid_t pid);
  [[nodiscard]] pid_t start_sleeper(const std::string& alarm);

  inline static const std::string program = distribution + "/mumps";
  inline static const std::string database = data + "/mumps.dat";
  std::unique_ptr<Client> maker_;
  FaultCounts counts_;

 private:
  struct LogNews {
    std::vector<LogRecord> records;
    std::size_t lost = 0;
    std::size_t cut = 0;
  };
  static std::vector<Subject> subjects();
  bool try_fault(const Arrange& arrange, const std::string& suffix, const std::optional<Fault>& fault);
  Heard ask(Client& client, const Bytes& datagram, bool is_answered);
  [[nodiscard]] std::size_t records_of(const Client& client) const;
  LogNews read_news();
  void expect_records(const Client& client, const Heard& heard, const std::optional<Fault>& fault, bool has_ended);

  pid_t broker_ = -1;
  std::map<int, std::string> descriptors_;
  std::size_t log_read_ = 0;
  std::vector<MadeCall> recorded_;
  std::vector<pid_t> sleepers_;
};

}  // namespace secshr::test
