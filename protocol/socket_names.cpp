// The grammar is read strictly: what is not recognised is left alone, so that doubt removes and answers nothing.
#include "protocol/socket_names.h"

namespace secshr::protocol {
namespace {

// Upper-case hex digits, eight at most.
std::optional<std::uint32_t> parse_hex(std::string_view digits) noexcept {
  std::uint32_t value = 0;
  for (const char c : digits) {
    std::uint32_t digit = 0;
    if (c >= '0' && c <= '9') {
      digit = static_cast<std::uint32_t>(c - '0');
    } else if (c >= 'A' && c <= 'F') {
      digit = static_cast<std::uint32_t>(c - 'A') + 10;
    } else {
      return std::nullopt;
    }
    value = value << 4 | digit;
  }
  return value;
}

// Eight of them that are a possible pid.
std::optional<std::int32_t> parse_pid(std::string_view digits) noexcept {
  const auto value = parse_hex(digits);
  if (!value || *value == 0 || *value > static_cast<std::uint32_t>(maximum_pid)) return std::nullopt;
  return static_cast<std::int32_t>(*value);
}

}  // namespace

SocketName server_socket_name(const Profile& profile, std::uint32_t server_key) noexcept {
  SocketName name;
  name.append(profile.socket_prefix);
  name.append_hex(server_key, false);
  return name;
}

SocketName client_socket_name(const Profile& profile, std::int32_t pid, std::optional<char> suffix) noexcept {
  SocketName name;
  name.append(profile.socket_prefix);
  name.append_hex(static_cast<std::uint32_t>(pid), true);
  if (suffix) name.append(*suffix);
  return name;
}

std::optional<ClientSocketName> parse_client_socket_name(const Profile& profile, std::string_view name) noexcept {
  if (!name.starts_with(profile.socket_prefix)) return std::nullopt;
  name.remove_prefix(profile.socket_prefix.size());
  if (name.size() != key_digits && name.size() != key_digits + 1) return std::nullopt;
  const auto pid = parse_pid(name.substr(0, key_digits));
  if (!pid) return std::nullopt;
  if (name.size() == key_digits) return ClientSocketName{*pid, std::nullopt};
  const char suffix = name.back();
  if (suffix < 'a' || suffix > 'z') return std::nullopt;
  return ClientSocketName{*pid, suffix};
}

std::optional<std::uint32_t> parse_server_socket_name(const Profile& profile, std::string_view name) noexcept {
  if (!name.starts_with(profile.socket_prefix)) return std::nullopt;
  name.remove_prefix(profile.socket_prefix.size());
  if (name.size() != key_digits || !name.starts_with("2E")) return std::nullopt;
  return parse_hex(name);
}

std::optional<LeftoverName> parse_leftover_name(const Profile& profile, std::string_view name) noexcept {
  LeftoverName leftover;
  leftover.name.append(name);
  if (const auto client = parse_client_socket_name(profile, name)) {
    leftover.pid = client->pid;
    return leftover;
  }
  const std::string_view prefix = profile.mutex_socket_prefix;
  if (prefix.empty() || !name.starts_with(prefix) || name.size() != prefix.size() + key_digits) return std::nullopt;
  const auto pid = parse_pid(name.substr(prefix.size()));
  if (!pid) return std::nullopt;
  leftover.pid = *pid;
  return leftover;
}

std::string_view last_component(std::string_view path) noexcept {
  const auto slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

std::string_view directory_part(std::string_view path) noexcept {
  return path.substr(0, path.size() - last_component(path).size());
}

}  // namespace secshr::protocol
