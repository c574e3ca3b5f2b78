// Finding the release string in an installation's library: exactly one, or none.
#include "admin/adoption/release_string.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace secshr::admin {
namespace {

using namespace std::string_view_literals;

std::string gtm(std::string_view library) {
  const auto release = find_release(library, protocol::profile(protocol::ProfileId::gtm));
  return release ? *release : "refused: " + release.error().what;
}

std::string ydb(std::string_view library) {
  const auto release = find_release(library, protocol::profile(protocol::ProfileId::ydb));
  return release ? *release : "refused: " + release.error().what;
}

bool refused(const std::string& outcome) {
  return outcome.starts_with("refused: ");
}

TEST(ReleaseString, is_found_wherever_it_stands) {
  EXPECT_EQ(gtm("GT.M V7.0-005 Linux x86_64\0"sv), "GT.M V7.0-005 Linux x86_64");
  EXPECT_EQ(gtm("\x7f"
                "ELF\0\0xGT.M V6.3-014A Linux aarch64\0\0"sv),
            "GT.M V6.3-014A Linux aarch64");
  EXPECT_EQ(ydb("\0YottaDB r2.07 Linux x86_64\0"sv), "YottaDB r2.07 Linux x86_64");
}

TEST(ReleaseString, may_stand_there_twice) {
  EXPECT_EQ(gtm("GT.M V7.0-005 Linux x86_64\0..GT.M V7.0-005 Linux x86_64\0"sv), "GT.M V7.0-005 Linux x86_64");
}

// Code that copies the string keeps torn pieces of it as immediate operands.
TEST(ReleaseString, is_not_taken_from_torn_copies) {
  EXPECT_EQ(gtm("GT.M V7.0-005 Li05 Linux x86_64\0GT.M V7.0-005 Linux x86_64\0"sv), "GT.M V7.0-005 Linux x86_64");
}

TEST(ReleaseString, that_is_not_the_only_one_is_refused) {
  const std::string outcome = gtm("GT.M V7.0-005 Linux x86_64\0GT.M V7.0-006 Linux x86_64\0"sv);
  EXPECT_TRUE(refused(outcome)) << outcome;
  EXPECT_NE(outcome.find("--release"), outcome.npos) << "says what to do";
}

TEST(ReleaseString, of_another_product_does_not_count) {
  EXPECT_TRUE(refused(gtm("YottaDB r2.07 Linux x86_64\0"sv)));
  EXPECT_EQ(ydb("GT.M V7.0-001 Linux x86_64\0YottaDB r2.07 Linux x86_64\0"sv), "YottaDB r2.07 Linux x86_64");
}

TEST(ReleaseString, must_have_every_part_and_end_where_it_ends) {
  for (const std::string_view library :
       {""sv, "\0"sv, "GT.M V"sv, "GT.M V7.0-005 Linux x86_64"sv, "GT.M V7.0-005 Linux x86_64 \0"sv,
        "GT.M V7.0-005 Linux \0"sv, "GT.M V7.0-005 Linux\0"sv, "GT.M V7.0-005\0"sv, "GT.M V7.0 Linux x86_64\0"sv,
        "GT.M V7-005 Linux x86_64\0"sv, "GT.M V.0-005 Linux x86_64\0"sv, "GT.M V7.0- Linux x86_64\0"sv,
        "GT.M  V7.0-005 Linux x86_64\0"sv, "GT.M V7.0-005  Linux x86_64\0"sv, "GT.M V7.0-005 Linux X86\0"sv,
        "gt.m V7.0-005 Linux x86_64\0"sv}) {
    EXPECT_TRUE(refused(gtm(library))) << library;
  }
}

TEST(ReleaseString, is_limited_in_length) {
  const std::string prefix = "GT.M V7.0-005 Linux ";
  const std::string longest = prefix + std::string(128 - prefix.size(), 'x');
  EXPECT_EQ(gtm(longest + std::string(1, '\0')), longest);
  EXPECT_TRUE(refused(gtm(longest + "x" + std::string(1, '\0'))));
}

}  // namespace
}  // namespace secshr::admin
