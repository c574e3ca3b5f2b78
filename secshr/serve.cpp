#include "secshr/serve.h"

#include <poll.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <optional>
#include <vector>

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
      : broker_(broker),
        kernel_(kernel),
        loop_(loop),
        entries_(first_server + loop.served.size()),
        last_datagram_(kernel.now()),
        names_seen_(last_datagram_) {}

  LoopEnd run() noexcept {
    while (true) {
      const auto now = kernel_.now();
      const auto idle_at = last_datagram_ + loop_.idle_timeout;
      if (!ending_ && now >= idle_at && broker_.parked() == 0) end_with(LoopEnd::idle, now);
      if (!ending_ && now >= names_seen_ + limits::name_check_interval) check_names(now);
      close_queues(now);
      if (!ending_ && are_all_closed()) end_with(LoopEnd::name_lost, now);
      if (ending_ && are_all_closed() && (broker_.parked() == 0 || now >= give_up_by_)) give_up_place();
      if (has_left_ && (broker_.parked() == 0 || now >= end_by_)) return *ending_;
      if (!wait(milliseconds_until(now, next_turn(now, idle_at)))) return LoopEnd::broken;
      heed_log();
      broker_.expire();
    }
  }

 private:
  enum Entry : std::size_t { looker, writer, log, signals, control, first_server };

  [[nodiscard]] MonotonicTime next_turn(MonotonicTime now, MonotonicTime idle_at) noexcept {
    auto next = ending_ ? end_by_ : std::min(idle_at, names_seen_ + limits::name_check_interval);
    if (ending_ && !has_left_) next = give_up_by_;
    if (std::ranges::any_of(loop_.served, is_closing)) next = now + limits::seal_interval;
    return std::min({next, broker_.next_deadline().value_or(next), loop_.books.digest.next_due().value_or(next),
                     loop_.control.deadline().value_or(next)});
  }

  bool wait(int timeout) noexcept {
    entries_[looker] = {looker_gone_ ? -1 : loop_.looker.descriptor(), POLLIN, 0};
    entries_[writer] = {writer_gone_ ? -1 : loop_.writer.descriptor(), POLLIN, 0};
    entries_[log] = {loop_.log.is_gone() ? -1 : loop_.log.descriptor(), POLLIN, 0};
    entries_[signals] = {loop_.signals, POLLIN, 0};
    entries_[control] = {loop_.control.descriptor(), POLLIN, 0};
    for (std::size_t index = 0; index < loop_.served.size(); ++index) {
      // Without room what has come stays where it is, and what is to be closed is served there.
      const ServicePoint& point = loop_.served[index];
      const bool is_wanted = broker_.has_room() && !point.is_leaving;
      entries_[first_server + index] = {is_wanted ? point.socket.socket.get() : -1, POLLIN, 0};
    }
    const int ready = ::poll(entries_.data(), entries_.size(), timeout);
    if (ready < 0) return errno == EINTR;
    loop_.books.digest.tick(kernel_.now());
    // First: without it nothing else is done. Then answers before questions: what is finished makes room for what is
    // new.
    if (entries_[log].revents != 0) take_recorded();
    heed_log();
    if (entries_[looker].revents != 0) take_seen();
    if (entries_[writer].revents != 0) take_written();
    for (std::size_t index = 0; index < loop_.served.size(); ++index) {
      if (entries_[first_server + index].revents != 0) serve_datagrams(loop_.served[index]);
    }
    if (entries_[signals].revents != 0) take_signal();
    if (entries_[control].revents != 0) take_control();
    loop_.control.expire(kernel_.now());
    loop_.books.publish(broker_);
    return true;
  }

  // A turn's worth, of nothing that could not be recorded. Whether there was no more.
  bool serve_datagrams(ServicePoint& point) noexcept {
    const ServedDirectory served{point.socket.socket.get(), point.directory, point.name,
                                 point.is_sealed ? Queue::sealed : Queue::open};
    for (unsigned count = 0; count < limits::datagrams_per_turn; ++count) {
      if (loop_.log.is_gone() || !broker_.has_room()) return false;
      if (!broker_.handle_request(served)) return true;
      last_datagram_ = point.last_datagram = kernel_.now();
    }
    return false;
  }

  // Without its name a socket reaches nobody. The next start gives the directory a new one; who still has the old one
  // is served for as long as it takes.
  void check_names(MonotonicTime now) noexcept {
    names_seen_ = now;
    for (ServicePoint& point : loop_.served) {
      if (!point.socket.socket || point.is_leaving) continue;
      if (state_of_name(point.directory, loop_.server_name, point.socket) != NameState::lost) continue;
      loop_.audit.event("name-lost", point.name);
      point.is_leaving = true;
      point.close_by = now + limits::queue_deadline;
    }
  }

  // What was seen may be acted on: nothing more is once that could not be recorded.
  void take_seen() noexcept {
    while (!loop_.log.is_gone()) {
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

  void take_recorded() noexcept {
    loop_.log.take_reports();
    broker_.on_recorded();
  }

  void end_unless_empty(int error, bool& gone) noexcept {
    if (error == EAGAIN) return;
    gone = true;
    end_with(LoopEnd::helper_died, kernel_.now());
  }

  void take_signal() noexcept {
    signalfd_siginfo info{};
    if (::read(loop_.signals, &info, sizeof info) != sizeof info) return;
    // Everything is opened anew by the next start.
    if (info.ssi_signo == SIGHUP) return end_with(LoopEnd::reload, kernel_.now());
    if (info.ssi_signo != SIGCHLD) return end_with(LoopEnd::terminated, kernel_.now());
    // Helpers of an earlier attempt to take the lock may end now, too.
    for (pid_t child = ::waitpid(-1, nullptr, WNOHANG); child > 0; child = ::waitpid(-1, nullptr, WNOHANG)) {
      if (std::ranges::find(loop_.helpers, child) != loop_.helpers.end())
        end_with(LoopEnd::helper_died, kernel_.now());
    }
  }

  [[nodiscard]] BrokerStage stage() const noexcept {
    if (ending_) return BrokerStage::ending;
    return wants_renewal_ ? BrokerStage::to_be_renewed : BrokerStage::serving;
  }

  void take_control() noexcept {
    const auto now = kernel_.now();
    const bool was_talking = loop_.control.is_talking();
    const auto request = loop_.control.take(stage(), loop_.served, now);
    if (request == ControlRequest::renew) wants_renewal_ = true;
    if (request == ControlRequest::leave) end_with(LoopEnd::taken_over, now);
    // Whoever has gone without a word may have taken the names along.
    if (was_talking && !loop_.control.is_talking() && !ending_) check_names(now);
  }

  void end_with(LoopEnd end, MonotonicTime now) noexcept {
    if (ending_) return;
    ending_ = end;
    give_up_by_ = now + limits::queue_deadline + limits::parked_deadline;
    end_by_ = now + limits::end_deadline;
    for (ServicePoint& point : loop_.served) {
      if (point.is_leaving) continue;
      point.is_leaving = true;
      point.close_by = now + limits::queue_deadline;
    }
  }

  // Where nobody writes the log any more, nothing that is done now could be found in it. What is in the queues goes
  // unanswered, so that its senders ask the next broker; who has not sent yet finds nobody here.
  void heed_log() noexcept {
    if (!loop_.log.is_gone()) return;
    end_with(LoopEnd::helper_died, kernel_.now());
    for (ServicePoint& point : loop_.served) point.socket.socket.reset();
    broker_.abandon();
  }

  static bool is_closing(const ServicePoint& point) noexcept { return point.is_leaving && point.socket.socket; }
  [[nodiscard]] bool are_all_closed() const noexcept {
    return std::ranges::none_of(loop_.served, [](const ServicePoint& point) { return bool(point.socket.socket); });
  }

  // Nothing is lost in a queue that is sealed, and looked through: who sends from then on is refused when it closes,
  // and starts the next broker, or finds that one by the name already.
  void close_queues(MonotonicTime now) noexcept {
    for (ServicePoint& point : loop_.served) {
      if (!is_closing(point)) continue;
      Descriptor& socket = point.socket.socket;
      if (!point.is_sealed) point.is_sealed = point.socket.seal.seal(socket.get());
      const bool is_empty = serve_datagrams(point);
      // Where it cannot be sealed, and has no name any more, little can still come.
      const bool is_waited_for = !point.is_sealed && (!ending_ || *ending_ == LoopEnd::taken_over);
      if ((!is_empty || is_waited_for) && now < point.close_by) continue;
      // Something may have been lost in it.
      if (!point.is_sealed || !is_empty) loop_.audit.event("queue-not-sealed", point.name);
      socket.reset();
    }
  }

  // From here on another may serve. Only what is parked is still ours: what takes that long waits for something else
  // than us, and nobody else shall wait for it.
  void give_up_place() noexcept {
    if (has_left_) return;
    has_left_ = true;
    broker_.begin_no_write();
    loop_.control.close();
    loop_.lock.release(InstanceLock::Part::broker);
  }

  Broker& broker_;
  Kernel& kernel_;
  const Loop& loop_;
  std::vector<pollfd> entries_;
  MonotonicTime last_datagram_;
  MonotonicTime names_seen_;
  bool looker_gone_ = false;
  bool writer_gone_ = false;
  std::optional<LoopEnd> ending_;
  MonotonicTime give_up_by_;
  MonotonicTime end_by_;
  bool has_left_ = false;
  bool wants_renewal_ = false;
};

}  // namespace

const char* loop_end_name(LoopEnd end) noexcept {
  switch (end) {
    case LoopEnd::idle:
      return "idle";
    case LoopEnd::terminated:
      return "terminated";
    case LoopEnd::reload:
      return "reload";
    case LoopEnd::taken_over:
      return "taken-over";
    case LoopEnd::helper_died:
      return "helper-died";
    case LoopEnd::name_lost:
      return "name-lost";
    case LoopEnd::broken:
      return "broken";
  }
  return "unknown";
}

LoopEnd serve(Broker& broker, Kernel& kernel, const Loop& loop) {
  return Turns(broker, kernel, loop).run();
}

}  // namespace secshr
