#include "secshr/start/starter.h"

#include <fmt/format.h>
#include <sys/signalfd.h>
#include <sys/stat.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

#include "secshr/audit/file_audit.h"
#include "secshr/audit/log_file.h"
#include "secshr/audit/logfmt.h"
#include "secshr/start/log_copy.h"
#include "secshr/start/plan.h"
#include "secshr/start/take_place.h"
#include "secshr/start/tell_wrapper.h"
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
  return take_place(*plan, invoker, signals.get(), logs);
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
