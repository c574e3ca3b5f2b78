// What a line of /proc/<pid>/maps shows, a segment or a program: pure parsing of text that the process partly
// chooses.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace secshr {

struct MappedFile {
  unsigned device_major = 0;
  unsigned device_minor = 0;
  std::uint64_t inode = 0;
  bool executable = false;
  std::string_view path;  // as the kernel shows it, empty for none
};

// One line without its newline.
[[nodiscard]] std::optional<MappedFile> parse_maps_line(std::string_view line) noexcept;

[[nodiscard]] constexpr bool same_device(const MappedFile& one, const MappedFile& other) noexcept {
  return one.device_major == other.device_major && one.device_minor == other.device_minor;
}

// Whether both show the same file.
[[nodiscard]] constexpr bool same_file(const MappedFile& one, const MappedFile& other) noexcept {
  return one.inode == other.inode && same_device(one, other);
}

// A System V segment appears as the file "/SYSV<key>" of a file system of the kernel's own, with the id as its inode.
// The device tells it from a file that somebody gave that name: `kernels_own` are files of those file systems.
[[nodiscard]] bool shows_segment(const MappedFile& mapping, std::span<const MappedFile> kernels_own,
                                 std::int32_t shmid) noexcept;

}  // namespace secshr
