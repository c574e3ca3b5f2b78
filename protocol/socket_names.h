// The names of sockets in a served directory: made here, and recognised by one strict grammar.
//
// Server: prefix, key in upper-case hex without padding. Client: prefix, pid as exactly eight upper-case hex digits,
// at most one letter a-z. The two cannot be taken for each other: a server key begins with 2E, which as a pid would
// be far above the kernel's maximum.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "protocol/limits.h"
#include "protocol/profile.h"

namespace secshr::protocol {

struct LeftoverName;

// A name in place, with its NUL: no heap.
class SocketName {
 public:
  [[nodiscard]] constexpr std::string_view view() const noexcept { return {text_.data(), size_}; }
  [[nodiscard]] constexpr const char* c_str() const noexcept { return text_.data(); }

 private:
  friend SocketName server_socket_name(const Profile&, std::uint32_t) noexcept;
  friend SocketName client_socket_name(const Profile&, std::int32_t, std::optional<char>) noexcept;
  friend std::optional<LeftoverName> parse_leftover_name(const Profile&, std::string_view) noexcept;

  // More than fits is cut, but no profile's names are: profile.cpp asserts the prefix's length.
  constexpr void append(char c) noexcept {
    if (size_ < maximum_socket_name) text_[size_++] = c;
  }
  constexpr void append(std::string_view text) noexcept {
    for (const char c : text) append(c);
  }
  constexpr void append_hex(std::uint32_t value, bool padded) noexcept {
    for (unsigned shift = 32; shift > 0; shift -= 4) {
      if (padded || shift == 4 || (value >> (shift - 4)) != 0)
        append("0123456789ABCDEF"[(value >> (shift - 4)) & 15]);
    }
  }

  std::array<char, maximum_socket_name + 1> text_{};
  std::size_t size_ = 0;
};

[[nodiscard]] SocketName server_socket_name(const Profile& profile, std::uint32_t server_key) noexcept;

// None, and then a-z: in the order in which clients try them.
inline constexpr auto client_socket_suffixes = [] {
  std::array<std::optional<char>, 27> suffixes{};
  for (std::size_t index = 1; index < suffixes.size(); ++index)
    suffixes[index] = static_cast<char>('a' + (index - 1));
  return suffixes;
}();

// `suffix` is one of those.
[[nodiscard]] SocketName client_socket_name(const Profile& profile, std::int32_t pid,
                                            std::optional<char> suffix = {}) noexcept;

struct ClientSocketName {
  std::int32_t pid = 0;
  std::optional<char> suffix;
  bool operator==(const ClientSocketName&) const = default;
};

// Nothing but the exact grammar is recognised, with a pid of 1 to the kernel's maximum.
[[nodiscard]] std::optional<ClientSocketName> parse_client_socket_name(const Profile& profile,
                                                                       std::string_view name) noexcept;

// The key of a server socket's name: exactly eight upper-case hex digits, of which the first are 2E.
[[nodiscard]] std::optional<std::uint32_t> parse_server_socket_name(const Profile& profile,
                                                                    std::string_view name) noexcept;

// The names that a leftover socket file can have: those of client sockets, and of the mutex sockets of old releases,
// which are their prefix and a pid, where the profile has such a prefix. Never a server socket's.
struct LeftoverName {
  SocketName name;
  std::int32_t pid = 0;  // of the process that it belonged to
};
[[nodiscard]] std::optional<LeftoverName> parse_leftover_name(const Profile& profile, std::string_view name) noexcept;

// What follows the last slash: all of a path without one, nothing of a path that ends in one.
[[nodiscard]] std::string_view last_component(std::string_view path) noexcept;
// What precedes it, with the slash.
[[nodiscard]] std::string_view directory_part(std::string_view path) noexcept;

}  // namespace secshr::protocol
