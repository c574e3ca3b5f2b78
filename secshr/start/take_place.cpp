#include "secshr/start/take_place.h"

#include <fmt/format.h>
#include <poll.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

#include "secshr/control/running_broker.h"
#include "secshr/instance_lock.h"
#include "secshr/limits.h"
#include "secshr/start/former_broker.h"
#include "secshr/start/leave_cgroup.h"
#include "secshr/start/run_broker.h"
#include "secshr/start/run_place.h"
#include "secshr/start/served_directories.h"
#include "secshr/start/takeover_rate.h"
#include "system/pidfd.h"
#include "system/system_log.h"
#include "wrapper/handoff.h"

namespace secshr {
namespace {

using Clock = std::chrono::steady_clock;

using Part = InstanceLock::Part;

class Taking {
 public:
  Taking(Plan& plan, const Invoker& invoker, int signals, Logs& logs, Descriptor directory,
         InstanceLock lock) noexcept
      : plan_(plan),
        invoker_(invoker),
        signals_(signals),
        logs_(logs),
        directory_(std::move(directory)),
        lock_(std::move(lock)) {}

  Started<StartStatus> run() {
    // Before anybody waits for us: through the invoker's control group we could be stopped, and the broker with us
    // while it listens to us.
    plan_.has_left_cgroup = leave_cgroup();
    const auto give_up_at = Clock::now() + limits::start_deadline;
    while (Clock::now() < give_up_at) {
      const auto broker = lock_.holder(Part::broker);
      const auto outcome = broker ? go_by_running(*broker) : start_cold();
      if (!outcome) return std::unexpected(outcome.error());
      if (*outcome) return **outcome;
      lock_.release(Part::turn);
      // For nobody but the wrapper: its user may end it at any time.
      pollfd wrapper{readiness_descriptor, 0, 0};
      if (::poll(&wrapper, 1, static_cast<int>(limits::look_interval.count())) > 0) {
        return start_fault(StartStatus::other, "wrapper-gone");
      }
    }
    return start_fault(StartStatus::lock, "holder-does-not-answer", own().name);
  }

 private:
  // No value: look again. Else what the start has come to.
  using Outcome = Started<std::optional<StartStatus>>;

  // Since when a process is in the way, without a word.
  struct Watch {
    std::optional<pid_t> holder;
    Clock::time_point since;
  };

  [[nodiscard]] const PlannedDirectory& own() const noexcept { return plan_.directories.front(); }

  // May be stopped, wedged or lying; in every case nobody is served. What it has done is done, and what it has not
  // answered is asked again.
  void mind(Part part, std::optional<pid_t> holder, Clock::duration patience, Watch& watch) {
    if (watch.holder != holder) watch = {holder, Clock::now()};
    if (!holder || Clock::now() < watch.since + patience) return;
    watch.holder.reset();
    if (lock_.kill_holder(part, *holder)) tell_killed(*holder);
  }

  // At once, too: who has killed may be killed.
  void tell_killed(pid_t holder) {
    const std::string detail = fmt::format("pid {} held its lock and said nothing", holder);
    log_to_system("killed", detail.c_str());
    notes_.push_back({"killed", detail});
  }

  // Only who is about to change something has it.
  bool take_turn() {
    if (lock_.try_take(Part::turn)) return true;
    mind(Part::turn, lock_.holder(Part::turn), limits::turn_deadline, turn_);
    return false;
  }

  // A broker of another place serves the directory: two would take the name from each other for ever.
  [[nodiscard]] bool is_anothers() const noexcept { return is_live(own().descriptor.get(), plan_.server_name); }

  Outcome start_cold() {
    if (!take_turn()) return std::nullopt;
    auto preparation = prepare_broker(plan_, logs_, directory_.get());
    if (!preparation) return std::unexpected(preparation.error());
    if (!lock_.try_take(Part::broker)) return std::nullopt;
    if (is_anothers()) return StartStatus::serving;
    plan_remembered(directory_.get(), plan_);
    return open_and_serve(*std::move(preparation), std::nullopt);
  }

  // The broker that runs serves us, or is to be taken over, or makes room in a moment, or says nothing.
  Outcome go_by_running(pid_t broker) {
    auto running = RunningBroker::connect(directory_.get());
    auto report = running ? running->report() : std::unexpected(running.error());
    if (!report) {
      mind(Part::broker, broker, limits::running_broker_deadline, broker_);
      return std::nullopt;
    }
    broker_.holder.reset();
    if (report->state.stage == BrokerStage::ending) {
      mind(Part::broker, broker, limits::leaving_broker_deadline, ending_);
      return std::nullopt;
    }
    const bool is_wanted = report->state.stage == BrokerStage::to_be_renewed;
    const int directory = own().descriptor.get();
    // Ours by what it says and by the name, or another's by the name alone: that one is not ours to renew.
    const bool is_to_be_had = is_wanted && is_served(*report, directory);
    if (!is_to_be_had && is_live(directory, plan_.server_name)) return StartStatus::serving;
    if (!take_turn()) return std::nullopt;
    // From here on it stays who it is. Until now another starter may have put somebody else in its place, who serves
    // more than this report says and would not hear that it is to leave.
    if (lock_.holder(Part::broker) != broker) return std::nullopt;
    plan_those_of(*std::move(report), plan_);
    // What nothing but a user's wish speaks for cannot be had all the time.
    if (!is_wanted && is_a_users(directory) && !note_takeover(directory_.get(), invoker_.uid)) {
      return start_fault(StartStatus::directory, "too-many-takeovers",
                         fmt::format("{} (for uid {})", own().name, invoker_.uid));
    }
    auto preparation = prepare_broker(plan_, logs_, directory_.get());
    if (!preparation) return std::unexpected(preparation.error());
    return open_and_serve(*std::move(preparation), std::move(*running));
  }

  // `former` serves as if nothing were until the sockets have their names.
  Outcome open_and_serve(Preparation preparation, std::optional<RunningBroker> former) {
    if (auto limited = limit_directories(plan_); !limited) return std::unexpected(limited.error());
    auto points = open_service_points(plan_);
    if (!points) return std::unexpected(points.error());
    for (std::string& directory : plan_.left_out) notes_.push_back({"directory-not-served", std::move(directory)});
    if (former) {
      if (const auto taken = take_lock_of(*former); !taken) return std::unexpected(taken.error());
    }
    former.reset();
    const auto end =
        run_broker(plan_, std::move(preparation), *points, {std::move(directory_), lock_, signals_}, logs_, notes_);
    if (!end) return std::unexpected(end.error());
    return StartStatus::serving;
  }

  // It is our turn: nobody else takes the lock. The former broker would also find out by itself that its sockets have
  // no names any more; but not where one of its directories is left out, and not at once.
  Started<void> take_lock_of(RunningBroker& former) {
    const auto holder = lock_.holder(Part::broker);
    const Descriptor process = holder ? lock_.open_holder(Part::broker, *holder) : Descriptor();
    if (!former.ask(ControlRequest::leave)) {
      // It has waited for a word of ours for limits::control_patience, and hung up.
      auto again = RunningBroker::connect(directory_.get());
      if (again && again->ask(ControlRequest::leave)) former = *std::move(again);
    }
    Watch leaving;
    const auto give_up_at = Clock::now() + limits::start_deadline;
    while (!lock_.try_take(Part::broker)) {
      // By somebody who cannot be told of, and so not be killed: who was handed the lock's descriptor.
      if (Clock::now() >= give_up_at) return start_fault(StartStatus::lock, "lock-is-anothers", own().name);
      mind(Part::broker, lock_.holder(Part::broker), limits::leaving_broker_deadline, leaving);
      (void)::poll(nullptr, 0, 1);
    }
    if (process && !has_ended(process.get()) && !watch_former_broker(process, plan_.configuration.broker_uid)) {
      notes_.push_back({"former-broker-unwatched", std::strerror(errno)});
    }
    return {};
  }

  Plan& plan_;
  const Invoker& invoker_;
  int signals_;
  Logs& logs_;
  Descriptor directory_;
  InstanceLock lock_;
  std::vector<Note> notes_;
  Watch broker_;
  Watch ending_;
  Watch turn_;
};

}  // namespace

Started<StartStatus> take_place(Plan& plan, const Invoker& invoker, int signals, Logs& logs) {
  auto directory = open_run_place(plan.installation.name);
  if (!directory) {
    return start_fault(StartStatus::not_adopted, "run-directory",
                       directory.error().path + ": " + directory.error().what);
  }
  auto lock = InstanceLock::open(directory->get());
  if (!lock) return start_fault(StartStatus::lock, "lock", std::strerror(lock.error()));
  return Taking(plan, invoker, signals, logs, *std::move(directory), *std::move(lock)).run();
}

}  // namespace secshr
