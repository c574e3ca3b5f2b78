// What a datagram asks: read as docs/protocol.md says, with none of the product's code.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace secshr::pipeline {

// The names of an installation's sockets, by the table of profiles.
struct Names {
  std::string_view prefix;
  std::string_view mutex_prefix;  // empty: none
};

// Whose socket a name is, where it follows the grammar.
struct OwnedName {
  std::int32_t pid = 0;
  bool lettered = false;
};
[[nodiscard]] std::optional<OwnedName> client_name(const Names& names, std::string_view name);
[[nodiscard]] std::optional<OwnedName> leftover_name(const Names& names, std::string_view name);
// A path without, and with nothing but, its last component.
[[nodiscard]] std::string_view directory_of(std::string_view path);
[[nodiscard]] std::string_view name_of(std::string_view path);

struct Ids {
  std::int32_t semid = -1;
  std::int32_t shmid = -1;
  std::int64_t sem_time = 0;
  std::int64_t shm_time = 0;
  bool operator==(const Ids&) const = default;
};

enum class Kind { unknown, ping, wake, remove_set, remove_segment, remove_file, resume, flush };

struct Asked {
  bool has_header = false;
  std::int32_t code = 0;
  std::uint32_t key = 0;
  std::int32_t flag = 0;
  std::int32_t pid = 0;
  std::uint64_t sequence = 0;
  Kind kind = Kind::unknown;
  bool wants_rule = false;
  bool well_formed = false;  // its body, and it is not too long
  std::int32_t number = 0;   // of a process, set or segment
  std::string path;
  Ids ids;
  [[nodiscard]] bool closing() const { return ids == Ids{}; }
  // As records name it, where all of it was understood.
  [[nodiscard]] std::string_view recorded_name() const;
};

[[nodiscard]] Asked read_datagram(std::span<const std::byte> bytes);

}  // namespace secshr::pipeline
