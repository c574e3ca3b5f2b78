#include "secshr/looker/proc_maps.h"

#include <algorithm>
#include <charconv>

namespace secshr {
namespace {

// Takes the text up to `separator` off the front.
std::optional<std::string_view> take_field(std::string_view& line, char separator) noexcept {
  const auto end = line.find(separator);
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view field = line.substr(0, end);
  line.remove_prefix(end + 1);
  return field;
}

template <typename Number>
bool parse_all(std::string_view text, Number& out, int base) noexcept {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out, base);
  return error == std::errc{} && end == text.data() + text.size();
}

}  // namespace

std::optional<MappedFile> parse_maps_line(std::string_view line) noexcept {
  // 7f0c8a000000-7f0c8a001000 rw-s 00000000 00:01 98305                      /SYSV00000000 (deleted)
  const auto addresses = take_field(line, ' ');
  const auto permissions = take_field(line, ' ');
  const auto offset = take_field(line, ' ');
  const auto major = take_field(line, ':');
  const auto minor = take_field(line, ' ');
  if (!addresses || !permissions || !offset || !major || !minor) return std::nullopt;
  const auto inode_end = line.find(' ');
  const std::string_view inode = line.substr(0, inode_end);
  MappedFile mapping;
  mapping.executable = permissions->contains('x');
  if (!parse_all(*major, mapping.device_major, 16) || !parse_all(*minor, mapping.device_minor, 16) ||
      !parse_all(inode, mapping.inode, 10)) {
    return std::nullopt;
  }
  if (inode_end != std::string_view::npos) {
    line.remove_prefix(inode_end);
    const auto path = line.find_first_not_of(' ');
    if (path != std::string_view::npos) mapping.path = line.substr(path);
  }
  return mapping;
}

bool shows_segment(const MappedFile& mapping, std::span<const MappedFile> kernels_own, std::int32_t shmid) noexcept {
  return shmid >= 0 && mapping.inode == static_cast<std::uint64_t>(shmid) && mapping.path.starts_with("/SYSV") &&
         std::ranges::any_of(kernels_own, [&](const MappedFile& own) { return same_device(own, mapping); });
}

}  // namespace secshr
