// The rebuilt permission check for System V objects, against a table: every mode for everybody who could ask.
#include "secshr/ipc_permission.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace secshr {
namespace {

constexpr uid_t owner = 2001;
constexpr uid_t creator = 2002;
constexpr uid_t stranger = 2003;
constexpr gid_t owners_group = 3001;
constexpr gid_t creators_group = 3002;
constexpr gid_t strange_group = 3003;

struct Who {
  std::string name;
  uid_t uid;
  gid_t gid;
  std::vector<gid_t> groups;
  unsigned shift;  // where the mode has this one's three bits
};

// The first class that fits decides, and not the most generous one.
const std::vector<Who> everybody{
    {"owner", owner, strange_group, {}, 6},
    {"creator", creator, strange_group, {}, 6},
    {"owner in both groups", owner, owners_group, {creators_group}, 6},
    {"creator in both groups", creator, creators_group, {owners_group}, 6},
    {"owner's group", stranger, owners_group, {}, 3},
    {"creator's group", stranger, creators_group, {}, 3},
    {"owner's group as the only supplementary one", stranger, strange_group, {owners_group}, 3},
    {"owner's group as the first supplementary one", stranger, strange_group, {owners_group, 5, 6}, 3},
    {"owner's group as the last supplementary one", stranger, strange_group, {5, 6, owners_group}, 3},
    {"creator's group as a supplementary one", stranger, strange_group, {5, creators_group, 6}, 3},
    {"other", stranger, strange_group, {}, 0},
    {"other with groups", stranger, strange_group, {5, 6, 7}, 0},
    {"a group with the owner's number", stranger, gid_t{owner}, {gid_t{creator}}, 0},
    {"a user with the group's number", uid_t{owners_group}, strange_group, {}, 0},
    {"root, without its capabilities", 0, 0, {0}, 0},
};

TEST(IpcPermission, follows_the_bits_of_the_first_class_that_fits) {
  for (const Who& who : everybody) {
    for (unsigned mode = 0; mode < 01000; ++mode) {
      // With and without the flags that the kernel keeps above the permissions.
      for (const unsigned flags : {0U, 01000U, 02000U}) {
        const IpcObject object{.uid = owner,
                               .cuid = creator,
                               .ctime = 1,
                               .gid = owners_group,
                               .cgid = creators_group,
                               .mode = mode | flags};
        const Rights rights{who.uid, who.gid, who.groups};
        const unsigned bits = mode >> who.shift & 07U;
        ASSERT_EQ(ipc_permits(object, rights, ipc_alter), (bits & 02U) != 0) << who.name << " " << mode;
        ASSERT_EQ(ipc_permits(object, rights, ipc_read_write), (bits & 06U) == 06U) << who.name << " " << mode;
      }
    }
  }
}

TEST(IpcPermission, refuses_to_take_reading_for_altering) {
  const IpcObject readable{.uid = owner, .cuid = owner, .mode = 0444};
  EXPECT_FALSE(ipc_permits(readable, {owner, 1, {}}, ipc_alter));
  EXPECT_FALSE(ipc_permits(readable, {owner, 1, {}}, ipc_read_write));
  const IpcObject writable{.uid = owner, .cuid = owner, .mode = 0222};
  EXPECT_TRUE(ipc_permits(writable, {owner, 1, {}}, ipc_alter));
  EXPECT_FALSE(ipc_permits(writable, {owner, 1, {}}, ipc_read_write));
  const IpcObject both{.uid = owner, .cuid = owner, .mode = 0600};
  EXPECT_TRUE(ipc_permits(both, {owner, 1, {}}, ipc_read_write));
}

}  // namespace
}  // namespace secshr
