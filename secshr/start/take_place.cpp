#include "secshr/start/take_place.h"

#include <fmt/format.h>
#include <poll.h>

#include <chrono>
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

#include "secshr/control/running_broker.h"
#include "secshr/instance_lock.h"
#include "secshr/limits.h"
#include "secshr/start/ping.h"
#include "secshr/start/run_broker.h"
#include "secshr/start/run_place.h"
#include "secshr/start/served_directories.h"
#include "secshr/start/takeover_rate.h"

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
    const auto give_up_at = Clock::now() + limits::start_deadline;
    while (Clock::now() < give_up_at) {
      const bool is_our_turn = lock_.try_take(Part::turn);
      const auto broker = lock_.holder(Part::broker);
      auto outcome = broker ? go_by_running(is_our_turn) : is_our_turn ? start_cold() : Outcome();
      if (!outcome) return std::unexpected(outcome.error());
      if (*outcome) return **outcome;
      is_our_turn ? mind(Part::broker, broker) : mind(Part::turn, lock_.holder(Part::turn));
      (void)::poll(nullptr, 0, static_cast<int>(limits::ping_interval.count()));
    }
    return start_fault(StartStatus::lock, "holder-does-not-answer", own().name);
  }

 private:
  // No value: look again. Else what the start has come to.
  using Outcome = Started<std::optional<StartStatus>>;

  [[nodiscard]] const PlannedDirectory& own() const noexcept { return plan_.directories.front(); }

  [[nodiscard]] PingAnswer ask() const noexcept {
    return ask_broker(own().descriptor.get(), *plan_.installation.profile, plan_.server_name,
                      plan_.installation.communication_key, limits::ping_patience);
  }

  // Whoever is in the way for too long may be stopped, wedged or lying; in every case nobody is served. What it has
  // done is done, and what it has not answered is asked again.
  void mind(Part part, std::optional<pid_t> holder) {
    if (part != minded_ || holder != in_the_way_) {
      minded_ = part;
      in_the_way_ = holder;
      since_ = Clock::now();
    }
    if (!holder || Clock::now() < since_ + limits::running_broker_deadline) return;
    lock_.kill_holder(part, *holder);
    notes_.push_back({"killed", fmt::format("pid {}: held its lock and did not answer", *holder)});
    in_the_way_.reset();
  }

  Outcome start_cold() {
    auto preparation = prepare_broker(plan_, logs_);
    if (!preparation) return std::unexpected(preparation.error());
    if (!lock_.try_take(Part::broker)) return std::nullopt;
    // A broker of another place, which was here first: two would take the name from each other for ever.
    if (ask() == PingAnswer::answered) return StartStatus::serving;
    return open_and_serve(*std::move(preparation), nullptr);
  }

  // The broker that runs serves us, or is to be taken over, or says nothing at the moment.
  Outcome go_by_running(bool is_our_turn) {
    auto running = RunningBroker::connect(directory_.get());
    auto report = running ? running->report() : std::unexpected(running.error());
    if (!report) return std::nullopt;
    const bool is_current = !report->state.wants_renewal;
    if (is_current && is_served(*report, own().descriptor.get())) {
      const auto answer = ask();
      if (answer == PingAnswer::answered) return StartStatus::serving;
      if (answer == PingAnswer::silent) return std::nullopt;
    }
    if (!is_our_turn) return std::nullopt;
    plan_those_of(*std::move(report), plan_);
    // What nothing but a user's wish speaks for cannot be had all the time.
    if (is_current && !own().is_reserved && !note_takeover(directory_.get(), invoker_.uid)) {
      return start_fault(StartStatus::directory, "too-many-takeovers",
                         fmt::format("{} (for uid {})", own().name, invoker_.uid));
    }
    auto preparation = prepare_broker(plan_, logs_);
    if (!preparation) return std::unexpected(preparation.error());
    return open_and_serve(*std::move(preparation), &*running);
  }

  // `former` serves as if nothing were until the sockets have their names.
  Outcome open_and_serve(Preparation preparation, RunningBroker* former) {
    std::vector<std::string> left_out;
    if (auto limited = limit_directories(plan_, left_out); !limited) return std::unexpected(limited.error());
    auto points = open_service_points(plan_, left_out);
    if (!points) return std::unexpected(points.error());
    for (std::string& directory : left_out) notes_.push_back({"directory-not-served", std::move(directory)});
    if (former != nullptr) take_lock_of(*former);
    const auto end = run_broker(plan_, std::move(preparation), *std::move(points),
                                {std::move(directory_), lock_, signals_}, logs_, std::move(notes_));
    if (!end) return std::unexpected(end.error());
    return StartStatus::serving;
  }

  // It is our turn: nobody else takes the lock. The former broker would also find out by itself that its sockets have
  // no names any more.
  void take_lock_of(RunningBroker& former) {
    (void)former.ask(ControlRequest::leave);
    auto kill_at = Clock::now() + limits::leaving_broker_deadline;
    while (!lock_.try_take(Part::broker)) {
      if (const auto holder = lock_.holder(Part::broker); holder && Clock::now() >= kill_at) {
        lock_.kill_holder(Part::broker, *holder);
        notes_.push_back({"killed", fmt::format("pid {}: did not leave", *holder)});
        kill_at = Clock::now() + limits::leaving_broker_deadline;
      }
      (void)::poll(nullptr, 0, 1);
    }
  }

  Plan& plan_;
  const Invoker& invoker_;
  int signals_;
  Logs& logs_;
  Descriptor directory_;
  InstanceLock lock_;
  std::vector<Note> notes_;
  Part minded_ = Part::broker;
  std::optional<pid_t> in_the_way_;
  Clock::time_point since_;
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
