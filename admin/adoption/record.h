// The record of an adopted installation on disk, /etc/secshr/installations.d/NAME.toml.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "admin/adoption/undo.h"
#include "admin/failure.h"
#include "installation/installation.h"

namespace secshr::admin {

std::string record_path(std::string_view name);

// Every record that can be read. One that cannot is reported on stderr and otherwise left alone, so that it does not
// stand in the way of the other installations.
Result<std::vector<Installation>> read_records();

// A name for the installation in `directory`: its last component, made to fit. nullopt where nothing of it fits.
std::optional<std::string> default_name(std::string_view directory);

Result<void> write_record(const Installation& installation, Undo& undo);
Result<void> remove_record(std::string_view name);

}  // namespace secshr::admin
