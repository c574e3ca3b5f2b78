// A client of the broker: a process of its own, of whatever identity, with one datagram socket. What a test has it do
// happens in that process, since what the kernel says of a sender it says of the process that sends.
#pragma once

#include <sys/types.h>
#include <sys/un.h>

#include <chrono>
#include <cstddef>
#include <functional>
#include <new>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "system/descriptor.h"
#include "tests/support/run_as.h"

namespace secshr::test {

using Bytes = std::vector<std::byte>;

// Longer than any request may take, so that a reply that comes too late is told from one that never comes.
inline constexpr std::chrono::milliseconds reply_patience{8000};
// For a reply that must not come: those that do take less than a millisecond.
inline constexpr std::chrono::milliseconds silence{150};

// A string that can be captured by what runs in a client.
struct Text {
  char text[8192] = {};
  Text() = default;
  Text(const std::string& string) { string.copy(text, sizeof text - 1); }  // NOLINT(google-explicit-constructor)
};

// The address of a path, cut where the address ends.
sockaddr_un address_of(const char* path);

// All three of each, as a set-user-ID program may have them.
struct MixedIds {
  uid_t real, effective, saved;
  gid_t real_group, effective_group, saved_group;
};
// Becomes that, without groups, and stays dumpable: what a Client may enter with.
void become_mixed(const MixedIds& ids);

class Client {
 public:
  explicit Client(const Identity& identity);
  // `enter` runs first in the new process, as root, and makes it what it shall be.
  explicit Client(const std::function<void()>& enter);
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  ~Client();  // kills the process

  [[nodiscard]] pid_t pid() const { return pid_; }
  // As the protocol wants its socket named.
  [[nodiscard]] std::string socket_name() const { return name_of(pid_); }
  static std::string name_of(pid_t pid, const std::string& suffix = {});

  // Runs `action` in the client's process and returns what it returned. It captures by value and only what memcpy can
  // copy: the process was forked before the action was made.
  template <typename Action>
  int run(Action action) {
    start(action);
    return finish();
  }
  // The same without waiting, for actions that do not return; the client runs nothing afterwards.
  template <typename Action>
  void start(Action action) {
    static_assert(std::is_trivially_copyable_v<Action> && sizeof action <= sizeof(Shared::action));
    new (shared_->action) Action(action);
    shared_->invoke = [](const std::byte* bytes) {
      return (*std::launder(reinterpret_cast<const Action*>(bytes)))();
    };
    tell_process();
  }

  // These return 0 or an errno. Binding takes `size` bytes of the address where it is given.
  int bind(const std::string& path, std::size_t size = 0);
  int send(const std::string& server, const Bytes& datagram);
  // With `count` copies of a descriptor attached.
  int send_with_descriptors(const std::string& server, const Bytes& datagram, int count);
  int connect(const std::string& path);

  // Also valid in the process itself: the socket was there before it.
  [[nodiscard]] int socket() const { return socket_.get(); }
  // The next datagram that arrives at the client's socket.
  std::optional<Bytes> receive(std::chrono::milliseconds patience = reply_patience);

 private:
  struct Shared {
    int (*invoke)(const std::byte*);
    int result;
    alignas(std::max_align_t) std::byte action[20480];
    std::size_t datagram_size;
    std::byte datagram[256 * 1024];
  };
  [[noreturn]] void live(const std::function<void()>& enter, int channel) const;
  void tell_process();
  int finish();

  Shared* shared_;
  Descriptor socket_;
  Descriptor channel_;
  pid_t pid_ = -1;
};

}  // namespace secshr::test
