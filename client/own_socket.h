// The socket under which the broker knows this process, for as long as one question takes.
#pragma once

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

 private:
  Descriptor socket_;
  std::array<char, protocol::socket_address_path_size> path_{};  // empty: not bound
  int result_ = 0;
};

}  // namespace secshr::client
