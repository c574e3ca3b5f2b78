#include "secshr/start/starter.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <ctime>
#include <optional>
#include <string>
#include <vector>

#include "protocol/socket_names.h"
#include "secshr/audit/audit.h"
#include "secshr/audit/both_audits.h"
#include "secshr/audit/counted_audit.h"
#include "secshr/audit/digest.h"
#include "secshr/audit/file_audit.h"
#include "secshr/audit/log_channel.h"
#include "secshr/audit/log_file.h"
#include "secshr/audit/logfmt.h"
#include "secshr/audit/recorder.h"
#include "secshr/audit/syslog_audit.h"
#include "secshr/bookkeeping.h"
#include "secshr/bound_names.h"
#include "secshr/broker.h"
#include "secshr/helper_pool.h"
#include "secshr/least_privilege.h"
#include "secshr/limits.h"
#include "secshr/linux_kernel.h"
#include "secshr/looker/looker.h"
#include "secshr/reply_sockets.h"
#include "secshr/serve.h"
#include "secshr/server_socket.h"
#include "secshr/start/instance_lock.h"
#include "secshr/start/kept_configuration.h"
#include "secshr/start/log_copy.h"
#include "secshr/start/ping.h"
#include "secshr/start/plan.h"
#include "secshr/start/root_directories.h"
#include "secshr/writer/writer.h"
#include "secshr_paths.h"
#include "system/system_log.h"
#include "wrapper/handoff.h"

namespace secshr {
namespace {

// The helpers, which leave when these channels close.
struct Helpers {
  LookerSetup setup;  // its pins hold as long as the broker does
  StartedHelper looker;
  StartedHelper writer;
  StartedHelper recorder;
  std::optional<StartedHelper> copyist;  // a recorder of the copy
};

// Without any capability. Its one worker is never busy too long: a disk that hangs may hang.
std::expected<StartedHelper, int> start_recorder(const char* name, const Plan& plan, const Descriptor& file) {
  return start_helper({{name, plan.configuration.broker_uid, {}},
                       1,
                       [](int channel, BusyMark&) { serve_log(channel, helper_file); },
                       file.get(),
                       limits::log_drain});
}

Started<Helpers> start_helpers(const Plan& plan, const Logs& logs) {
  const Configuration& configuration = plan.configuration;
  auto setup = prepare_looker(plan.installation.directory);
  if (!setup) return start_fault(StartStatus::other, "looker-setup");
  auto looker = start_helper({{"secshrd-looker", configuration.looker_uid, looker_capabilities},
                              limits::looker_workers,
                              [&](int channel, BusyMark& busy) { serve_looks(*setup, channel, busy); }});
  if (!looker) return start_fault(StartStatus::fork_failed, "looker", std::strerror(looker.error()));
  auto writer = start_helper({{"secshrd-writer", configuration.writer_uid, writer_capabilities},
                              limits::writer_workers,
                              [](int channel, BusyMark& busy) { serve_writes(channel, busy); }});
  if (!writer) return start_fault(StartStatus::fork_failed, "writer", std::strerror(writer.error()));
  auto recorder = start_recorder("secshrd-log", plan, logs.log);
  if (!recorder) return start_fault(StartStatus::fork_failed, "recorder", std::strerror(recorder.error()));
  std::optional<StartedHelper> copyist;
  if (logs.copy) {
    auto started = start_recorder("secshrd-copy", plan, logs.copy);
    if (started) copyist = *std::move(started);
  }
  return Helpers{*std::move(setup), *std::move(looker), *std::move(writer), *std::move(recorder), std::move(copyist)};
}

// Waits until the lock is free (nullopt) or its holder answers in our directory (serving).
std::optional<Started<StartStatus>> wait_for_holder(InstanceLock& lock, const Plan& plan) {
  const auto deadline = std::chrono::steady_clock::now() + limits::running_broker_deadline;
  while (lock.held_by_another()) {
    if (broker_answers(plan.directories.front().descriptor.get(), *plan.installation.profile, plan.server_name,
                       plan.installation.communication_key, limits::ping_patience)) {
      return StartStatus::serving;
    }
    if (std::chrono::steady_clock::now() >= deadline) {
      return start_fault(StartStatus::lock, "holder-does-not-answer", plan.directories.front().name);
    }
    (void)::poll(nullptr, 0, static_cast<int>(limits::ping_interval.count()));
  }
  return std::nullopt;
}

// SIGTERM, SIGINT and SIGHUP end the broker in order, SIGCHLD says that a helper died. Blocked before the first fork.
Descriptor take_signals() {
  sigset_t signals;
  (void)sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGCHLD}) (void)sigaddset(&signals, signal);
  // A wrapper that was killed must not take the broker with it: telling it would raise SIGPIPE.
  sigset_t blocked = signals;
  (void)sigaddset(&blocked, SIGPIPE);
  if (sigprocmask(SIG_SETMASK, &blocked, nullptr) != 0) return Descriptor();
  return Descriptor(::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
}

void tell_wrapper(StartStatus status) noexcept {
  const auto byte = static_cast<unsigned char>(status);
  (void)!::write(readiness_descriptor, &byte, 1);
  (void)::close(readiness_descriptor);
}

std::string describe_start(const Plan& plan) {
  std::string directories;
  for (const PlannedDirectory& directory : plan.directories) directories += " " + directory.name;
  return fmt::format("installation {} socket {} release {} configuration {:016x} directories{}",
                     plan.installation.name, plan.server_name.view(), plan.installation.release,
                     plan.configuration.hash, directories);
}

Started<std::vector<ServicePoint>> bind_sockets(const Plan& plan) {
  std::vector<ServicePoint> points;
  for (const PlannedDirectory& directory : plan.directories) {
    auto socket =
        bind_server_socket(directory.descriptor.get(), plan.server_name, plan.access.mode, plan.access.group);
    if (!socket) {
      return start_fault(
          StartStatus::directory, socket.error().step,
          fmt::format("{}/{}: {}", directory.name, plan.server_name.view(), std::strerror(socket.error().error)));
    }
    points.push_back({*std::move(socket), directory.descriptor.get(), directory.name});
  }
  return points;
}

// Everything of the broker's that is made with sockets and files that it cannot make by itself.
Started<LinuxKernel> make_kernel(const Plan& plan) {
  auto replies = ReplySockets::make();
  if (!replies) return start_fault(StartStatus::other, "reply-sockets", std::strerror(replies.error()));
  auto bound_names = BoundNames::open();
  if (!bound_names) return start_fault(StartStatus::other, "bound-names", std::strerror(bound_names.error()));
  return LinuxKernel(*std::move(replies), *std::move(bound_names),
                     plan.configuration.allow_root_objects ? ActingAsRoot::allowed : ActingAsRoot::refused);
}

std::vector<std::string> names_of(const std::vector<PlannedDirectory>& directories) {
  std::vector<std::string> names;
  names.reserve(directories.size());
  for (const PlannedDirectory& directory : directories) names.push_back(directory.name);
  return names;
}

Counters first_counters(const Plan& plan) {
  Counters counters;
  counters.broker_pid = static_cast<std::uint64_t>(::getpid());
  counters.started = static_cast<std::uint64_t>(std::time(nullptr));
  counters.configuration_hash = plan.configuration.hash;
  return counters;
}

// Service does not depend on it.
std::expected<CountersPage, std::string> make_counters_page(const Plan& plan, const Counters& counters) {
  const auto run = open_place(paths::run, plan.installation.name);
  if (!run) return std::unexpected(run.error().path + ": " + run.error().what);
  auto page = CountersPage::create(run->get(), counters);
  if (!page) return std::unexpected(std::strerror(page.error()));
  return *std::move(page);
}

// Under the lock: binds, drops, says that it serves, and serves. Everything that needs root is before the drop.
Started<LoopEnd> become_broker(const Plan& plan, Helpers helpers, int signals, Logs& logs) {
  auto points = bind_sockets(plan);
  if (!points) return std::unexpected(points.error());
  auto kernel = make_kernel(plan);
  if (!kernel) return std::unexpected(kernel.error());
  SyslogAudit system_log(*plan.installation.profile, names_of(plan.directories));
  const auto kept = keep_configuration(plan.installation.name, plan.configuration.text);
  Counters counters = first_counters(plan);
  auto page = make_counters_page(plan, counters);
  const std::string without_page = page ? std::string() : page.error();
  (void)::close(executable_descriptor);
  const char* failed = drop_privileges({"secshrd", plan.configuration.broker_uid, broker_capabilities});
  if (failed != nullptr) return start_fault(StartStatus::other, "drop-privileges", failed);
  const std::string copy_refused = logs.copy_refused;
  logs = {};  // from here on they are the recorders' alone

  LookerChannel looker(std::move(helpers.looker.channel));
  WriterChannel writer(std::move(helpers.writer.channel));
  LogChannel log(std::move(helpers.recorder.channel),
                 helpers.copyist ? std::move(helpers.copyist->channel) : Descriptor());
  FileAudit file_audit(log);
  const LogSettings& settings = plan.configuration.log;
  Digest digest(file_audit, {settings.routine == Routine::lines, settings.refusals_per_minute_per_uid},
                kernel->now());
  BothAudits both(digest, system_log);
  CountedAudit audit(settings.system_log ? static_cast<Audit&>(both) : digest, counters);
  Bookkeeping books{digest, log, counters, page ? *std::move(page) : CountersPage()};
  const Restrictions& restrictions = plan.configuration.restrictions;
  Broker broker({plan.installation.profile,
                 plan.installation.communication_key,
                 plan.overflow,
                 plan.configuration.allow_root_objects,
                 {restrictions.requests_per_second_per_uid, restrictions.requests_per_second,
                  restrictions.refusals_per_second_per_uid},
                 &restrictions},
                *kernel, looker, writer, audit);
  audit.event("started", describe_start(plan));
  // The kernel is the same for all of them.
  if (!passes_pidfds(points->front().socket.socket.get())) audit.event("degraded", "no SCM_PIDFD");
  if (plan.refused_configuration) audit.event("configuration-refused", to_string(*plan.refused_configuration));
  if (!kept) audit.event("configuration-not-kept", kept.error().path + ": " + kept.error().what);
  if (!without_page.empty()) audit.event("counters-unavailable", without_page);
  if (!copy_refused.empty()) audit.event("log-copy-refused", copy_refused);
  tell_wrapper(StartStatus::serving);
  const Loop loop{*points,
                  plan.server_name,
                  looker,
                  writer,
                  log,
                  books,
                  {helpers.looker.supervisor, helpers.writer.supervisor, helpers.recorder.supervisor},
                  signals,
                  plan.configuration.idle_timeout};
  const LoopEnd end = serve(broker, *kernel, loop);
  books.publish(broker);
  digest.flush();
  audit.event("ended", fmt::format("{} unsent-replies {}", loop_end_name(end), broker.unsent_replies()));
  log.drain(kernel->now() + limits::log_drain);
  return end;
}

// Becomes the broker and serves, or finds out that another process is it.
Started<StartStatus> take_place(const Plan& plan, int signals, Logs& logs) {
  if (const auto run = open_place(paths::run, plan.installation.name); !run) {
    return start_fault(StartStatus::not_adopted, "run-directory", run.error().path + ": " + run.error().what);
  }
  auto lock = InstanceLock::open(fmt::format("{}/{}/lock", paths::run, plan.installation.name));
  if (!lock) return start_fault(StartStatus::lock, "lock", std::strerror(lock.error()));

  while (true) {
    if (auto running = wait_for_holder(*lock, plan)) return *std::move(running);
    auto helpers = start_helpers(plan, logs);
    if (!helpers) return std::unexpected(helpers.error());
    // After the last fork: the lock is this process's alone. Where another starter was faster, the helpers leave with
    // their channels.
    if (!lock->try_take()) continue;
    const auto end = become_broker(plan, *std::move(helpers), signals, logs);
    if (!end) return std::unexpected(end.error());
    return StartStatus::serving;
  }
}

Started<StartStatus> start(const Invoker& invoker, Logs& logs) {
  const Descriptor signals = take_signals();
  if (!signals) return start_fault(StartStatus::other, "signals", std::strerror(errno));
  auto plan = read_configuration();
  if (!plan) return std::unexpected(plan.error());
  auto opened = open_audit_log(*plan);
  if (!opened) return std::unexpected(opened.error());
  logs.log = *std::move(opened);
  if (const auto chosen = choose_directories(*plan, invoker); !chosen) return std::unexpected(chosen.error());
  open_log_copy(*plan, invoker, logs);
  return take_place(*plan, signals.get(), logs);
}

// To the system log, and to the audit log where the start got that far.
void report(const StartFault& failed, Logs& logs) {
  const std::string detail = LogLine().text("cause", failed.detail).view();
  log_to_system(failed.reason, detail.c_str());
  if (!logs.log) return;
  LogFile log(std::move(logs.log));
  FileAudit(log).event("start-failed", fmt::format("{} {}", failed.reason, failed.detail));
}

}  // namespace

int run_starter(const Invoker& invoker) {
  // Modes are given in full where things are made.
  (void)::umask(0);
  Logs logs;
  const auto status = start(invoker, logs);
  if (!status) report(status.error(), logs);
  const StartStatus outcome = status ? *status : status.error().status;
  tell_wrapper(outcome);
  return static_cast<int>(outcome);
}

}  // namespace secshr
