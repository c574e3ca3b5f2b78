#include "installation/acknowledgements.h"

#include <algorithm>
#include <array>
#include <utility>

#include "installation/finding_ids.h"
#include "installation/limits.h"
#include "installation/paths.h"
#include "installation/strict_toml.h"

namespace secshr {
namespace {

TomlOutcome take_finding(const TomlEntry& entry, Acknowledgement& acknowledgement) {
  auto id = entry.string();
  if (!id) return std::unexpected(id.error());
  if (!is_finding_id(*id)) return entry.bad_value("secshrctl doctor has no such finding");
  acknowledgement.finding = *std::move(id);
  return {};
}

TomlOutcome take_where(const TomlEntry& entry, Acknowledgement& acknowledgement) {
  auto path = entry.string();
  if (!path) return std::unexpected(path.error());
  // A finding may be about the root directory itself.
  const auto fault = *path == "/" ? std::nullopt : path_fault(*path, limits::path_bytes);
  if (fault) return entry.bad_value(std::string(*fault));
  acknowledgement.where = *std::move(path);
  return {};
}

bool is_control(char c) noexcept {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

TomlOutcome take_reason(const TomlEntry& entry, Acknowledgement& acknowledgement) {
  auto reason = entry.string();
  if (!reason) return std::unexpected(reason.error());
  if (std::ranges::all_of(*reason, [](char c) { return c == ' '; })) return entry.bad_value("must say why");
  if (reason->size() > limits::reason_bytes) return entry.bad_value("is too long");
  if (std::ranges::any_of(*reason, is_control))
    return entry.bad_value("must be one line, without control characters");
  acknowledgement.reason = *std::move(reason);
  return {};
}

constexpr std::array<TomlKey<Acknowledgement>, 3> keys_of_one{{
    {"finding", take_finding},
    {"where", take_where},
    {"reason", take_reason},
}};

std::expected<Acknowledgement, ConfigurationError> take_one(const TomlEntry& entry, const toml::node& element) {
  const toml::table* const table = element.as_table();
  if (table == nullptr) return entry.bad_value(element, "must be an array of tables");
  Acknowledgement acknowledgement;
  if (const auto taken = take_keys(*table, entry.file, entry.path(), keys_of_one, acknowledgement); !taken) {
    return std::unexpected(taken.error());
  }
  if (!table->contains("finding")) return entry.bad_value(element, "finding is missing");
  if (!table->contains("reason")) return entry.bad_value(element, "reason is missing");
  return acknowledgement;
}

TomlOutcome take_acknowledged(const TomlEntry& entry, std::vector<Acknowledgement>& acknowledged) {
  const toml::array* const list = entry.value.as_array();
  if (list == nullptr) return entry.bad_value("must be an array of tables");
  for (const toml::node& element : *list) {
    auto one = take_one(entry, element);
    if (!one) return std::unexpected(one.error());
    const auto is_same = [&one](const Acknowledgement& other) {
      return other.finding == one->finding && other.where == one->where;
    };
    if (std::ranges::any_of(acknowledged, is_same)) return entry.bad_value(element, "is there twice");
    acknowledged.push_back(*std::move(one));
  }
  return {};
}

constexpr std::array<TomlKey<std::vector<Acknowledgement>>, 1> keys{{{"acknowledged", take_acknowledged}}};

}  // namespace

std::expected<void, ConfigurationError> take_acknowledgements(const TomlEntry& entry,
                                                              std::vector<Acknowledgement>& acknowledged) {
  return take_table(entry, keys, acknowledged);
}

std::vector<std::string_view> acknowledgement_keys() {
  return names_of(keys);
}

}  // namespace secshr
