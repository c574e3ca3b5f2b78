// Looking without touching: files are pinned with O_PATH before anything is known of them, and only regular ones are
// then opened, so that no FIFO, device or lock is noticed or waited for.
#pragma once

#include <sys/stat.h>

#include <expected>
#include <string>
#include <vector>

namespace secshr::admin {

// Errors are errno values.
[[nodiscard]] std::expected<struct stat, int> look_at(const std::string& path);         // not through a last link
[[nodiscard]] std::expected<struct stat, int> look_at_target(const std::string& path);  // through links

// A text of the machine's own configuration, through links; what is no regular file is empty, as /dev/null is.
[[nodiscard]] std::expected<std::string, int> read_text(const std::string& path);
// A text of the kernel's, without the newline at its end.
[[nodiscard]] std::expected<std::string, int> read_kernel_text(const std::string& path);

// The names in a directory, sorted, without "." and "..".
[[nodiscard]] std::expected<std::vector<std::string>, int> names_in(const std::string& directory);
// The same of one that is open, with O_PATH too.
[[nodiscard]] std::expected<std::vector<std::string>, int> names_in(int directory);

[[nodiscard]] bool is_missing(int error) noexcept;
[[nodiscard]] std::string describe_error(int error);

}  // namespace secshr::admin
