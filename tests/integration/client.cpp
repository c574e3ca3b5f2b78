#include "tests/integration/client.h"

#include <fcntl.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>

#include "tests/support/fail.h"

namespace secshr::test {
sockaddr_un address_of(const char* path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path, std::min(std::strlen(path), sizeof address.sun_path));
  return address;
}

void become_mixed(const MixedIds& ids) {
  if (::setgroups(0, nullptr) != 0 || ::setresgid(ids.real_group, ids.effective_group, ids.saved_group) != 0 ||
      ::setresuid(ids.real, ids.effective, ids.saved) != 0) {
    ::_exit(126);
  }
  (void)::prctl(PR_SET_DUMPABLE, 1);
}

std::string Client::name_of(pid_t pid, const std::string& suffix) {
  std::array<char, 32> name{};
  (void)std::snprintf(name.data(), name.size(), "gtm_secshr%08X", static_cast<unsigned>(pid));
  return name.data() + suffix;
}

Client::Client(const Identity& identity) : Client([&] { become(identity); }) {}

Client::Client(const std::function<void()>& enter) {
  void* const page = ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) fail("mmap");
  shared_ = static_cast<Shared*>(page);
  // At a number of its own, the same in both processes.
  Descriptor made(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  socket_.reset(::fcntl(made.get(), F_DUPFD_CLOEXEC, 100));
  int ends[2];
  if (!socket_ || ::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) fail("socket");
  channel_.reset(ends[0]);
  const Descriptor theirs(ends[1]);
  pid_ = ::fork();
  if (pid_ < 0) fail("fork");
  if (pid_ == 0) live(enter, theirs.get());
}

Client::~Client() {
  if (pid_ > 0) {
    (void)::kill(pid_, SIGKILL);
    (void)::waitpid(pid_, nullptr, 0);
  }
  (void)::munmap(shared_, sizeof(Shared));
}

// Nothing of the test's but the channel and the socket stays open: another client's channel would keep that one
// alive.
void Client::live(const std::function<void()>& enter, int channel) const {
  const int socket = socket_.get();
  if (::dup2(channel, 3) != 3) ::_exit(126);
  if (::close_range(4, static_cast<unsigned>(socket) - 1, 0) != 0) ::_exit(126);
  if (::close_range(static_cast<unsigned>(socket) + 1, ~0U, 0) != 0) ::_exit(126);
  enter();
  char word = 0;
  while (::read(3, &word, 1) == 1) {
    shared_->result = shared_->invoke(shared_->action);
    if (::write(3, &word, 1) != 1) break;
  }
  ::_exit(0);
}

void Client::tell_process() {
  if (::send(channel_.get(), "g", 1, MSG_NOSIGNAL) != 1) fail("the client has ended");
}

int Client::finish() {
  pollfd entry{channel_.get(), POLLIN, 0};
  char word = 0;
  if (::poll(&entry, 1, 20000) != 1 || ::read(channel_.get(), &word, 1) != 1) {
    ADD_FAILURE() << "client " << pid_ << " did not finish what it was told to do";
    return -1;
  }
  return shared_->result;
}

int Client::bind(const std::string& path, std::size_t size) {
  return run([socket = socket(), path = Text(path), size] {
    const sockaddr_un address = address_of(path.text);
    const std::size_t length = size != 0 ? size : sizeof address;
    return ::bind(socket, reinterpret_cast<const sockaddr*>(&address), static_cast<socklen_t>(length)) == 0 ? 0
                                                                                                            : errno;
  });
}

int Client::connect(const std::string& path) {
  return run([socket = socket(), path = Text(path)] {
    const sockaddr_un address = address_of(path.text);
    return ::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ? 0 : errno;
  });
}

int Client::send(const std::string& server, const Bytes& datagram) {
  return send_with_descriptors(server, datagram, 0);
}

int Client::send_with_descriptors(const std::string& server, const Bytes& datagram, int count) {
  shared_->datagram_size = datagram.size();
  if (!datagram.empty()) std::memcpy(shared_->datagram, datagram.data(), datagram.size());
  return run([socket = socket(), shared = shared_, server = Text(server), count] {
    const sockaddr_un address = address_of(server.text);
    iovec data{shared->datagram, shared->datagram_size};
    constexpr int most = 253;  // what the kernel takes in one datagram
    alignas(cmsghdr) std::array<char, CMSG_SPACE(most * sizeof(int))> control{};
    msghdr message{};
    message.msg_name = const_cast<sockaddr_un*>(&address);
    message.msg_namelen = sizeof address;
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    if (count > 0) {
      message.msg_control = control.data();
      message.msg_controllen = CMSG_SPACE(static_cast<std::size_t>(count) * sizeof(int));
      cmsghdr* const header = CMSG_FIRSTHDR(&message);
      header->cmsg_level = SOL_SOCKET;
      header->cmsg_type = SCM_RIGHTS;
      header->cmsg_len = CMSG_LEN(static_cast<std::size_t>(count) * sizeof(int));
      for (int index = 0; index < count; ++index) {
        std::memcpy(CMSG_DATA(header) + static_cast<std::size_t>(index) * sizeof(int), &socket, sizeof socket);
      }
    }
    return ::sendmsg(socket, &message, MSG_NOSIGNAL) >= 0 ? 0 : errno;
  });
}

std::optional<Bytes> Client::receive(std::chrono::milliseconds patience) {
  pollfd entry{socket_.get(), POLLIN, 0};
  if (::poll(&entry, 1, static_cast<int>(patience.count())) != 1) return std::nullopt;
  Bytes bytes(65536);
  const ssize_t size = ::recv(socket_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
  if (size < 0) return std::nullopt;
  bytes.resize(static_cast<std::size_t>(size));
  return bytes;
}

}  // namespace secshr::test
