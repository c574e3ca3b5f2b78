#include "tests/integration/library_host.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <new>
#include <set>
#include <string>

#include "tests/support/fail.h"

namespace secshr::test {
namespace {

// What a host may rely on that a call leaves alone.
struct ProcessState {
  std::set<std::string> descriptors;
  std::array<bool, 65> blocked{};
  std::array<bool, 65> pending{};
  std::array<bool, 65> is_default{};

  static ProcessState now() {
    ProcessState state;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
      std::error_code closed;  // that of the listing itself
      const auto target = std::filesystem::read_symlink(entry.path(), closed);
      if (!closed) state.descriptors.insert(entry.path().filename().string() + " " + target.string());
    }
    sigset_t mask;
    sigset_t waiting;
    (void)sigprocmask(SIG_SETMASK, nullptr, &mask);
    (void)sigpending(&waiting);
    for (int signal = 1; signal < 65; ++signal) {
      const auto index = static_cast<std::size_t>(signal);
      state.blocked.at(index) = sigismember(&mask, signal) == 1;
      state.pending.at(index) = sigismember(&waiting, signal) == 1;
      struct sigaction action{};
      if (::sigaction(signal, nullptr, &action) != 0) continue;
      state.is_default.at(index) = action.sa_handler == SIG_DFL;
    }
    return state;
  }
};

}  // namespace

LibraryHost::LibraryHost(const Identity& identity, const Call& call) {
  void* const memory = ::mmap(nullptr, sizeof(HostReport), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) fail("mmap");
  report_ = new (memory) HostReport;
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) fail("socketpair");
  channel_.reset(ends[0]);
  const Descriptor theirs(ends[1]);
  pid_ = ::fork();
  if (pid_ < 0) fail("fork");
  if (pid_ == 0) {
    channel_.reset();
    live(identity, call, theirs.get());
  }
  char word = 0;
  EXPECT_EQ(::read(channel_.get(), &word, 1), 1) << "no host";
}

LibraryHost::~LibraryHost() {
  (void)::kill(pid_, SIGKILL);
  (void)::waitpid(pid_, nullptr, 0);
  (void)::munmap(report_, sizeof(HostReport));
}

void LibraryHost::live(const Identity& identity, const Call& call, int channel) const {
  become(identity);
  secshr_options options = library_options();
  options.reply_timeout_ms = static_cast<unsigned>(reply_timeout.count());
  options.attempts = attempts;
  secshr_t* handle = nullptr;
  if (secshr_open(&handle, &options) != 0) ::_exit(120);
  const ProcessState before = ProcessState::now();
  char word = 'r';
  if (::write(channel, &word, 1) != 1 || ::read(channel, &word, 1) != 1) ::_exit(121);
  const auto began = std::chrono::steady_clock::now();
  report_->result = call(handle);
  const auto ended = std::chrono::steady_clock::now();
  if (::write(channel, &word, 1) != 1 || ::read(channel, &word, 1) != 1) ::_exit(122);
  report_->took = std::chrono::duration_cast<std::chrono::milliseconds>(ended - began);
  (void)std::snprintf(report_->explanation, sizeof report_->explanation, "%s", secshr_explain());
  const ProcessState after = ProcessState::now();
  report_->keeps_descriptors = after.descriptors == before.descriptors;
  report_->keeps_signals =
      after.blocked == before.blocked && after.pending == before.pending && after.is_default == before.is_default;
  report_->has_children = ::waitpid(-1, nullptr, WNOHANG | __WALL) >= 0 || errno != ECHILD;
  report_->next_result = secshr_ping(handle);
  secshr_close(handle);
  (void)!::write(channel, &word, 1);
  ::_exit(0);
}

bool LibraryHost::tell() {
  char word = 'g';
  if (::send(channel_.get(), &word, 1, MSG_NOSIGNAL) != 1) return false;
  pollfd entry{channel_.get(), POLLIN, 0};
  constexpr auto patience = longest_call + std::chrono::milliseconds(20000);
  return ::poll(&entry, 1, static_cast<int>(patience.count())) == 1 && ::read(channel_.get(), &word, 1) == 1;
}

bool LibraryHost::make_call() {
  return tell();
}

const HostReport& LibraryHost::look_back() {
  EXPECT_TRUE(tell()) << "the host does not come back from its next call";
  return *report_;
}

}  // namespace secshr::test
