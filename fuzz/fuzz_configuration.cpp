// Any bytes as the administrator's configuration, or the one that was kept.
//
// 1. What is accepted keeps to every limit: ids that differ and are no overflow id, paths in their one form, numbers
//    within their ranges, no group twice.
// 2. Written out key by key and read again it is the same; kept and read again it is the same to the byte.
// 3. A refusal says why, and a place that the text has.
#include <algorithm>
#include <cstdint>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>

#include "fuzz/property.h"
#include "installation/configuration.h"
#include "installation/finding_ids.h"
#include "installation/limits.h"
#include "installation/paths.h"
#include "protocol/limits.h"

namespace {

using namespace secshr;
using namespace secshr::fuzz;

template <typename Number>
bool is_within(Number number, std::int64_t low, std::int64_t high) {
  return std::cmp_greater_equal(number, low) && std::cmp_less_equal(number, high);
}

void check_restriction(const Restriction& restriction) {
  const std::set<gid_t> groups(restriction.groups.begin(), restriction.groups.end());
  require(groups.size() == restriction.groups.size(), "no group twice");
  require(!groups.contains(static_cast<gid_t>(-1)), "nor nobody's");
  require(restriction.served || groups.empty(), "what is not served is nobody's");
}

void check_restrictions(const Restrictions& all) {
  for (const Restriction* const each : {&all.wake, &all.remove_semaphore_set, &all.remove_segment, &all.remove_file,
                                        &all.continue_process, &all.flush_header}) {
    check_restriction(*each);
  }
  for (const unsigned rate :
       {all.requests_per_second_per_uid, all.requests_per_second, all.refusals_per_second_per_uid}) {
    require(is_within(rate, 1, limits::highest_rate), "a rate");
  }
}

void check_limits(const Configuration& configuration) {
  const std::set<uid_t> ids{configuration.broker_uid, configuration.looker_uid, configuration.writer_uid};
  require(ids.size() == 3, "three ids");
  require(*ids.begin() >= 1 && *ids.rbegin() <= 65533, "of which none is root's or an overflow id");
  const std::set<std::string> directories(configuration.pinned_directories.begin(),
                                          configuration.pinned_directories.end());
  require(directories.size() == configuration.pinned_directories.size(), "no directory twice");
  require(directories.size() <= configuration.max_directories, "as many as there is room for");
  require(std::ranges::none_of(
              directories,
              [](const std::string& path) { return path_fault(path, protocol::maximum_directory).has_value(); }),
          "each in its one form");
  require(!path_fault(configuration.log_directory, limits::path_bytes), "so the log's");
  require(is_within(configuration.idle_timeout.count(), 1, limits::largest_idle_timeout_s), "a timeout");
  require(is_within(configuration.max_directories, 1, limits::most_directories), "a number of directories");
  require(is_within(configuration.log.refusals_per_minute_per_uid, 0, limits::highest_rate), "a number of lines");
  check_restrictions(configuration.restrictions);
  for (const Acknowledgement& each : configuration.acknowledged) {
    require(is_finding_id(each.finding), "a finding that there is");
    require(!each.where || *each.where == "/" || !path_fault(*each.where, limits::path_bytes), "a path");
    require(!each.reason.empty() && each.reason.size() <= limits::reason_bytes, "a reason");
  }
}

// --- written out ---

std::string quoted(std::string_view value) {
  std::string text = "\"";
  for (const char c : value) text += (c == '"' || c == '\\' ? "\\" : "") + std::string(1, c);
  return text + "\"";
}

std::string written(const Restriction& restriction) {
  if (restriction.groups.empty()) return restriction.served ? "true" : "false";
  std::string list = "[";
  for (const gid_t group : restriction.groups) list += std::to_string(group) + ",";
  return list + "]";
}

std::string written(const Configuration& c) {
  std::ostringstream out;
  out << std::boolalpha << "broker_uid=" << c.broker_uid << "\nlooker_uid=" << c.looker_uid
      << "\nwriter_uid=" << c.writer_uid << "\ntmp=[";
  for (const std::string& directory : c.pinned_directories) out << quoted(directory) << ",";
  out << "]\nlog_directory=" << quoted(c.log_directory) << "\nidle_timeout_s=" << c.idle_timeout.count()
      << "\nallow_root_objects=" << c.allow_root_objects << "\nmax_directories=" << c.max_directories
      << "\n[restrict]\nwake=" << written(c.restrictions.wake)
      << "\nremove-semaphore-set=" << written(c.restrictions.remove_semaphore_set)
      << "\nremove-segment=" << written(c.restrictions.remove_segment)
      << "\nremove-file=" << written(c.restrictions.remove_file)
      << "\ncontinue=" << written(c.restrictions.continue_process)
      << "\nflush-header=" << written(c.restrictions.flush_header)
      << "\nrequests_per_second_per_uid=" << c.restrictions.requests_per_second_per_uid
      << "\nrequests_per_second=" << c.restrictions.requests_per_second
      << "\nrefusals_per_second_per_uid=" << c.restrictions.refusals_per_second_per_uid
      << "\n[log]\nroutine=" << (c.log.routine == Routine::lines ? "'lines'" : "'summary'")
      << "\nrefusals_per_minute_per_uid=" << c.log.refusals_per_minute_per_uid << "\nsystem_log=" << c.log.system_log
      << "\ncopy=" << c.log.copy << "\n";
  for (const Acknowledgement& each : c.acknowledged) {
    out << "[[doctor.acknowledged]]\nfinding=" << quoted(each.finding) << "\nreason=" << quoted(each.reason) << "\n";
    if (each.where) out << "where=" << quoted(*each.where) << "\n";
  }
  return out.str();
}

void check_refusal(const ConfigurationError& error, std::string_view text) {
  require(error.file == "F" && !error.what.empty() && !error.is_missing, "a refusal says why");
  const auto lines = static_cast<std::size_t>(std::ranges::count(text, '\n')) + 1;
  require(error.line <= lines, "at a line that there is");
  require(error.column <= text.size() + 1 && (error.line == 0) == (error.column == 0), "and a place in it");
  require(to_string(error).starts_with("F:") && to_string(error).ends_with(error.what), "in words");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = text_of(data, size);
  const auto configuration = parse_configuration(text, "F");
  if (!configuration) {
    check_refusal(configuration.error(), text);
    return 0;
  }
  check_limits(*configuration);
  const auto kept = parse_configuration(configuration->text, "kept");
  require(configuration->text == text && kept && kept->hash == configuration->hash, "its very bytes are kept");
  require(written(*kept) == written(*configuration), "and mean the same");
  const auto again = parse_configuration(written(*configuration), "written");
  require(again && written(*again) == written(*configuration), "what is written out is read again");
  return 0;
}
