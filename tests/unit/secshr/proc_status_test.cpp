// /proc/<pid>/status is partly the process's own text: identity is read from it exactly, or not at all.
#include "secshr/looker/proc_status.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "secshr/limits.h"

namespace secshr {
namespace {

struct Text {
  std::string name = "Name:\tmumps\n";
  std::string uid = "Uid:\t1001\t1002\t1003\t1004\n";
  std::string gid = "Gid:\t2001\t2002\t2003\t2004\n";
  std::string groups = "Groups:\t4 24 30 \n";
  std::string caught = "SigCgt:\t0000000180016a07\n";
  [[nodiscard]] std::string whole() const {
    return name + "Umask:\t0022\nState:\tS (sleeping)\nTgid:\t3090\nNgid:\t0\nPid:\t3090\nPPid:\t1\n" + uid + gid +
           "FDSize:\t64\n" + groups + "NStgid:\t3090\nVmPeak:\t    9000 kB\nSigIgn:\t0000000000001000\n" + caught +
           "Cpus_allowed_list:\t0-1\n";
  }
};

std::optional<ProcStatus> parse(const std::string& text, std::size_t room = 8) {
  std::vector<gid_t> groups(room);
  return parse_proc_status(text, groups);
}

TEST(ProcStatus, reads_all_four_ids_in_their_order) {
  std::vector<gid_t> groups(8);
  const std::string text = Text{}.whole();
  const auto status = parse_proc_status(text, groups);
  ASSERT_TRUE(status);
  EXPECT_EQ(status->name, "mumps");
  EXPECT_EQ(status->uids, (std::array<uid_t, 4>{1001, 1002, 1003, 1004}));
  EXPECT_EQ(status->gids, (std::array<gid_t, 4>{2001, 2002, 2003, 2004}));
  ASSERT_EQ(status->group_count, 3);
  groups.resize(3);
  EXPECT_EQ(groups, (std::vector<gid_t>{4, 24, 30}));
}

TEST(ProcStatus, takes_any_name_the_kernel_can_show) {
  for (const std::string name : {")", "a) R 1 (b", "with space", "Uid:\\t0", "\\nUid:\\t0\\t0\\t0\\t0\\n", "\\\\",
                                 "Groups: 0", "\xe2\x80\xae", ":", " (deleted)", "\t\t", ""}) {
    const std::string text = Text{.name = "Name:\t" + name + "\n"}.whole();  // the name is a view into it
    const auto status = parse(text);
    ASSERT_TRUE(status) << name;
    EXPECT_EQ(status->name, name);
    EXPECT_EQ(status->uids[0], 1001U) << name;
  }
}

TEST(ProcStatus, has_a_name_whose_own_bytes_come_back) {
  const auto own = [](std::string_view shown, std::size_t room = 64) {
    std::string name(room, '?');
    name.resize(copy_name(shown, name));
    return name;
  };
  EXPECT_EQ(own("mumps"), "mumps");
  EXPECT_EQ(own("a\\nb"), "a\nb");
  EXPECT_EQ(own("a\\\\nb"), "a\\nb");
  EXPECT_EQ(own("\\\\\\n\\n\\\\"), "\\\n\n\\");
  EXPECT_EQ(own("\t\x1b\xff\""), "\t\x1b\xff\"");
  EXPECT_EQ(own(""), "");
  // No kernel shows these.
  EXPECT_EQ(own("\\"), "\\");
  EXPECT_EQ(own("\\x0a"), "\\x0a");
  // The room is for its own bytes.
  EXPECT_EQ(own("\\n\\n\\n", 3), "\n\n\n");
  EXPECT_EQ(own("\\n\\n\\n", 2), "\n\n");
  EXPECT_EQ(own("a", 0), "");
}

TEST(ProcStatus, takes_a_process_without_groups) {
  for (const char* groups : {"Groups:\n", "Groups:\t\n", "Groups:\t \n"}) {
    const auto status = parse(Text{.groups = groups}.whole(), 0);
    ASSERT_TRUE(status) << groups;
    EXPECT_EQ(status->group_count, 0U);
  }
}

TEST(ProcStatus, refuses_a_name_that_would_smuggle_a_second_field_in) {
  // The kernel escapes newlines in names; if one ever came through, the field it forges is a repeated one.
  EXPECT_FALSE(parse(Text{.name = "Name:\tx\nUid:\t0\t0\t0\t0\n"}.whole()));
  EXPECT_FALSE(parse(Text{.name = "Name:\tx\nGid:\t0\t0\t0\t0\n"}.whole()));
  EXPECT_FALSE(parse(Text{.name = "Name:\tx\nGroups:\t0\n"}.whole()));
  EXPECT_FALSE(parse(Text{.name = "Name:\tx\nName:\ty\n"}.whole()));
  EXPECT_FALSE(parse(Text{.name = "Name:\tx\nno field\n"}.whole()));
}

TEST(ProcStatus, refuses_a_missing_field) {
  EXPECT_FALSE(parse(Text{.name = ""}.whole()));
  EXPECT_FALSE(parse(Text{.uid = ""}.whole()));
  EXPECT_FALSE(parse(Text{.gid = ""}.whole()));
  EXPECT_FALSE(parse(Text{.groups = ""}.whole()));
  EXPECT_FALSE(parse(""));
  EXPECT_FALSE(parse("\n"));
}

TEST(ProcStatus, refuses_a_field_of_almost_the_right_name) {
  for (const char* key : {"uid", "UID", " Uid", "Uid ", "Uids", "Ui", ""}) {
    EXPECT_FALSE(parse(Text{.uid = std::string(key) + ":\t1\t1\t1\t1\n"}.whole())) << key;
  }
}

TEST(ProcStatus, refuses_ids_that_are_not_four_numbers) {
  for (const char* ids : {"", "1", "1\t1\t1", "1\t1\t1\t1\t1", "1\t1\t1\t1 x", "1\t1\t1\tx", "-1\t1\t1\t1",
                          "+1\t1\t1\t1", "1\t1\t1\t1.5", "0x1\t1\t1\t1", "1\t1\t1\t1e3", "4294967296\t1\t1\t1",
                          "99999999999999999999999\t1\t1\t1", "1,1,1,1", "1-1-1-1", "1\v1\v1\v1", "1\t1\t1\t1\r"}) {
    EXPECT_FALSE(parse(Text{.uid = std::string("Uid:\t") + ids + "\n"}.whole())) << ids;
    EXPECT_FALSE(parse(Text{.gid = std::string("Gid:\t") + ids + "\n"}.whole())) << ids;
  }
}

TEST(ProcStatus, takes_the_largest_id) {
  const auto status = parse(Text{.uid = "Uid:\t4294967295\t0\t00\t65534\n"}.whole());
  ASSERT_TRUE(status);
  EXPECT_EQ(status->uids, (std::array<uid_t, 4>{4294967295, 0, 0, 65534}));
}

TEST(ProcStatus, reads_the_signals_that_are_caught_and_not_those_that_are_ignored) {
  const auto caught = [](const std::string& digits) {
    const auto status = parse(Text{.caught = "SigCgt:\t" + digits + "\n"}.whole());
    EXPECT_TRUE(status) << digits;
    return status ? status->caught_signals : std::nullopt;
  };
  EXPECT_EQ(caught("0000000000000000"), 0U);
  EXPECT_EQ(caught("0000000000002000"), 0x2000U);  // SIGALRM alone
  EXPECT_EQ(caught("ffffffffffffffff"), 0xffffffffffffffffU);
  EXPECT_EQ(caught("0000000180016a07"), 0x180016a07U);
}

// Old kernels, or a text that another field stands in: then nothing is known to be caught.
TEST(ProcStatus, knows_of_no_caught_signals_where_the_line_is_missing) {
  for (const char* line : {"", "sigcgt:\t0000000000002000\n", "SigCgtx:\t0000000000002000\n"}) {
    const auto status = parse(Text{.caught = line}.whole());
    ASSERT_TRUE(status) << line;
    EXPECT_EQ(status->caught_signals, std::nullopt) << line;
  }
}

TEST(ProcStatus, refuses_caught_signals_that_are_no_number_or_come_twice) {
  for (const char* digits :
       {"", " ", "x", "-1", "+1", "0x2000", "2000 ", "2000 2000", "2000g", "10000000000000000", "2000\r", "\v2000"}) {
    EXPECT_FALSE(parse(Text{.caught = std::string("SigCgt:\t") + digits + "\n"}.whole())) << digits;
  }
  EXPECT_FALSE(parse(Text{.caught = "SigCgt:\t0000000000002000\nSigCgt:\t0000000000002000\n"}.whole()));
  EXPECT_FALSE(parse(Text{.name = "Name:\tx\nSigCgt:\t0000000000002000\n"}.whole()));
}

TEST(ProcStatus, refuses_groups_that_are_not_numbers) {
  for (const char* groups : {"x", "4 x", "4,24", "-4", "+4", "4 4294967296", "4 24x", "4\v24"}) {
    EXPECT_FALSE(parse(Text{.groups = std::string("Groups:\t") + groups + "\n"}.whole())) << groups;
  }
}

std::string groups_line(std::size_t count) {
  std::string line = "Groups:\t";
  for (std::size_t group = 0; group < count; ++group) line += std::to_string(4294900000 + group) + " ";
  return line + "\n";
}

TEST(ProcStatus, takes_as_many_groups_as_there_is_room_for_and_not_one_more) {
  EXPECT_TRUE(parse(Text{.groups = groups_line(8)}.whole(), 8));
  EXPECT_FALSE(parse(Text{.groups = groups_line(9)}.whole(), 8));
  EXPECT_FALSE(parse(Text{.groups = groups_line(1)}.whole(), 0));
}

TEST(ProcStatus, takes_the_kernels_largest_group_list_within_the_lookers_buffer) {
  const std::string text = Text{.groups = groups_line(limits::supplementary_groups)}.whole();
  EXPECT_LT(text.size(), limits::proc_status_size);
  const auto status = parse(text, limits::supplementary_groups);
  ASSERT_TRUE(status);
  EXPECT_EQ(status->group_count, limits::supplementary_groups);
  EXPECT_FALSE(
      parse(Text{.groups = groups_line(limits::supplementary_groups + 1)}.whole(), limits::supplementary_groups));
}

TEST(ProcStatus, never_loses_groups_to_a_cut_text) {
  const std::string text = Text{}.whole();
  for (std::size_t size = 0; size < text.size(); ++size) {
    const auto status = parse(text.substr(0, size));
    if (!status) continue;
    EXPECT_EQ(status->group_count, 3U) << "cut at " << size;
    EXPECT_EQ(status->gids[3], 2004U) << "cut at " << size;
  }
}

}  // namespace
}  // namespace secshr
