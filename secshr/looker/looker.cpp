#include "secshr/looker/looker.h"

#include <sys/stat.h>

#include <array>
#include <cstdlib>
#include <span>
#include <utility>

#include "secshr/descriptor_passing.h"
#include "secshr/looker/look_at_client.h"
#include "secshr/looker/look_at_process.h"
#include "secshr/looker/mapped_identity.h"
#include "secshr/looker/process_view.h"

namespace secshr {

std::optional<LookerSetup> prepare_looker(const std::string& installation) {
  struct stat ipc{};
  if (::stat("/proc/self/ns/ipc", &ipc) != 0) return std::nullopt;
  auto kernels_own = kernels_own_file_systems();
  if (kernels_own.empty()) return std::nullopt;
  return LookerSetup{ipc.st_dev, ipc.st_ino, std::move(kernels_own), installation_programs(installation)};
}

void serve_looks(const LookerSetup& setup, int channel, BusyMark& busy) noexcept {
  Buffers buffers;
  std::array<std::byte, look_request_size> bytes{};
  std::array<std::byte, look_report_size> answer{};
  while (true) {
    const auto message = receive_message(channel, bytes, Wait::yes);
    if (!message || message->size == 0) return;
    const auto request = decode_look_request(std::span(bytes).first(message->size));
    if (!request || !message->descriptor) return;
    busy.begin();
    const int pidfd = message->descriptor.get();
    LookReport report;
    report.job = request->job;
    Descriptor file;
    report.verdict = request->at == LookAt::process
                         ? look_at_process(request->whom.pid, pidfd, setup, buffers, report)
                         : look_at_client(*request, pidfd, setup, buffers, report, file);
    if (report.verdict != LookVerdict::seen) file.reset();
    const auto size = encode_look_report(report, answer);
    // An empty message would say that the whole helper has gone; this worker is replaced.
    if (size == 0) std::abort();
    const auto sent = send_message(channel, std::span(answer).first(size), file.get(), Wait::yes);
    busy.end();
    if (!sent) return;
  }
}

}  // namespace secshr
