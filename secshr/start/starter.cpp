#include "secshr/start/starter.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/signalfd.h>
#include <sys/stat.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <optional>
#include <string>
#include <utility>

#include "secshr/audit/file_audit.h"
#include "secshr/audit/log_file.h"
#include "secshr/audit/logfmt.h"
#include "secshr/start/log_copy.h"
#include "secshr/start/needed_capabilities.h"
#include "secshr/start/plan.h"
#include "secshr/start/root_directories.h"
#include "secshr/start/run_place.h"
#include "secshr/start/start_lines.h"
#include "secshr/start/take_place.h"
#include "secshr/start/tell_wrapper.h"
#include "secshr_paths.h"
#include "system/system_log.h"

namespace secshr {
namespace {

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

// What this start says. It is counted by its user, and decided once for all of it whether it may.
struct Words {
  uid_t uid = 0;
  Logs logs;
  std::string installation;  // empty until it is known
  std::optional<bool> may_be_said;
};

StartLines open_start_lines(const std::string& installation, StartLines::Missing missing) {
  const auto place = installation.empty() ? open_place(paths::run, ".") : open_run_place(installation);
  return place ? StartLines::open(place->get(), missing) : StartLines();
}

bool may_say(Words& words) {
  if (!words.may_be_said) {
    auto lines = open_start_lines(words.installation, StartLines::Missing::make);
    words.may_be_said = lines.may_say(words.uid, this_minute());
  }
  return *words.may_be_said;
}

void say_that_the_kept_one_is_used(Words& words, const ConfigurationError& refused) {
  if (!may_say(words)) return;
  const std::string detail = LogLine().text("in_force", "kept").text("cause", to_string(refused)).view();
  log_to_system("configuration", detail.c_str());
}

// What former starts of this installation, or before they knew theirs, were not allowed to say. Each start looks:
// until it is told the users whose starts they were have no more lines.
void say_what_was_withheld(const Words& words) {
  for (const std::string& installation : {std::string(), words.installation}) {
    auto lines = open_start_lines(installation, StartLines::Missing::leave);
    for (const auto& [uid, starts] : lines.take_withheld(this_minute())) {
      const std::string user = uid ? fmt::format("uid {}", *uid) : "other uids";
      const auto count = static_cast<std::int64_t>(starts);
      log_to_system("start-lines-withheld", LogLine().text("of", user).number("starts", count).view().c_str());
      if (!words.logs.log) continue;
      LogFile log(Descriptor(::fcntl(words.logs.log.get(), F_DUPFD_CLOEXEC, 0)));
      FileAudit(log).summary({"starts-withheld", uid, starts, uid ? "" : "other uids"});
    }
  }
}

Started<StartStatus> start(const Invoker& invoker, Words& words) {
  const Descriptor signals = take_signals();
  if (!signals) return start_fault(StartStatus::other, "signals", std::strerror(errno));
  auto plan = read_configuration();
  if (!plan) return std::unexpected(plan.error());
  words.installation = plan->installation.name;
  auto opened = open_audit_log(*plan);
  if (opened) words.logs.log = std::move(*opened);
  say_what_was_withheld(words);
  if (plan->refused_configuration) say_that_the_kept_one_is_used(words, *plan->refused_configuration);
  if (!opened) return std::unexpected(opened.error());
  if (!plan->log_unavailable.empty() && may_say(words)) {
    log_to_system("log-unavailable", LogLine().text("cause", plan->log_unavailable).view().c_str());
  }
  // Before a broker that runs is asked for anything: this one could not take its place.
  const std::string missing = missing_capabilities();
  if (!missing.empty()) return start_fault(StartStatus::other, "capabilities", "lacks " + missing);
  if (const auto chosen = choose_directories(*plan, invoker); !chosen) return std::unexpected(chosen.error());
  open_log_copy(*plan, invoker, words.logs);
  return take_place(*plan, invoker, signals.get(), words.logs);
}

// To the system log, and to the audit log where the start got that far.
void report(const StartFault& failed, Words& words) {
  say_what_was_withheld(words);
  if (!may_say(words)) return;
  const std::string detail = LogLine().text("cause", failed.detail).view();
  log_to_system(failed.reason, detail.c_str());
  if (!words.logs.log) return;
  LogFile log(std::move(words.logs.log));
  FileAudit(log).event("start-failed", fmt::format("{} {}", failed.reason, failed.detail));
}

}  // namespace

int run_starter(const Invoker& invoker) {
  // Modes are given in full where things are made.
  (void)::umask(0);
  Words words;
  words.uid = invoker.uid;
  const auto status = start(invoker, words);
  if (!status) report(status.error(), words);
  const StartStatus outcome = status ? *status : status.error().status;
  tell_wrapper(outcome);
  return static_cast<int>(outcome);
}

}  // namespace secshr
