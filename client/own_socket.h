// The socket under which the broker knows this process, for as long as one question takes.
#pragma once

#include <sys/types.h>

#include <array>

#include "client/handle.h"
#include "protocol/limits.h"
#include "system/descriptor.h"

namespace secshr::client {

// Bound under the process's own name, or that and a letter where a file is in the way that nobody is bound to and
// that it cannot remove, or where this process has it bound itself. Nobody but root, the broker and this user can
// send to it. It has no name any more when it goes.
class OwnSocket {
 public:
  explicit OwnSocket(const Handle& handle) noexcept;
  OwnSocket(const OwnSocket&) = delete;
  OwnSocket& operator=(const OwnSocket&) = delete;
  ~OwnSocket();

  // 0, or a negative errno value that is explained.
  [[nodiscard]] int result() const noexcept { return result_; }
  [[nodiscard]] int get() const noexcept { return socket_.get(); }
  // Whether its name still is its own: without that nobody can answer. Who clears the directory may have removed it.
  [[nodiscard]] bool has_name() const noexcept;

 private:
  void see_to_it_that_it_can_be_answered() noexcept;

  Descriptor socket_;
  std::array<char, protocol::socket_address_path_size> path_{};  // empty: not bound
  ino_t file_ = 0;
  int result_ = 0;
};

}  // namespace secshr::client
