// What open_root_controlled refuses without looking, and what anybody can check on any machine.
#include "system/root_controlled.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <limits.h>
#include <sys/stat.h>

#include <string>

#include "system/descriptor.h"

namespace secshr {
namespace {

PathFault fault_of(const std::string& path) {
  const RootControlled result = open_root_controlled(path.c_str(), O_PATH);
  const Descriptor owned(result.descriptor);
  EXPECT_EQ(result.fault == PathFault::none, static_cast<bool>(owned)) << path;
  return result.fault;
}

TEST(RootControlled, refuses_what_is_not_absolute) {
  EXPECT_EQ(open_root_controlled(nullptr, O_PATH).fault, PathFault::not_absolute);
  for (const char* const path : {"", "usr", "./usr", "../usr", " /usr"}) {
    EXPECT_EQ(fault_of(path), PathFault::not_absolute) << path;
  }
  EXPECT_EQ(fault_of("/usr"), PathFault::none);
}

TEST(RootControlled, refuses_a_parent_component_wherever_it_is) {
  for (const char* const path : {"/..", "/../usr", "/usr/..", "/usr/../usr", "/usr/bin/.."}) {
    EXPECT_EQ(fault_of(path), PathFault::not_absolute) << path;
  }
}

TEST(RootControlled, skips_empty_and_dot_components) {
  for (const char* const path : {"/", "//", "/.", "/usr/", "//usr", "/./usr/.", "/usr//./bin//"}) {
    EXPECT_EQ(fault_of(path), PathFault::none) << path;
  }
}

TEST(RootControlled, refuses_names_and_paths_that_are_too_long) {
  EXPECT_EQ(fault_of("/" + std::string(NAME_MAX, 'x')), PathFault::missing);
  EXPECT_EQ(fault_of("/" + std::string(NAME_MAX + 1, 'x')), PathFault::too_long);
  EXPECT_EQ(fault_of("/" + std::string(PATH_MAX - 2, '/')), PathFault::none);
  EXPECT_EQ(fault_of("/" + std::string(PATH_MAX - 1, '/')), PathFault::too_long);
}

TEST(RootControlled, refuses_what_is_missing_or_of_another_type) {
  EXPECT_EQ(fault_of("/no-such-directory/x"), PathFault::missing);
  EXPECT_EQ(fault_of("/dev/null"), PathFault::wrong_type);
  EXPECT_EQ(fault_of("/etc/passwd/x"), PathFault::wrong_type);
}

TEST(RootControlled, every_fault_has_an_ident_of_its_own) {
  EXPECT_STREQ(describe(PathFault::none), "none");
  EXPECT_STREQ(describe(PathFault::not_root_owned), "not-root-owned");
  EXPECT_STREQ(describe(PathFault::writable_by_others), "writable-by-others");
  for (int first = 0; first <= static_cast<int>(PathFault::inaccessible); ++first) {
    EXPECT_STRNE(describe(static_cast<PathFault>(first)), "unknown");
    for (int second = 0; second < first; ++second) {
      EXPECT_STRNE(describe(static_cast<PathFault>(first)), describe(static_cast<PathFault>(second)));
    }
  }
}

TEST(RootControlled, every_descriptor_is_closed_on_exec_and_none_is_left_over) {
  const int before = ::open("/", O_PATH);
  (void)::close(before);
  for (const char* const path : {"/usr/bin", "/usr/no-such", "/dev/null", "/usr/..", "/etc/passwd/x"}) {
    (void)fault_of(path);
    const int after = ::open("/", O_PATH);
    EXPECT_EQ(after, before) << path;
    (void)::close(after);
  }
  for (const int flags : {O_PATH, O_RDONLY, O_RDONLY | O_NOFOLLOW, O_RDONLY | O_DIRECTORY}) {
    const RootControlled result = open_root_controlled("/usr", flags);
    const Descriptor owned(result.descriptor);
    ASSERT_EQ(result.fault, PathFault::none);
    EXPECT_EQ(::fcntl(owned.get(), F_GETFD), FD_CLOEXEC);
  }
  EXPECT_EQ(open_root_controlled("/etc/passwd", O_RDONLY | O_DIRECTORY).fault, PathFault::wrong_type);
}

}  // namespace
}  // namespace secshr
