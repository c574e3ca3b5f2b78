// Keys, against what stock programs make.
#include <gtest/gtest.h>

#include "protocol/communication_key.h"
#include "protocol/server_key.h"

namespace secshr::protocol {
namespace {

TEST(CommunicationKey, is_that_of_stock_releases) {
  EXPECT_EQ(communication_key("GT.M V7.0-005 Linux x86_64"), 0xb54536abU);
  EXPECT_EQ(communication_key("YottaDB r2.07 Linux x86_64"), 0xd834e1cfU);
}

TEST(CommunicationKey, is_over_exactly_the_release_string) {
  const std::string_view with_newline = "GT.M V7.0-005 Linux x86_64\n";
  EXPECT_NE(communication_key(with_newline), 0xb54536abU);
  EXPECT_EQ(communication_key(with_newline.substr(0, with_newline.size() - 1)), 0xb54536abU);
  EXPECT_EQ(communication_key(""), 0U) << "the hash of nothing with seed 0";
}

// The name of the socket that a stock gtmsecshr (GT.M V7.0-005) with this st_dev and st_ino made: gtm_secshr2E9E59CB.
TEST(ServerKey, is_that_of_a_stock_server) {
  EXPECT_EQ(server_key(65024, 14885019), 0x2E9E59CBU);
  EXPECT_EQ(database_key(65024, 14885019), 0x2B9E59CBU);
}

TEST(ServerKey, tells_device_and_inode_apart) {
  EXPECT_NE(server_key(14885019, 65024), server_key(65024, 14885019));
  EXPECT_NE(server_key(65024, 14885020), server_key(65024, 14885019));
  EXPECT_NE(server_key(65025, 14885019), server_key(65024, 14885019));
}

TEST(ServerKey, uses_all_64_bits) {
  constexpr std::uint64_t high = std::uint64_t{1} << 63;
  EXPECT_NE(server_key(65024, 14885019 | high), server_key(65024, 14885019));
  EXPECT_NE(server_key(65024 | high, 14885019), server_key(65024, 14885019));
}

TEST(ServerKey, always_begins_with_2E) {
  for (std::uint64_t inode = 0; inode < 5000; ++inode) EXPECT_EQ(server_key(2049, inode) >> 24, 0x2EU);
}

}  // namespace
}  // namespace secshr::protocol
