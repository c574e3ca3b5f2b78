// Running programs and code as some user: what the tests do wherever an attack or a client needs a uid of its own.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <vector>

#include "system/descriptor.h"
#include "tests/support/forked_test.h"

namespace secshr::test {

struct Identity {
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups;  // all supplementary groups
};

struct Command {
  std::string program;                   // the path that is executed
  std::vector<std::string> arguments;    // argv in full; may be empty
  std::vector<std::string> environment;  // the entries as they are; nothing is inherited
  std::function<void()> before_exec;     // runs in the child, already as the user, standard descriptors in place
};

struct Outcome {
  Ending ending;
  std::string
      output;  // what came on standard output and standard error; kept in memory, so that nobody blocks on them
  std::string errors;
};

// A program under way. Not waiting for it is a leak until the private world ends.
class Running {
 public:
  Running(pid_t pid, Descriptor output, Descriptor errors) noexcept;
  [[nodiscard]] pid_t pid() const noexcept { return pid_; }
  // Once. Takes the output written so far, also by a grandchild that still lives.
  [[nodiscard]] Outcome wait(std::chrono::seconds limit = forked_time_limit);

 private:
  pid_t pid_;
  Descriptor output_;
  Descriptor errors_;
};

// Root only. A child that cannot become the user or cannot execute the program exits with 127.
Running start_as(const Identity& identity, const Command& command);
Outcome run_as(const Identity& identity, const Command& command);
Outcome run_as(uid_t uid, gid_t gid, const std::vector<gid_t>& groups, const std::vector<std::string>& arguments,
               const std::vector<std::string>& environment = {});

// Real, effective and saved ids for good, in a forked child.
Ending as_user(const Identity& identity, const std::function<int()>& body);

// While it lives, this process's effective ids are those, as for what the kernel notes down of whoever makes
// something.
class ActingAs {
 public:
  ActingAs(uid_t uid, gid_t gid);
  ActingAs(const ActingAs&) = delete;
  ActingAs& operator=(const ActingAs&) = delete;
  ~ActingAs();
  [[nodiscard]] bool ok() const { return ok_; }

 private:
  bool ok_ = false;
};

// For children only: becomes the user in full, or exits with 127.
void become(const Identity& identity);

}  // namespace secshr::test
