#include "admin/wanted_installations.h"

#include <fmt/format.h>

#include <utility>

#include "secshr_paths.h"

namespace secshr::admin {

Result<std::vector<Installation>> wanted_installations(const std::optional<std::string>& name) {
  auto installations = load_installations(paths::installations);
  if (!installations) return error(to_string(installations.error()));
  if (!name) return *std::move(installations);
  std::erase_if(*installations, [&](const Installation& each) { return each.name != *name; });
  if (installations->empty()) return refused(fmt::format("{}: no installation is adopted under this name", *name));
  return *std::move(installations);
}

}  // namespace secshr::admin
