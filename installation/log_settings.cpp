#include "installation/log_settings.h"

#include <array>

#include "installation/limits.h"
#include "installation/strict_toml.h"

namespace secshr {
namespace {

TomlOutcome take_routine(const TomlEntry& entry, LogSettings& settings) {
  const toml::value<std::string>* word = entry.value.as_string();
  const bool summary = word != nullptr && word->get() == "summary";
  if (!summary && (word == nullptr || word->get() != "lines")) {
    return entry.bad_value("must be \"summary\" or \"lines\"");
  }
  settings.routine = summary ? Routine::summary : Routine::lines;
  return {};
}

TomlOutcome take_refusals(const TomlEntry& entry, LogSettings& settings) {
  const auto number = entry.integer(0, limits::highest_rate);
  if (!number) return std::unexpected(number.error());
  settings.refusals_per_minute_per_uid = static_cast<unsigned>(*number);
  return {};
}

template <bool LogSettings::* member>
TomlOutcome take_switch(const TomlEntry& entry, LogSettings& settings) {
  const auto on = entry.boolean();
  if (!on) return std::unexpected(on.error());
  settings.*member = *on;
  return {};
}

constexpr std::array<TomlKey<LogSettings>, 4> keys{{
    {"routine", take_routine},
    {"refusals_per_minute_per_uid", take_refusals},
    {"system_log", take_switch<&LogSettings::system_log>},
    {"copy", take_switch<&LogSettings::copy>},
}};

}  // namespace

std::expected<void, ConfigurationError> take_log_settings(const TomlEntry& entry, LogSettings& settings) {
  return take_table(entry, keys, settings);
}

std::vector<std::string_view> log_setting_keys() {
  return names_of(keys);
}

}  // namespace secshr
