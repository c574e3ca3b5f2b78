#include "secshr/helper_pool.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <expected>
#include <new>
#include <span>
#include <string_view>
#include <vector>

#include "secshr/descriptor_passing.h"
#include "secshr/limits.h"
#include "secshr/privilege/syscall_filter.h"

namespace secshr {
namespace {

std::int64_t monotonic_nanoseconds() noexcept {
  return std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count();
}

constexpr int helper_channel = 3;
static_assert(helper_file == helper_channel + 1);

// The first descriptor that is nobody's but the supervisor's.
int first_own(const Helper& helper) noexcept {
  return helper.file < 0 ? helper_file : helper_file + 1;
}

enum HelperExit : int { left = 0, setup_failed = 1, drop_failed = 2, workers_failed = 3 };

// A helper's first message, before any worker is asked for anything: this, or which step has failed.
constexpr std::string_view is_up = "up";

void say(std::string_view word) noexcept {
  (void)send_message(helper_channel, std::as_bytes(std::span(word)), -1, Wait::no);
}

struct Worker {
  pid_t pid = -1;
  std::int64_t started = 0;  // CLOCK_MONOTONIC, nanoseconds
  BusyMark* mark = nullptr;
  bool killed = false;
};

// One mark for each worker that can be alive, on a page that survives fork as shared.
std::span<BusyMark> shared_marks() noexcept {
  constexpr std::size_t count = limits::workers_alive;
  void* page = ::mmap(nullptr, count * sizeof(BusyMark), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) return {};
  auto* marks = static_cast<BusyMark*>(page);
  for (std::size_t index = 0; index < count; ++index) new (&marks[index]) BusyMark;
  return {marks, count};
}

class Supervisor {
 public:
  Supervisor(const Helper& helper, std::span<BusyMark> marks, const SyscallFilter& filter)
      : helper_(helper), marks_(marks), filter_(filter) {}

  // Until the broker closes the channel or workers cannot be kept.
  HelperExit run(int signals) {
    // A start waits for the first worker. The others come when the processor has served who waited for the start.
    if (!add(Announce::yes)) return end(workers_failed);
    std::chrono::milliseconds interval = limits::first_worker_alone;
    while (true) {
      std::array<pollfd, 2> entries{pollfd{helper_channel, 0, 0}, pollfd{signals, POLLIN, 0}};
      const int ready = ::poll(entries.data(), entries.size(), static_cast<int>(interval.count()));
      interval = limits::worker_look_interval;
      if (ready < 0 && errno != EINTR) return end(workers_failed);
      if ((entries[0].revents & (POLLHUP | POLLERR)) != 0) return end(left);
      if ((entries[1].revents & POLLIN) != 0) {
        signalfd_siginfo info{};
        (void)!::read(signals, &info, sizeof info);
      }
      if (!reap()) return end(workers_failed);
      kill_stuck();
      if (!fill()) return end(workers_failed);
    }
  }

 private:
  // As many workers as the helper should have, besides those that were killed and cannot die yet.
  bool fill() {
    auto serving = static_cast<unsigned>(std::ranges::count_if(workers_, [](const Worker& w) { return !w.killed; }));
    while (serving < helper_.workers && workers_.size() < marks_.size()) {
      if (!add(Announce::no)) return serving > 0;
      ++serving;
    }
    return serving > 0;
  }

  enum class Announce : bool { no, yes };
  bool add(Announce announce) {
    const auto free = std::ranges::find_if(marks_, [&](const BusyMark& mark) {
      return std::ranges::none_of(workers_, [&](const Worker& worker) { return worker.mark == &mark; });
    });
    if (free == marks_.end()) return false;
    free->end();
    const pid_t pid = ::fork();
    if (pid < 0) return false;
    if (pid == 0) {
      sigset_t none;
      (void)sigemptyset(&none);
      (void)sigprocmask(SIG_SETMASK, &none, nullptr);
      // The supervisor's own.
      if (::close_range(static_cast<unsigned>(first_own(helper_)), ~0U, 0) != 0) ::_exit(setup_failed);
      const bool is_confined = filter_.load();
      if (announce == Announce::yes) say(is_confined ? is_up : "worker-filter");
      if (!is_confined) ::_exit(drop_failed);
      helper_.serve(helper_channel, *free);
      ::_exit(0);
    }
    workers_.push_back({pid, monotonic_nanoseconds(), &*free, false});
    return true;
  }

  // Takes the dead out. False when they die of being started, which the next would do too.
  bool reap() {
    int status = 0;
    for (pid_t pid = ::waitpid(-1, &status, WNOHANG); pid > 0; pid = ::waitpid(-1, &status, WNOHANG)) {
      const auto worker = std::ranges::find(workers_, pid, &Worker::pid);
      if (worker == workers_.end()) continue;
      constexpr auto early = std::chrono::nanoseconds(limits::early_death).count();
      const bool by_others = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
      const bool at_start =
          !by_others && worker->mark->busy_for() == 0 && monotonic_nanoseconds() - worker->started < early;
      early_deaths_ = at_start ? early_deaths_ + 1 : 0;
      workers_.erase(worker);
    }
    return early_deaths_ < limits::early_deaths;
  }

  void kill_stuck() {
    constexpr auto limit = std::chrono::nanoseconds(limits::worker_stuck_after).count();
    for (Worker& worker : workers_) {
      if (worker.killed || worker.mark->busy_for() < limit) continue;
      (void)::kill(worker.pid, SIGKILL);
      worker.killed = true;
    }
  }

  HelperExit end(HelperExit status) {
    // Workers leave by themselves when they find nothing more in the channel.
    for (auto left = helper_.grace; !workers_.empty() && left.count() > 0; left -= grace_step) {
      (void)::poll(nullptr, 0, static_cast<int>(grace_step.count()));
      (void)reap();
    }
    for (const Worker& worker : workers_) (void)::kill(worker.pid, SIGKILL);
    return status;
  }

  static constexpr std::chrono::milliseconds grace_step{5};
  const Helper& helper_;
  std::span<BusyMark> marks_;
  const SyscallFilter& filter_;  // the workers'
  std::vector<Worker> workers_;
  unsigned early_deaths_ = 0;
};

// `from` becomes `to`, whatever that was.
bool move_descriptor(int from, int to) noexcept {
  return from == to || ::dup3(from, to, O_CLOEXEC) == to;
}

// Everything of the starter's but the channel and the helper's own file is closed: the lock is not the helper's.
bool keep_own_descriptors(const Helper& helper, int channel) noexcept {
  // Out of the way first: either may have the other's number.
  const int far_channel = ::fcntl(channel, F_DUPFD_CLOEXEC, helper_file + 1);
  const int far_file = helper.file < 0 ? -1 : ::fcntl(helper.file, F_DUPFD_CLOEXEC, helper_file + 1);
  if (!move_descriptor(far_channel, helper_channel)) return false;
  if (helper.file >= 0 && !move_descriptor(far_file, helper_file)) return false;
  return ::close_range(static_cast<unsigned>(first_own(helper)), ~0U, 0) == 0;
}

Descriptor take_child_signals() noexcept {
  sigset_t child;
  (void)sigemptyset(&child);
  (void)sigaddset(&child, SIGCHLD);
  if (sigprocmask(SIG_SETMASK, &child, nullptr) != 0) return Descriptor();
  return Descriptor(::signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK));
}

// nullptr, or the step that failed.
const char* give_up_privileges(const Helper& helper) {
  if (const char* const failed = drop_privileges(helper.role)) return failed;
  return confine(helper.confined, ActingAsRoot::refused);
}

// The supervisor's life, from the fork on.
HelperExit supervise(const Helper& helper, int channel) {
  if (!keep_own_descriptors(helper, channel)) return setup_failed;
  const std::span<BusyMark> marks = shared_marks();
  const Descriptor signals = take_child_signals();
  const auto filter = SyscallFilter::allowing(worker_of(helper.confined), 0);
  if (marks.empty() || !signals) return setup_failed;
  if (const char* const failed = give_up_privileges(helper)) {
    say(failed);
    return drop_failed;
  }
  return Supervisor(helper, marks, filter).run(signals.get());
}

}  // namespace

void BusyMark::begin() noexcept {
  since_.store(monotonic_nanoseconds(), std::memory_order_relaxed);
}

std::int64_t BusyMark::busy_for() const noexcept {
  const std::int64_t since = since_.load(std::memory_order_relaxed);
  return since == 0 ? 0 : monotonic_nanoseconds() - since;
}

std::expected<StartedHelper, int> start_helper(const Helper& helper) noexcept {
  std::array<int, 2> ends{-1, -1};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) return std::unexpected(errno);
  Descriptor ours(ends[0]);
  const Descriptor theirs(ends[1]);
  const pid_t pid = ::fork();
  if (pid < 0) return std::unexpected(errno);
  if (pid == 0) {
    // Ours is closed with everything else.
    ::_exit(supervise(helper, theirs.get()));
  }
  return StartedHelper{pid, std::move(ours)};
}

std::expected<void, std::string> await_helper(const StartedHelper& helper,
                                              std::chrono::steady_clock::time_point deadline) {
  std::array<char, 64> text{};
  pollfd entry{helper.channel.get(), POLLIN, 0};
  int ready = 0;
  do {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    ready = ::poll(&entry, 1, static_cast<int>(std::max<std::chrono::milliseconds::rep>(left.count(), 0)));
  } while (ready < 0 && errno == EINTR);
  if (ready <= 0) return std::unexpected("says nothing");
  const auto message = receive_message(helper.channel.get(), std::as_writable_bytes(std::span(text)), Wait::no);
  if (!message || message->size == 0) return std::unexpected("has ended");
  const std::string_view word(text.data(), message->size);
  if (word != is_up) return std::unexpected(std::string(word));
  return {};
}

}  // namespace secshr
