#include "tests/integration/access_control_list.h"

#include <sys/xattr.h>

#include <cstdint>
#include <cstring>

namespace secshr::test {
namespace {

constexpr const char* attribute = "system.posix_acl_access";

}  // namespace

bool set_acl(const std::string& path, const AccessControlList& list) {
  // The layout of the attribute: a version, and entries of tag, permissions and id in the order of their tags.
  struct Entry {
    std::uint16_t tag, permissions;
    std::uint32_t id;
  };
  constexpr std::uint32_t version = 2;
  constexpr std::uint32_t nobody = 0xffffffff;
  enum : std::uint16_t { user_obj = 1, user = 2, group_obj = 4, group = 8, mask = 0x10, other = 0x20 };
  std::vector<Entry> entries;
  const auto add = [&](std::uint16_t tag, unsigned permissions, std::uint32_t id) {
    entries.push_back({tag, static_cast<std::uint16_t>(permissions), id});
  };
  const auto add_named = [&](bool groups) {
    for (const NamedEntry& entry : list.named) {
      if (entry.is_group == groups) add(groups ? group : user, entry.permissions, entry.id);
    }
  };
  add(user_obj, list.owner, nobody);
  add_named(false);
  add(group_obj, list.group, nobody);
  add_named(true);
  add(mask, list.mask, nobody);
  add(other, list.other, nobody);
  std::vector<char> bytes(sizeof version + entries.size() * sizeof(Entry));
  std::memcpy(bytes.data(), &version, sizeof version);
  std::memcpy(bytes.data() + sizeof version, entries.data(), entries.size() * sizeof(Entry));
  return ::setxattr(path.c_str(), attribute, bytes.data(), bytes.size(), 0) == 0;
}

bool remove_acl(const std::string& path) {
  return ::removexattr(path.c_str(), attribute) == 0;
}

}  // namespace secshr::test
