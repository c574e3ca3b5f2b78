#include "installation/lockdown.h"

#include <fmt/format.h>

#include <array>

#include "installation/limits.h"
#include "installation/root_file.h"
#include "installation/strict_toml.h"

namespace secshr {
namespace {

TomlOutcome take_group(const TomlEntry& entry, Lockdown& lockdown) {
  const auto group = entry.integer(0, limits::largest_group);
  if (!group) return std::unexpected(group.error());
  lockdown.group = static_cast<gid_t>(*group);
  return {};
}

constexpr std::array<TomlKey<Lockdown>, 1> keys{{{"group", take_group}}};

}  // namespace

std::expected<Lockdown, ConfigurationError> parse_lockdown(std::string_view text, std::string_view file) {
  const auto table = parse_toml(text, file);
  if (!table) return std::unexpected(table.error());
  Lockdown lockdown;
  if (const TomlOutcome taken = take_keys(*table, file, {}, keys, lockdown); !taken) {
    return std::unexpected(taken.error());
  }
  if (!table->contains("group"))
    return std::unexpected(ConfigurationError{std::string(file), 0, 0, "group is missing"});
  return lockdown;
}

std::string format_lockdown(const Lockdown& lockdown) {
  return fmt::format(
      "# Written by secshrctl lockdown on; removed by secshrctl lockdown off. Takes effect when a broker starts.\n"
      "group = {}\n",
      lockdown.group);
}

std::expected<std::optional<Lockdown>, ConfigurationError> load_lockdown(const char* path) {
  const auto text = read_root_file(path, limits::configuration_file_bytes);
  if (!text && text.error().is_missing) return std::nullopt;
  if (!text) return std::unexpected(text.error());
  return parse_lockdown(*text, path);
}

}  // namespace secshr
