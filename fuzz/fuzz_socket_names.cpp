// Any bytes as the name that a socket is bound to, or as the path that a client asks to have removed.
//
// 1. Names are recognised exactly where a regular expression of the documented grammar matches, with the same pid,
//    letter and key.
// 2. A recognised name is the one that is made of what was read from it, and made names are recognised.
// 3. No name is both a server's and a client's or a leftover's.
// 4. A path is its directory and its last component, which has no slash.
#include <array>
#include <cstdint>
#include <cstring>
#include <map>
#include <optional>
#include <regex>
#include <string>
#include <string_view>

#include "fuzz/property.h"
#include "protocol/limits.h"
#include "protocol/server_key.h"
#include "protocol/socket_names.h"
#include "protocol/wire_reader.h"

namespace {

using namespace secshr::fuzz;
using namespace secshr::protocol;

constexpr std::array every_profile{ProfileId::gtm, ProfileId::ydb, ProfileId::generic};

struct Grammar {
  std::regex client, server, mutex;
};

Grammar grammar_of(const Profile& profile) {
  const std::string prefix(profile.socket_prefix);
  const std::string mutex(profile.mutex_socket_prefix);
  const std::string eight = "([0-9A-F]{8})";
  return {std::regex(prefix + eight + "([a-z]?)"), std::regex(prefix + "(2E[0-9A-F]{6})"),
          std::regex(mutex.empty() ? "[^\\s\\S]" : mutex + eight)};
}

const Grammar& grammar(ProfileId id) {
  static const std::array grammars{grammar_of(profile(every_profile[0])), grammar_of(profile(every_profile[1])),
                                   grammar_of(profile(every_profile[2]))};
  return grammars.at(static_cast<std::size_t>(id));
}

struct Match {
  std::uint32_t number = 0;
  std::optional<char> suffix;
};

std::optional<Match> match(const std::regex& expression, const std::string& name) {
  std::smatch found;
  if (!std::regex_match(name, found, expression)) return std::nullopt;
  Match result{static_cast<std::uint32_t>(std::stoul(found[1], nullptr, 16)), std::nullopt};
  if (found.size() > 2 && found[2].length() > 0) result.suffix = *found[2].first;
  return result;
}

bool is_pid(std::uint32_t number) {
  return number >= 1 && number <= static_cast<std::uint32_t>(maximum_pid);
}

// What is recognised is what the grammar says, and is made again of its parts.
void check_name(ProfileId id, const std::string& name) {
  const Profile& names = profile(id);
  auto client = match(grammar(id).client, name);
  if (client && !is_pid(client->number)) client.reset();
  const auto found = parse_client_socket_name(names, name);
  require(found.has_value() == client.has_value(), "a client's name is what the grammar says");
  if (found) {
    require(static_cast<std::uint32_t>(found->pid) == client->number && found->suffix == client->suffix,
            "with the pid and the letter that are in it");
    require(client_socket_name(names, found->pid, found->suffix).view() == name, "and is made again of them");
  }

  const auto server = match(grammar(id).server, name);
  const auto key = parse_server_socket_name(names, name);
  require(key.has_value() == server.has_value(), "a server's name is what the grammar says");
  if (key) {
    require(*key == server->number, "with the key that is in it");
    require(server_socket_name(names, *key).view() == name, "and is made again of it");
  }

  auto mutex = match(grammar(id).mutex, name);
  if (mutex && !is_pid(mutex->number)) mutex.reset();
  const auto leftover = parse_leftover_name(names, name);
  require(leftover.has_value() == (client || mutex), "a leftover is a client's or a mutex socket");
  require(!leftover || !key, "and never a server's");
  if (!leftover) return;
  require(static_cast<std::uint32_t>(leftover->pid) == (client ? client : mutex)->number,
          "with the pid that is in it");
  require(leftover->name.view() == name && std::strlen(leftover->name.c_str()) == name.size(), "and all of its name");
}

void check_made(ProfileId id, WireReader numbers) {
  const Profile& names = profile(id);
  const auto pid = static_cast<std::int32_t>(numbers.u32() % static_cast<std::uint32_t>(maximum_pid)) + 1;
  const auto suffix = client_socket_suffixes.at(numbers.u8() % client_socket_suffixes.size());
  const auto client = parse_client_socket_name(names, client_socket_name(names, pid, suffix).view());
  require(client == ClientSocketName{pid, suffix}, "a client's name is recognised");

  const std::uint64_t device = numbers.u64();
  const std::uint64_t inode = numbers.u64();
  const std::uint32_t key = server_key(device, inode);
  require(key >> 24 == 0x2E && database_key(device, inode) == (key ^ 0x05000000U), "keys begin with their own byte");
  require(parse_server_socket_name(names, server_socket_name(names, key).view()) == key, "a server's is recognised");
}

void check_path(std::string_view path) {
  const std::string_view name = last_component(path);
  const std::string_view directory = directory_part(path);
  require(lies_within(name, path) && lies_within(directory, path), "views of the path");
  require(std::string(directory) + std::string(name) == path, "a path is its directory and its last component");
  require(name.find('/') == name.npos, "which has no slash");
  require(directory.empty() || directory.ends_with('/'), "the directory has it");
}

void check_profile_name(std::string_view name) {
  const Profile* const found = find_profile(name);
  require(found == nullptr || (found->name == name && found == &profile(found->id)), "a profile has its own name");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view path = text_of(data, size);
  check_path(path);
  check_profile_name(path);
  // All of it too: a slash is in no name.
  for (const std::string_view name : {path, last_component(path)}) {
    for (const ProfileId id : every_profile) {
      check_name(id, std::string(name));
      // So that no input has to begin with a prefix to get beyond it.
      check_name(id, std::string(profile(id).socket_prefix) + std::string(name));
      check_name(id, std::string(profile(id).mutex_socket_prefix) + std::string(name));
    }
  }
  for (const ProfileId id : every_profile) check_made(id, WireReader(bytes_of(data, size)));
  return 0;
}
