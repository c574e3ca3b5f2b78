// What the administrator knows of and accepts, the table [doctor]: findings of secshrctl doctor, each with a reason.
// No broker looks at it.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "installation/configuration_error.h"

namespace secshr {

struct Acknowledgement {
  std::string finding;               // one of finding_ids
  std::optional<std::string> where;  // the one path that is meant; otherwise every one
  std::string reason;
};

struct TomlEntry;
// Takes the table's keys and refuses every other one.
std::expected<void, ConfigurationError> take_acknowledgements(const TomlEntry& entry,
                                                              std::vector<Acknowledgement>& acknowledged);
std::vector<std::string_view> acknowledgement_keys();

}  // namespace secshr
