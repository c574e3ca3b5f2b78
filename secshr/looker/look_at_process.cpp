#include "secshr/looker/look_at_process.h"

#include <algorithm>
#include <csignal>
#include <cstdint>

#include "secshr/privilege/act_as.h"
#include "system/pidfd.h"

namespace secshr {
namespace {

// As the process itself, which is all that may read its maps; root's, whom nobody acts as, are out of reach.
bool runs_installation(const ProcStatus& status, int process, const LookerSetup& setup, Buffers& buffers) noexcept {
  const FileIdentity itself(status.uids[0], status.gids[0]);
  return itself.ok() && maps_any(process, buffers, [&](const MappedFile& mapping) {
           return mapping.executable && std::ranges::any_of(setup.programs, [&](const Program& program) {
                    return same_file(program.identity, mapping);
                  });
         });
}

bool catches_alarm(int process, Buffers& buffers) noexcept {
  constexpr std::uint64_t alarm_bit = std::uint64_t{1} << (SIGALRM - 1);
  const auto status = read_status(process, buffers);
  return status && status->caught_signals && (*status->caught_signals & alarm_bit) != 0;
}

}  // namespace

LookVerdict look_at_process(pid_t pid, int pidfd, const LookerSetup& setup, Buffers& buffers,
                            LookReport& report) noexcept {
  const Descriptor process = open_process_directory(pid);
  const auto status = process ? read_status(process.get(), buffers) : std::nullopt;
  if (!is_running(pidfd)) return LookVerdict::peer_gone;
  if (!status || !is_only(*status, status->uids[0], status->gids[0])) return LookVerdict::peer_mixed;
  report.owner = status->uids[0];
  report.runs_installation = runs_installation(*status, process.get(), setup, buffers);
  // After the program, so that the handlers are those of the program that was seen, or of a later one.
  report.catches_alarm = catches_alarm(process.get(), buffers);
  return is_running(pidfd) ? LookVerdict::seen : LookVerdict::peer_gone;
}

}  // namespace secshr
