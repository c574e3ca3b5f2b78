// The floor: what the work itself costs, in a server that checks nothing. recvfrom, the one system call that was
// asked for, sendto. Never installed, and of no use to anybody else.
#include <fcntl.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "bench/client_socket.h"
#include "protocol/database_header.h"
#include "protocol/limits.h"

namespace secshr::bench {
namespace {

using Datagram = std::array<char, protocol::maximum_datagram>;

std::int32_t number_at(const Datagram& bytes, std::size_t offset) {
  std::int32_t value = 0;
  std::memcpy(&value, bytes.data() + offset, sizeof value);
  return value;
}

// The ids as they stand in the header: the two numbers, then the two times.
int write_header(const Datagram& bytes) {
  const Descriptor file(::open(bytes.data() + 60, O_RDWR | O_CLOEXEC));
  std::array<char, 24> ids{};
  std::memcpy(ids.data(), bytes.data() + 28, 8);
  std::memcpy(ids.data() + 8, bytes.data() + 40, 16);
  return file && ::pwrite(file.get(), ids.data(), ids.size(), protocol::ids_offset) == 24 ? 0 : errno;
}

int carry_out(const Datagram& bytes) {
  const std::int32_t number = number_at(bytes, 24);
  switch (static_cast<protocol::RequestCode>(number_at(bytes, 0))) {
    case protocol::RequestCode::continue_process:
      return ::kill(number, SIGCONT) == 0 ? 0 : errno;
    case protocol::RequestCode::remove_semaphore_set:
      return ::semctl(number, 0, IPC_RMID) == 0 ? 0 : errno;
    case protocol::RequestCode::remove_segment:
      return ::shmctl(number, IPC_RMID, nullptr) == 0 ? 0 : errno;
    case protocol::RequestCode::flush_header:
      return write_header(bytes);
    default:
      return EINVAL;
  }
}

[[noreturn]] void serve(const char* path) {
  const Descriptor socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const sockaddr_un address = address_of(path);
  if (!socket || ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::chmod(path, 0666) != 0) {
    fail(path);
  }
  Datagram bytes{};
  while (true) {
    sockaddr_un sender{};
    socklen_t length = sizeof sender;
    auto* const from = reinterpret_cast<sockaddr*>(&sender);
    if (::recvfrom(socket.get(), bytes.data(), bytes.size(), 0, from, &length) < 28) continue;
    const std::int32_t code = carry_out(bytes);
    std::memcpy(bytes.data(), &code, sizeof code);
    (void)::sendto(socket.get(), bytes.data(), protocol::header_size, MSG_DONTWAIT, from, length);
  }
}

}  // namespace
}  // namespace secshr::bench

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  secshr::bench::serve(argv[1]);
}
