#include "secshr/start/run_broker.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstring>
#include <ctime>
#include <expected>
#include <span>
#include <utility>

#include "secshr/audit/audit.h"
#include "secshr/audit/both_audits.h"
#include "secshr/audit/counted_audit.h"
#include "secshr/audit/digest.h"
#include "secshr/audit/file_audit.h"
#include "secshr/audit/log_channel.h"
#include "secshr/audit/logfmt.h"
#include "secshr/audit/syslog_audit.h"
#include "secshr/bookkeeping.h"
#include "secshr/bound_names.h"
#include "secshr/broker.h"
#include "secshr/limits.h"
#include "secshr/privilege/landlock.h"
#include "secshr/privilege/least_privilege.h"
#include "secshr/privilege/syscall_filter.h"
#include "secshr/reply_sockets.h"
#include "secshr/start/kept_configuration.h"
#include "secshr/start/remembered_directories.h"
#include "secshr/start/tell_wrapper.h"
#include "secshr_paths.h"

namespace secshr {
namespace {

std::string describe_start(const Plan& plan) {
  std::string directories;
  for (const PlannedDirectory& directory : plan.directories) directories += " " + log_value(directory.name);
  return fmt::format("installation {} socket {} release {} configuration {:016x}{} directories{}",
                     plan.installation.name, plan.server_name.view(), plan.installation.release,
                     plan.configuration.hash, plan.has_left_cgroup ? "" : " cgroup invoker's", directories);
}

// Everything of the broker's that is made with sockets and files that it cannot make by itself.
Started<LinuxKernel> make_kernel(const Plan& plan) {
  auto replies = ReplySockets::make();
  if (!replies) return start_fault(StartStatus::other, "reply-sockets", std::strerror(replies.error()));
  auto connections = ReplyConnections::make();
  if (!connections) return start_fault(StartStatus::other, "reply-connections", std::strerror(connections.error()));
  auto bound_names = BoundNames::open();
  if (!bound_names) return start_fault(StartStatus::other, "bound-names", std::strerror(bound_names.error()));
  return LinuxKernel(*std::move(replies), *std::move(connections), *std::move(bound_names),
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

// By who has the turn: whoever waits for that after writing the file knows that every later start goes by it. One
// that cannot be read was meant, and is for root alone.
void read_lockdown(Preparation& preparation) {
  const auto lockdown = load_lockdown(paths::lockdown);
  if (lockdown) {
    preparation.lockdown = *lockdown;
  } else {
    preparation.lockdown = Lockdown{};
    preparation.lockdown_fault = to_string(lockdown.error());
  }
}

void add_notes_of(const Preparation& preparation, std::vector<Note>& notes) {
  if (!preparation.lockdown) return;
  const std::string& fault = preparation.lockdown_fault;
  notes.push_back({"lockdown", fmt::format("only root and group {} are served{}{}", preparation.lockdown->group,
                                           fault.empty() ? "" : ": ", fault)});
}

// Service does not depend on it.
CountersPage make_counters_page(int directory, const Counters& counters, std::vector<Note>& notes) {
  auto page = CountersPage::create(directory, counters);
  if (page) return *std::move(page);
  notes.push_back({"counters-unavailable", std::strerror(page.error())});
  return CountersPage();
}

// Nor on these.
void remember(const Plan& plan, int place, std::vector<Note>& notes) {
  const auto done = remember_directories(place, plan.directories);
  if (!done) notes.push_back({"directories-not-remembered", std::strerror(done.error())});
}
void keep(const Plan& plan, std::vector<Note>& notes) {
  const auto kept = keep_configuration(plan.installation.name, plan.configuration.text);
  if (!kept) notes.push_back({"configuration-not-kept", kept.error().path + ": " + kept.error().what});
}

void add_notes_of(const Plan& plan, const Logs& logs, std::vector<Note>& notes) {
  if (plan.refused_configuration) {
    notes.push_back({"configuration-refused", to_string(*plan.refused_configuration)});
  }
  if (!logs.copy_refused.empty()) notes.push_back({"log-copy-refused", logs.copy_refused});
}

// What the kernel lacks is made up for elsewhere, or not at all; in both cases an administrator should know.
void find_degraded(int server_socket, Counters& counters, std::vector<Note>& notes) {
  if (passes_pidfds(server_socket)) return;
  counters.degraded |= without_scm_pidfd;
  notes.push_back({"degraded", "no SCM_PIDFD"});
}

void restrict_broker_files(std::span<const ServicePoint> points, Counters& counters, std::vector<Note>& notes) {
  std::vector<int> directories;
  directories.reserve(points.size());
  for (const ServicePoint& point : points) directories.push_back(point.directory);
  const auto restricted = restrict_files(directories);
  if (restricted) return;
  counters.degraded |= without_landlock;
  notes.push_back({"degraded", "no Landlock: " + restricted.error()});
}

// From here on this process can do what a broker needs, and nothing else.
const char* become_broker(const Configuration& configuration, std::span<const ServicePoint> points,
                          Counters& counters, std::vector<Note>& notes) {
  if (const char* failed = drop_privileges({"secshrd", configuration.broker_uid, broker_capabilities})) return failed;
  restrict_broker_files(points, counters, notes);
  return confine(Confined::broker, configuration.allow_root_objects ? ActingAsRoot::allowed : ActingAsRoot::refused);
}

}  // namespace

Started<Preparation> prepare_broker(const Plan& plan, const Logs& logs, int place) {
  auto control = listen_for_control(place);
  if (!control) return start_fault(StartStatus::other, "control", std::strerror(control.error()));
  auto helpers = start_helpers(plan, logs);
  if (!helpers) return std::unexpected(helpers.error());
  // While they come up.
  auto kernel = make_kernel(plan);
  if (!kernel) return std::unexpected(kernel.error());
  // Before anything is taken from a broker that runs, and before anybody is told that this one serves: it would end
  // at once where one of them has not come up.
  if (const auto up = await_helpers(*helpers); !up) return std::unexpected(up.error());
  Preparation preparation{*std::move(helpers), *std::move(kernel), *std::move(control), {}, {}};
  read_lockdown(preparation);
  return preparation;
}

Started<LoopEnd> run_broker(const Plan& plan, Preparation preparation, std::span<ServicePoint> points, Place place,
                            Logs& logs, std::vector<Note>& notes) {
  auto& [helpers, kernel, control, lockdown, lockdown_fault] = preparation;
  add_notes_of(preparation, notes);
  if (const int error = take_control_name(place.directory.get()); error != 0) {
    return start_fault(StartStatus::other, "control", std::strerror(error));
  }
  SyslogAudit system_log(*plan.installation.profile, names_of(plan.directories));
  add_notes_of(plan, logs, notes);
  keep(plan, notes);
  remember(plan, place.directory.get(), notes);
  Counters counters = first_counters(plan);
  find_degraded(points.front().socket.socket.get(), counters, notes);  // the kernel is the same for all of them
  CountersPage page = make_counters_page(place.directory.get(), counters, notes);
  place.directory.reset();
  (void)::close(executable_descriptor);
  const char* const failed = become_broker(plan.configuration, points, counters, notes);
  if (failed != nullptr) return start_fault(StartStatus::other, "drop-privileges", failed);
  logs = {};  // from here on they are the recorders' alone

  LookerChannel looker(std::move(helpers.looker.channel));
  WriterChannel writer(std::move(helpers.writer.channel));
  LogChannel log(std::move(helpers.recorder.channel),
                 helpers.copyist ? std::move(helpers.copyist->channel) : Descriptor());
  FileAudit file_audit(log);
  const LogSettings& settings = plan.configuration.log;
  Digest digest(file_audit, {settings.routine == Routine::lines, settings.refusals_per_minute_per_uid}, kernel.now());
  BothAudits both(digest, system_log);
  CountedAudit audit(settings.system_log ? static_cast<Audit&>(both) : digest, counters);
  Bookkeeping books{digest, log, counters, std::move(page)};
  const Restrictions& restrictions = plan.configuration.restrictions;
  Broker broker({plan.installation.profile,
                 plan.installation.communication_key,
                 plan.overflow,
                 plan.configuration.allow_root_objects,
                 {restrictions.requests_per_second_per_uid, restrictions.requests_per_second,
                  restrictions.refusals_per_second_per_uid},
                 &restrictions,
                 lockdown},
                kernel, looker, writer, audit);
  audit.event("started", describe_start(plan));
  for (const Note& note : notes) audit.event(note.event, note.detail);
  place.lock.release(InstanceLock::Part::turn);
  // Before the word: who hears it may ask at once what this broker lacks.
  books.publish(broker);
  tell_wrapper(StartStatus::serving);
  ControlPort control_port(std::move(control));
  const Loop loop{points,        plan.server_name,
                  place.lock,    control_port,
                  looker,        writer,
                  log,           audit,
                  books,         {helpers.looker.supervisor, helpers.writer.supervisor, helpers.recorder.supervisor},
                  place.signals, plan.configuration.idle_timeout};
  const LoopEnd end = serve(broker, kernel, loop);
  books.publish(broker);
  digest.flush();
  audit.event("ended", fmt::format("{} unsent-replies {} lost-lines {}", loop_end_name(end), broker.unsent_replies(),
                                   log.lost()));
  log.drain(kernel.now() + limits::log_drain);
  return end;
}

}  // namespace secshr
