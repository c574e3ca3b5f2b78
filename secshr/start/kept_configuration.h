// The last configuration that worked: a copy of its very bytes, /run/secshr/NAME/configuration, for a start that
// finds the administrator's one malformed, or such that others could have written it.
#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "installation/configuration.h"
#include "secshr/start/root_directories.h"

namespace secshr {

// The one that an earlier start of this installation kept. It is judged like the administrator's own.
[[nodiscard]] std::expected<Configuration, ConfigurationError> load_kept_configuration(
    const std::string& installation);

// As root, under the installation's lock, when everything that these bytes ask for has been done. Whoever reads it
// meanwhile finds the former one or this one, whole.
[[nodiscard]] std::expected<void, PlaceFault> keep_configuration(const std::string& installation,
                                                                 std::string_view text);

}  // namespace secshr
