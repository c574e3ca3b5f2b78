// A client's socket as stock clients have it, and one question: its answer, and how long that took.
#pragma once

#include <sys/un.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "protocol/request.h"
#include "system/descriptor.h"

namespace secshr::bench {

using Duration = std::chrono::nanoseconds;
using Clock = std::chrono::steady_clock;

struct ServerAddress {
  std::string path;
  std::uint32_t communication_key = 0;
};

[[nodiscard]] sockaddr_un address_of(const std::string& path);

class ClientSocket {
 public:
  // Bound to this process's name in `directory`, in place of what had it. Errors end the process: there is nothing to
  // measure then.
  explicit ClientSocket(const std::string& directory);
  ClientSocket(const ClientSocket&) = delete;
  ClientSocket& operator=(const ClientSocket&) = delete;
  ClientSocket(ClientSocket&&) = delete;
  ClientSocket& operator=(ClientSocket&&) = delete;
  ~ClientSocket();

  // Sends to the server's name, as stock clients do each time. The errno of what could not be sent.
  [[nodiscard]] int send(const ServerAddress& server, const protocol::Request& request);
  // The answer's code to what was sent last; nullopt: none within 5 s, or another one's.
  [[nodiscard]] std::optional<std::int32_t> receive();

 private:
  std::string path_;
  Descriptor socket_;
  std::uint64_t sequence_ = 0;
};

[[noreturn]] void fail(const char* what);

}  // namespace secshr::bench
