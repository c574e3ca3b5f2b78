#include "secshr/start/broker_helpers.h"

#include <chrono>
#include <cstring>
#include <utility>

#include "secshr/audit/recorder.h"
#include "secshr/limits.h"
#include "secshr/privilege/least_privilege.h"
#include "secshr/writer/writer.h"

namespace secshr {
namespace {

// Without any capability. Its one worker is never busy too long: a disk that hangs may hang.
std::expected<StartedHelper, int> start_recorder(const char* name, const Plan& plan, const Descriptor& file) {
  return start_helper({{name, plan.configuration.broker_uid, {}, true},
                       Confined::recorder_supervisor,
                       1,
                       [](int channel, BusyMark&) { serve_log(channel, helper_file); },
                       file.get(),
                       limits::log_drain});
}

}  // namespace

Started<Helpers> start_helpers(const Plan& plan, const Logs& logs) {
  const Configuration& configuration = plan.configuration;
  auto setup = prepare_looker(plan.installation.directory);
  if (!setup) return start_fault(StartStatus::other, "looker-setup");
  auto looker = start_helper({{"secshrd-looker", configuration.looker_uid, looker_capabilities, true},
                              Confined::looker_supervisor,
                              limits::looker_workers,
                              [&](int channel, BusyMark& busy) { serve_looks(*setup, channel, busy); }});
  if (!looker) return start_fault(StartStatus::fork_failed, "looker", std::strerror(looker.error()));
  auto writer = start_helper({{"secshrd-writer", configuration.writer_uid, writer_capabilities, true},
                              Confined::writer_supervisor,
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

Started<void> await_helpers(Helpers& helpers) {
  const auto deadline = std::chrono::steady_clock::now() + limits::helper_start_deadline;
  const std::pair<const char*, const StartedHelper&> needed[] = {
      {"looker", helpers.looker}, {"writer", helpers.writer}, {"recorder", helpers.recorder}};
  for (const auto& [name, helper] : needed) {
    if (const auto up = await_helper(helper, deadline); !up) return start_fault(StartStatus::other, name, up.error());
  }
  if (helpers.copyist && !await_helper(*helpers.copyist, deadline)) helpers.copyist.reset();
  return {};
}

}  // namespace secshr
