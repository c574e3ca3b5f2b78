// A machine with some users, their processes and objects, a broker on it, and the steps that an input is made of. One
// letter a step and digits behind it, so that an input can be read; blanks are nothing, and # begins a comment.
//
//   C o l r         first: the configuration, a number of bits (see configure); with [restrict], two more numbers
//   d P k …         a datagram of process P, with what make_datagram() takes from the input
//   R P n …         a datagram of n bytes as they are
//   * n             the next datagram n times
//   h, H            the broker serves one datagram; all
//   l p, L          the looker looks for the one at place p, and answers; for all
//   k p             it looks, but its answer comes late;   K p   that answer
//   o p             an answer comes once more;             x p   none comes;   t p   it says less than it saw
//   w               the writer writes, and answers
//   v               it writes, but its answer comes late;  V p   that answer
//   f e             it does not write, and says why
//   p t, P t        time passes, and the broker looks at its deadlines, or is busy
//   ! n             what the next step changes happens at the broker's n-th call of the kernel from now
//   s q m a j e n N u U g G D i I y   what others do to the machine (see change)
//   z, Z            the log hangs; it goes on
//   S               the queue is sealed
//   B               another broker serves: no write is begun
//   A               nothing can be recorded any more
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "fuzz/pipeline/specification.h"
#include "fuzz/pipeline/step_input.h"
#include "protocol/profile.h"
#include "secshr/broker.h"
#include "tests/support/simulated_machine.h"

namespace secshr::pipeline {

class World {
 public:
  explicit World(StepInput input);
  // Until the input ends; then everything is brought to its end.
  void run();

 private:
  using Change = std::function<void()>;

  static Terms configure(StepInput& input);
  static Service service_of(const Terms& terms, const protocol::Profile& profile);

  bool step();
  bool helper_step(char letter);
  bool broker_step(char letter);
  void end();

  // world_changes.cpp: nothing for a letter that is none of these.
  [[nodiscard]] Change change(char letter);
  [[nodiscard]] Change change_of_process(char letter);
  [[nodiscard]] Change change_of_object(char letter);
  [[nodiscard]] Change change_of_name(char letter);
  [[nodiscard]] Change change_of_file(char letter);
  [[nodiscard]] Change fault();
  void start(pid_t pid, uid_t uid, unsigned flags);
  void end_process(pid_t pid, bool zombie);
  [[nodiscard]] SimulatedProcess process_of(uid_t uid, unsigned flags) const;
  [[nodiscard]] IpcObject object_of(uid_t uid, uid_t cuid, unsigned mode, gid_t gid);
  void operate(std::int32_t semid, unsigned who);
  [[nodiscard]] std::string client_name_of(pid_t pid, unsigned suffix) const;
  [[nodiscard]] protocol::IpcIds ids();
  [[nodiscard]] pid_t some_pid() { return first_pid + static_cast<pid_t>(input_.below(pids)); }

  // world_datagrams.cpp
  [[nodiscard]] SimulatedDatagram make_datagram();
  [[nodiscard]] SimulatedDatagram raw_datagram();
  [[nodiscard]] SimulatedDatagram from(pid_t pid, std::vector<std::byte> bytes) const;
  [[nodiscard]] protocol::Request some_request(std::string& path);
  [[nodiscard]] std::string file_to_remove();
  [[nodiscard]] std::string database();
  [[nodiscard]] std::int32_t some_target();
  [[nodiscard]] std::int32_t some_id();
  void spoil(SimulatedDatagram& datagram, unsigned how);
  [[nodiscard]] std::string other_address(pid_t pid);
  void send(SimulatedDatagram datagram);

  template <typename Call>
  void call(Call does);
  bool serve_one();
  void deliver(Seen seen);
  void keep(const Seen& seen);
  void pass(std::chrono::milliseconds time, bool expires);
  void let_log_go_on();

  static constexpr pid_t first_pid = 1000;
  static constexpr unsigned pids = 8;
  static constexpr std::uint64_t first_inode = 42;
  static constexpr unsigned files = 4;
  static constexpr std::int32_t objects = 6;

  StepInput input_;
  Terms terms_;
  const protocol::Profile& profile_;
  SimulatedMachine machine_;
  Specification specification_;
  Broker broker_;
  ServedDirectory served_{.socket = 3, .directory = SimulatedMachine::served_directory, .name = "/served"};

  struct Answer {
    LookReport report;
    std::optional<std::uint64_t> file;  // its inode
  };
  [[nodiscard]] static Seen seen_of(const Answer& answer);
  std::vector<Answer> kept_;          // not delivered yet
  std::vector<Answer> delivered_;     // the last ones
  std::vector<WriteReport> written_;  // not delivered yet
  Change meanwhile_;
  unsigned calls_until_ = 0;
  unsigned copies_ = 1;
  std::int64_t times_ = 100;  // of objects
  std::uint64_t inodes_ = 100;
  std::uint64_t sequence_ = 0;
  bool abandoned_ = false;
};

}  // namespace secshr::pipeline
