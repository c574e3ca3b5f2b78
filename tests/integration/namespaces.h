// Namespaces of their own for a broker or its clients: what the broker then is told of senders is not what they are
// told of themselves.
#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>

#include "tests/integration/client.h"
#include "tests/support/run_as.h"

namespace secshr::test {

// Lives as long as their first process, that is, as this object. A pid namespace comes with its own /proc where a
// mount namespace comes along; in a user namespace the ids below `mapped_ids` are what they are outside, and no other
// is anything.
class Namespaces {
 public:
  explicit Namespaces(int kinds, unsigned mapped_ids = 0);  // CLONE_NEWPID, CLONE_NEWNS, CLONE_NEWUSER
  Namespaces(const Namespaces&) = delete;
  Namespaces& operator=(const Namespaces&) = delete;
  ~Namespaces();

  // Runs a program inside to its end.
  [[nodiscard]] Ending run(const Identity& identity, const Command& command) const;
  // Runs code inside, as root.
  [[nodiscard]] Ending run(const std::function<int()>& body) const;
  // A client whose process is inside the pid namespace.
  [[nodiscard]] std::unique_ptr<Client> client(const Identity& identity) const;

  // For children only: enters, a pid namespace with what it forks next.
  void enter() const;

 private:
  int kinds_;
  pid_t first_ = -1;
};

// The number that a process has in the innermost pid namespace that it is in.
pid_t innermost_pid(pid_t pid);

}  // namespace secshr::test
