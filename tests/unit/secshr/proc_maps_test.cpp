// A mapping counts as a segment only where the kernel alone can have made it look like one.
#include "secshr/looker/proc_maps.h"

#include <gtest/gtest.h>

#include <string>

namespace secshr {
namespace {

// The kernel's tmpfs, and a hugetlbfs for each of two sizes.
constexpr MappedFile kernels_own[] = {
    {.device_major = 0, .device_minor = 1, .inode = 1027, .executable = false, .path = {}},
    {.device_major = 0, .device_minor = 17, .inode = 1028, .executable = false, .path = {}},
    {.device_major = 0, .device_minor = 18, .inode = 1029, .executable = false, .path = {}}};

bool shows(std::string_view line, std::int32_t shmid) {
  const auto mapping = parse_maps_line(line);
  return mapping && shows_segment(*mapping, kernels_own, shmid);
}

TEST(ProcMaps, reads_the_kernels_lines) {
  const auto segment = parse_maps_line(
      "7f0c8a000000-7f0c8a001000 rw-s 00000000 00:01 98305                      /SYSV00000000 (deleted)");
  ASSERT_TRUE(segment);
  EXPECT_EQ(segment->device_major, 0U);
  EXPECT_EQ(segment->device_minor, 1U);
  EXPECT_EQ(segment->inode, 98305U);
  EXPECT_EQ(segment->path, "/SYSV00000000 (deleted)");

  const auto library =
      parse_maps_line("7f0c8a000000-7f0c8a001000 r-xp 00026000 fe:1a 18446744073709551615 /lib/a b.so");
  ASSERT_TRUE(library);
  EXPECT_EQ(library->device_major, 0xfeU);
  EXPECT_EQ(library->device_minor, 0x1aU);
  EXPECT_EQ(library->inode, 18446744073709551615U);
  EXPECT_EQ(library->path, "/lib/a b.so");

  for (const char* anonymous :
       {"7f0c8a000000-7f0c8a001000 rw-p 00000000 00:00 0", "7f0c8a000000-7f0c8a001000 rw-p 00000000 00:00 0 ",
        "7f0c8a000000-7f0c8a001000 rw-p 00000000 00:00 0                          "}) {
    const auto mapping = parse_maps_line(anonymous);
    ASSERT_TRUE(mapping) << anonymous;
    EXPECT_EQ(mapping->path, "");
  }
}

TEST(ProcMaps, refuses_what_is_no_line_of_the_kernels) {
  for (const char* line :
       {"", " ", "7f-80", "7f-80 rw-s", "7f-80 rw-s 0", "7f-80 rw-s 0 00:01", "7f-80 rw-s 0 0001 5 /x",
        "7f-80 rw-s 0 00:01  5 /x", "7f-80 rw-s 0 00:01 5x /x", "7f-80 rw-s 0 00:01 -5 /x",
        "7f-80 rw-s 0 00:01 0x5 /x", "7f-80 rw-s 0 -0:01 5 /x", "7f-80 rw-s 0 00:g1 5 /x", "7f-80 rw-s 0 :01 5 /x",
        "7f-80 rw-s 0 00: 5 /x", "7f-80 rw-s 0 100000000:01 5 /x", "7f-80 rw-s 0 00:01 18446744073709551616 /x",
        "7f-80 rw-s 0 00:01 /SYSV 5", "7f-80 rw-s 0 00:01 "}) {
    EXPECT_FALSE(parse_maps_line(line)) << line;
  }
}

TEST(ProcMaps, shows_the_segment_and_no_other) {
  constexpr std::string_view line = "7f-80 rw-s 00000000 00:01 98305                      /SYSV2b0103e1 (deleted)";
  EXPECT_TRUE(shows(line, 98305));
  for (const std::int32_t other : {98304, 98306, 0, -1, -98305}) EXPECT_FALSE(shows(line, other)) << other;
  EXPECT_TRUE(shows("7f-80 rw-s 00000000 00:01 0                      /SYSV00000000 (deleted)", 0));
  EXPECT_TRUE(shows("7f-80 r--s 00001000 00:01 98305                      /SYSV2b0103e1", 98305));
}

TEST(ProcMaps, shows_a_segment_of_huge_pages_which_lies_on_another_device) {
  for (const char* device : {"00:11", "00:12"}) {
    const std::string start = std::string("7f-80 rw-s 00000000 ") + device + " 98305                      ";
    EXPECT_TRUE(shows(start + "/SYSV00000000 (deleted)", 98305));
    EXPECT_FALSE(shows(start + "/SYSV00000000 (deleted)", 98306));
    // What else the kernel keeps there, with inodes that a process can steer.
    EXPECT_FALSE(shows(start + "/anon_hugepage (deleted)", 98305));
    EXPECT_FALSE(shows(start + "/memfd:SYSV00000000 (deleted)", 98305));
  }
  // No device that is the kernel's: the number that comes next, and one that only ends like it.
  EXPECT_FALSE(shows("7f-80 rw-s 00000000 00:13 98305                      /SYSV00000000 (deleted)", 98305));
  EXPECT_FALSE(shows("7f-80 rw-s 00000000 01:11 98305                      /SYSV00000000 (deleted)", 98305));
}

TEST(ProcMaps, shows_no_segment_where_no_device_is_the_kernels) {
  const auto mapping =
      parse_maps_line("7f-80 rw-s 00000000 00:00 98305                      /SYSV00000000 (deleted)");
  ASSERT_TRUE(mapping);
  EXPECT_FALSE(shows_segment(*mapping, {}, 98305));
}

TEST(ProcMaps, is_not_fooled_by_a_file_of_the_same_name_and_inode_on_another_device) {
  EXPECT_FALSE(shows("7f-80 rw-s 00000000 00:02 98305                      /SYSV00000000 (deleted)", 98305));
  EXPECT_FALSE(shows("7f-80 rw-s 00000000 01:01 98305                      /SYSV00000000 (deleted)", 98305));
  EXPECT_FALSE(shows("7f-80 rw-s 00000000 fe:01 98305                      /SYSV00000000", 98305));
}

TEST(ProcMaps, is_not_fooled_by_the_kernels_other_files_on_the_same_device) {
  // All of these have inodes that a process can steer by making many of them.
  for (const char* path : {"/dev/zero (deleted)", "/memfd:SYSV00000000 (deleted)", "/memfd:/SYSV00000000 (deleted)",
                           "/tmp/SYSV00000000", "/x/SYSV00000000 (deleted)", "//SYSV00000000", "SYSV00000000",
                           "/sysv00000000", "[anon_shmem:/SYSV00000000]", "[stack]", ""}) {
    EXPECT_FALSE(shows(std::string("7f-80 rw-s 00000000 00:01 98305                      ") + path, 98305)) << path;
  }
}

TEST(ProcMaps, never_shows_a_negative_id) {
  // As an unsigned number -1 is an inode like any other.
  EXPECT_FALSE(shows("7f-80 rw-s 00000000 00:01 18446744073709551615 /SYSV00000000 (deleted)", -1));
  EXPECT_FALSE(shows("7f-80 rw-s 00000000 00:01 4294967295 /SYSV00000000 (deleted)", -1));
}

// A file that is merely read or written, as data, makes its reader no process of the installation.
TEST(ProcMaps, tells_what_is_executed_from_what_is_not) {
  const auto is_executable = [](const char* permissions) {
    const auto mapping = parse_maps_line(std::string("7f-80 ") + permissions + " 00001000 fe:1a 12 /x");
    EXPECT_TRUE(mapping) << permissions;
    return mapping && mapping->executable;
  };
  for (const char* permissions : {"r-xp", "r-xs", "--xp", "rwxp", "rwxs"}) EXPECT_TRUE(is_executable(permissions));
  for (const char* permissions : {"r--p", "rw-p", "rw-s", "---p", "r--s"}) EXPECT_FALSE(is_executable(permissions));
  // Nothing but the permissions says so.
  const auto named = parse_maps_line("7f-80 r--p 00001000 fe:1a 12 /x r-xp");
  ASSERT_TRUE(named);
  EXPECT_FALSE(named->executable);
}

TEST(ProcMaps, takes_for_the_same_file_only_what_has_its_device_and_its_inode) {
  constexpr MappedFile program{
      .device_major = 8, .device_minor = 1, .inode = 12, .executable = true, .path = "/dist/mumps"};
  MappedFile other = program;
  other.path = "/dist/mumps (deleted)";
  other.executable = false;
  EXPECT_TRUE(same_file(program, other)) << "by any name, and however mapped";
  other = program;
  other.inode = 13;
  EXPECT_FALSE(same_file(program, other));
  other = program;
  other.device_minor = 2;
  EXPECT_FALSE(same_file(program, other));
  other = program;
  other.device_major = 9;
  EXPECT_FALSE(same_file(program, other));
}

TEST(ProcMaps, compares_all_of_the_inode) {
  EXPECT_FALSE(shows("7f-80 rw-s 00000000 00:01 4295065601 /SYSV00000000 (deleted)", 98305));  // 98305 + 2^32
}

}  // namespace
}  // namespace secshr
