#include "secshr/serve.h"

#include <poll.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <optional>

#include "secshr/limits.h"

namespace secshr {
namespace {

// How long poll may sleep until `when`, rounded up so that it does not wake just before.
int milliseconds_until(MonotonicTime now, MonotonicTime when) noexcept {
  if (when <= now) return 0;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(when - now).count();
  return static_cast<int>(std::min<decltype(left)>(left, 1'000'000'000));
}

class Turns {
 public:
  Turns(Broker& broker, Kernel& kernel, const Loop& loop) noexcept
      : broker_(broker), kernel_(kernel), loop_(loop), last_datagram_(kernel.now()) {}

  LoopEnd run() noexcept {
    while (true) {
      const auto now = kernel_.now();
      const auto idle_at = last_datagram_ + loop_.idle_timeout;
      if (ending_ && broker_.parked() == 0) return *ending_;
      if (!ending_ && now >= idle_at && broker_.parked() == 0) end_with(LoopEnd::idle);
      const auto wake = std::min(broker_.next_deadline().value_or(idle_at), ending_ ? MonotonicTime::max() : idle_at);
      if (!wait(ending_ && broker_.parked() == 0 ? 0 : milliseconds_until(now, wake))) return LoopEnd::broken;
      broker_.expire();
    }
  }

 private:
  enum Entry : std::size_t { server, looker, writer, signals };

  bool wait(int timeout) noexcept {
    std::array<pollfd, 4> entries{pollfd{ending_ ? -1 : loop_.served.socket, POLLIN, 0},
                                  pollfd{looker_gone_ ? -1 : loop_.looker.descriptor(), POLLIN, 0},
                                  pollfd{writer_gone_ ? -1 : loop_.writer.descriptor(), POLLIN, 0},
                                  pollfd{loop_.signals, POLLIN, 0}};
    const int ready = ::poll(entries.data(), entries.size(), timeout);
    if (ready < 0) return errno == EINTR;
    // Answers before questions: what is finished makes room for what is new.
    if (entries[looker].revents != 0) take_seen();
    if (entries[writer].revents != 0) take_written();
    if (entries[server].revents != 0) serve_datagrams(limits::datagrams_per_turn);
    if (entries[signals].revents != 0) take_signal();
    return true;
  }

  void serve_datagrams(unsigned most) noexcept {
    for (unsigned served = 0; served < most && broker_.handle_request(loop_.served); ++served) {
      last_datagram_ = kernel_.now();
    }
  }

  void take_seen() noexcept {
    while (true) {
      auto seen = loop_.looker.receive();
      if (!seen) return end_unless_empty(seen.error(), looker_gone_);
      broker_.on_seen(*std::move(seen));
    }
  }

  void take_written() noexcept {
    while (true) {
      const auto report = loop_.writer.receive();
      if (!report) return end_unless_empty(report.error(), writer_gone_);
      broker_.on_written(*report);
    }
  }

  void end_unless_empty(int error, bool& gone) noexcept {
    if (error == EAGAIN) return;
    gone = true;
    end_with(LoopEnd::helper_died);
  }

  void take_signal() noexcept {
    signalfd_siginfo info{};
    if (::read(loop_.signals, &info, sizeof info) != sizeof info) return;
    if (info.ssi_signo != SIGCHLD) return end_with(LoopEnd::terminated);
    // Helpers of an earlier attempt to take the lock may end now, too.
    for (pid_t child = ::waitpid(-1, nullptr, WNOHANG); child > 0; child = ::waitpid(-1, nullptr, WNOHANG)) {
      if (std::ranges::find(loop_.helpers, child) != loop_.helpers.end()) end_with(LoopEnd::helper_died);
    }
  }

  // No new work; what is queued already is still served, so that it is not lost in silence.
  void end_with(LoopEnd end) noexcept {
    if (ending_) return;
    ending_ = end;
    while (broker_.handle_request(loop_.served)) {
    }
  }

  Broker& broker_;
  Kernel& kernel_;
  const Loop& loop_;
  MonotonicTime last_datagram_;
  bool looker_gone_ = false;
  bool writer_gone_ = false;
  std::optional<LoopEnd> ending_;
};

}  // namespace

const char* loop_end_name(LoopEnd end) noexcept {
  switch (end) {
    case LoopEnd::idle:
      return "idle";
    case LoopEnd::terminated:
      return "terminated";
    case LoopEnd::helper_died:
      return "helper-died";
    case LoopEnd::broken:
      return "broken";
  }
  return "unknown";
}

LoopEnd serve(Broker& broker, Kernel& kernel, const Loop& loop) noexcept {
  return Turns(broker, kernel, loop).run();
}

}  // namespace secshr
