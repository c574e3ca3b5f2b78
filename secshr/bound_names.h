// Whether somebody is bound to a socket file. The kernel says so to whoever may write to the file: connecting is then
// refused where nobody is. Root's socket files, which nobody but root may write to, are asked about by name instead.
#pragma once

#include <expected>

#include "secshr/kernel.h"
#include "system/descriptor.h"

namespace secshr {

class BoundNames {
 public:
  // Called as root, before privileges are dropped. Errors are positive errno values.
  [[nodiscard]] static std::expected<BoundNames, int> open() noexcept;

  // `socket` is an O_PATH descriptor of a socket file called `name`. Where nobody can tell, somebody is.
  [[nodiscard]] bool is_bound(int socket, const char* name, AskTheList ask) const noexcept;

 private:
  BoundNames(Descriptor probe, Descriptor table) noexcept : probe_(std::move(probe)), table_(std::move(table)) {}

  Descriptor probe_;  // connects, and never sends
  Descriptor table_;  // the kernel's list of this network namespace's sockets
};

}  // namespace secshr
