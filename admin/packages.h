// What dpkg knows of a file, from its own lists (dpkg(1), dpkg-divert(1)): nothing is executed. A machine without
// dpkg has no packages.
#pragma once

#include <expected>
#include <string>
#include <string_view>

namespace secshr::admin {

inline constexpr char package_lists[] = "/var/lib/dpkg/info";
inline constexpr char package_diversions[] = "/var/lib/dpkg/diversions";

// The package that the file came with, or nothing. The error is the list that could not be read.
[[nodiscard]] std::expected<std::string, std::string> package_of(const std::string& path);
// Where what packages bring under that name goes; nothing where that is its own place.
[[nodiscard]] std::string diverted_to(const std::string& path);

// Pure. `list` has a path a line; `diversions` three lines for each: the path, where it goes, for which package not.
[[nodiscard]] bool lists_path(std::string_view list, std::string_view path);
[[nodiscard]] std::string_view diversion_of(std::string_view diversions, std::string_view path);

}  // namespace secshr::admin
