#include "admin/log/last_refusals.h"

#include <fcntl.h>

#include <utility>
#include <variant>

#include "admin/log/line_reader.h"
#include "system/descriptor.h"
#include "system/root_controlled.h"

namespace secshr::admin {
namespace {

// Enough for a look; all of them has secshrctl audit.
constexpr std::size_t lines_looked_at = 1000;

bool is_refusal(const LogEntry& entry) {
  const auto* const record = std::get_if<LogRecord>(&entry.what);
  return record != nullptr && record->verdict == "refused";
}

}  // namespace

std::vector<LogEntry> last_refusals(const std::string& log, std::size_t most) {
  const RootControlled opened = open_root_controlled(log.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  if (opened.fault != PathFault::none) return {};
  Descriptor file(opened.descriptor);
  if (!seek_last_lines(file.get(), lines_looked_at)) return {};
  std::vector<LogEntry> refusals;
  LineReader reader(std::move(file));
  for (auto line = reader.next(); line && *line; line = reader.next()) {
    auto entry = (*line)->is_whole() ? parse_log_entry((*line)->text) : std::nullopt;
    if (!entry || !is_refusal(*entry)) continue;
    if (refusals.size() == most) refusals.erase(refusals.begin());
    refusals.push_back(*std::move(entry));
  }
  return refusals;
}

}  // namespace secshr::admin
