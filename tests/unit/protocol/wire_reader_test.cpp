// The bounded reader: little-endian, and failed for good once anything did not fit.
#include "protocol/wire_reader.h"

#include <gtest/gtest.h>

#include <limits>

#include "tests/unit/protocol/datagrams.h"

namespace secshr::protocol {
namespace {

using test::bytes;

TEST(WireReader, reads_little_endian_numbers_of_every_width) {
  const auto data = bytes({0x80, 1, 2, 3, 4, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88});
  WireReader reader(data);
  EXPECT_EQ(reader.u8(), 0x80U);
  EXPECT_EQ(reader.u32(), 0x04030201U);
  EXPECT_EQ(reader.u64(), 0x8877665544332211U);
  EXPECT_TRUE(reader.complete());
}

TEST(WireReader, keeps_the_sign) {
  const auto data = bytes({0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0x80, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff});
  WireReader reader(data);
  EXPECT_EQ(reader.i32(), -1);
  EXPECT_EQ(reader.i32(), std::numeric_limits<std::int32_t>::min());
  EXPECT_EQ(reader.i64(), -2);
  EXPECT_TRUE(reader.complete());
}

TEST(WireReader, trailing_bytes_are_not_complete) {
  const auto data = bytes({1, 0, 0, 0, 9});
  WireReader reader(data);
  EXPECT_EQ(reader.u32(), 1U);
  EXPECT_FALSE(reader.failed());
  EXPECT_FALSE(reader.complete());
  EXPECT_EQ(reader.left(), 1U);
}

TEST(WireReader, one_byte_too_few_fails_each_width) {
  const auto data = bytes({1, 2, 3, 4, 5, 6, 7});
  WireReader eight(data);
  EXPECT_EQ(eight.u64(), 0U);
  EXPECT_TRUE(eight.failed());
  const auto three_bytes = std::span(data).first(3);
  WireReader four(three_bytes);
  EXPECT_EQ(four.u32(), 0U);
  EXPECT_TRUE(four.failed());
  WireReader one({});
  EXPECT_EQ(one.u8(), 0U);
  EXPECT_TRUE(one.failed());
}

TEST(WireReader, failure_is_sticky_even_for_what_would_have_fitted) {
  const auto data = bytes({7, 7});
  WireReader reader(data);
  EXPECT_EQ(reader.u32(), 0U);
  EXPECT_EQ(reader.u8(), 0U);
  EXPECT_EQ(reader.left(), 0U);
  EXPECT_TRUE(reader.bytes(0).empty());
  EXPECT_TRUE(reader.text(1).empty());
  EXPECT_TRUE(reader.failed());
  EXPECT_FALSE(reader.complete());
}

TEST(WireReader, takes_exactly_what_is_left_and_not_one_more) {
  const auto data = bytes({'a', 'b', 'c'});
  WireReader exact(data);
  EXPECT_EQ(exact.text(3), "abc");
  EXPECT_TRUE(exact.complete());
  WireReader more(data);
  EXPECT_EQ(more.text(4), "");
  EXPECT_TRUE(more.failed());
}

TEST(WireReader, a_huge_count_does_not_wrap_around) {
  const auto data = bytes({1, 2, 3});
  WireReader reader(data);
  EXPECT_EQ(reader.u8(), 1U);
  reader.skip(std::numeric_limits<std::size_t>::max());
  EXPECT_TRUE(reader.failed());
}

TEST(WireReader, nothing_is_complete_at_once) {
  const WireReader reader({});
  EXPECT_TRUE(reader.complete());
}

}  // namespace
}  // namespace secshr::protocol
