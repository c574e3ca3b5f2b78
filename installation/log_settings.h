// What is recorded, and where: the table [log].
#pragma once

#include <expected>
#include <string_view>
#include <vector>

#include "installation/configuration_error.h"

namespace secshr {

enum class Routine { summary, lines };  // wakes, continues and pings that were done

struct LogSettings {
  Routine routine = Routine::summary;
  unsigned refusals_per_minute_per_uid = 60;
  bool system_log = true;
  bool copy = true;  // in $gtm_log
};

struct TomlEntry;
// Takes the table's keys and refuses every other one.
std::expected<void, ConfigurationError> take_log_settings(const TomlEntry& entry, LogSettings& settings);
std::vector<std::string_view> log_setting_keys();

}  // namespace secshr
