// What /proc says of the broker, from texts as the kernel writes them.
#include "admin/brokers/process_status.h"

#include <gtest/gtest.h>

#include <string>

namespace secshr::admin {
namespace {

const std::string status_text =
    "Name:\tsecshrd\nUmask:\t0022\nState:\tS "
    "(sleeping)\nUid:\t64101\t64102\t64103\t64104\nGid:\t64111\t64112\t64113\t"
    "64114\nGroups:\t \nCapInh:\t0000000000000000\nCapPrm:\t00000000000000e8\nCapEff:\t0000000000000001\n"
    "CapBnd:\t00000000000001ea\nCapAmb:\t0000000000000000\nNoNewPrivs:\t1\nSeccomp:\t2\nSeccomp_filters:\t1\n";

std::string without(const std::string& key) {
  std::string text = status_text;
  const std::size_t at = text.find("\n" + key + ":") + 1;
  return text.erase(at, text.find('\n', at) + 1 - at);
}

TEST(ProcessStatus, is_read_from_the_kernels_text) {
  const auto status = parse_process_status(status_text);
  ASSERT_TRUE(status);
  EXPECT_EQ(status->uid, 64102U) << "the effective one";
  EXPECT_EQ(status->gid, 64112U);
  EXPECT_EQ(status->permitted, 0xe8U);
  EXPECT_EQ(status->effective, 1U);
  EXPECT_EQ(status->bounding, 0x1eaU);
  EXPECT_TRUE(status->no_new_privileges);
  EXPECT_EQ(status->seccomp, 2U);
}

TEST(ProcessStatus, is_none_where_a_line_is_missing_or_odd) {
  for (const char* const key : {"Uid", "Gid", "CapPrm", "CapEff", "CapBnd", "NoNewPrivs", "Seccomp"}) {
    EXPECT_FALSE(parse_process_status(without(key))) << key;
  }
  EXPECT_TRUE(parse_process_status(without("Groups"))) << "the control";
  std::string odd = status_text;
  odd.replace(odd.find("00e8"), 4, "00g8");
  EXPECT_FALSE(parse_process_status(odd));
  EXPECT_FALSE(parse_process_status(""));
}

TEST(StartTicks, are_found_behind_any_name) {
  const std::string rest = " S 1 7 7 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 987654 4096 100\n";
  EXPECT_EQ(parse_start_ticks("7 (secshrd)" + rest), 987654U);
  EXPECT_EQ(parse_start_ticks("7 (a) S 1 2 (b)" + rest), 987654U);
  EXPECT_EQ(parse_start_ticks("7 (a\n)" + rest), 987654U);
  EXPECT_FALSE(parse_start_ticks("7 (secshrd) S 1 7"));
  EXPECT_FALSE(parse_start_ticks(""));
}

TEST(CapabilityNames, are_libcaps_in_the_kernels_order) {
  EXPECT_EQ(capability_names(0xe8), (std::vector<std::string>{"cap_fowner", "cap_kill", "cap_setgid", "cap_setuid"}));
  EXPECT_TRUE(capability_names(0).empty());
  EXPECT_EQ(capability_names(1ULL << 63), (std::vector<std::string>{"63"}));
}

}  // namespace
}  // namespace secshr::admin
