#include "secshr/privilege/landlock.h"

#include <linux/landlock.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>

#include "system/descriptor.h"

namespace secshr {
namespace {

// Debian 12's header knows the first two versions of the interface; the kernel's own text has the others.
constexpr std::uint64_t fs_truncate = 1ULL << 14;
constexpr std::uint64_t fs_ioctl_dev = 1ULL << 15;
constexpr std::uint64_t net_bind_tcp = 1ULL << 0;
constexpr std::uint64_t net_connect_tcp = 1ULL << 1;
constexpr std::uint64_t scope_abstract_unix_socket = 1ULL << 0;

struct Ruleset {
  std::uint64_t handled_access_fs;
  std::uint64_t handled_access_net;
  std::uint64_t scoped;
};

constexpr std::uint64_t first_rights =
    LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_FILE |
    LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |
    LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |
    LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK |
    LANDLOCK_ACCESS_FS_MAKE_SYM;

// What each version of the interface has besides. Never the scope of signals: to send two of them is the broker's
// work.
struct Addition {
  int version;
  Ruleset rights;
};
constexpr std::array additions{
    Addition{2, {LANDLOCK_ACCESS_FS_REFER, 0, 0}},       Addition{3, {fs_truncate, 0, 0}},
    Addition{4, {0, net_bind_tcp | net_connect_tcp, 0}}, Addition{5, {fs_ioctl_dev, 0, 0}},
    Addition{6, {0, 0, scope_abstract_unix_socket}},
};

Ruleset rights_of(int version) noexcept {
  Ruleset rights{first_rights, 0, 0};
  for (const auto& [since, more] : additions) {
    if (version < since) continue;
    rights.handled_access_fs |= more.handled_access_fs;
    rights.handled_access_net |= more.handled_access_net;
    rights.scoped |= more.scoped;
  }
  return rights;
}

std::unexpected<std::string> refused(const char* step) {
  return std::unexpected(std::string(step) + ": " + std::strerror(errno));
}

}  // namespace

std::expected<void, std::string> restrict_files(std::span<const int> may_remove_below) {
  const long version =
      ::syscall(SYS_landlock_create_ruleset, nullptr, std::size_t{0}, LANDLOCK_CREATE_RULESET_VERSION);
  if (version < 1) return refused("version");
  const Ruleset rights = rights_of(static_cast<int>(version));
  // An older kernel takes the longer structure, as long as what it does not know is zero.
  const Descriptor ruleset(static_cast<int>(::syscall(SYS_landlock_create_ruleset, &rights, sizeof rights, 0)));
  if (!ruleset) return refused("ruleset");
  for (const int directory : may_remove_below) {
    landlock_path_beneath_attr rule{};
    rule.allowed_access = LANDLOCK_ACCESS_FS_REMOVE_FILE;
    rule.parent_fd = directory;
    if (::syscall(SYS_landlock_add_rule, ruleset.get(), LANDLOCK_RULE_PATH_BENEATH, &rule, 0) != 0) {
      return refused("rule");
    }
  }
  if (::syscall(SYS_landlock_restrict_self, ruleset.get(), 0) != 0) return refused("restrict");
  return {};
}

}  // namespace secshr
