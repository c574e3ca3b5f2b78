// The bounded writer: little-endian, and nothing past the end.
#include "protocol/wire_writer.h"

#include <gtest/gtest.h>

#include "tests/unit/protocol/datagrams.h"

namespace secshr::protocol {
namespace {

using test::bytes;
using test::Bytes;

TEST(WireWriter, writes_little_endian_numbers_and_text) {
  Bytes out(19);
  WireWriter writer(out);
  writer.u8(0x80);
  writer.i32(-2);
  writer.u32(0x04030201);
  writer.i64(-9223372036854775807 - 1);
  writer.text("ab");
  EXPECT_EQ(writer.written(), 19U);
  EXPECT_EQ(out, bytes({0x80, 0xfe, 0xff, 0xff, 0xff, 1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0, 0x80, 'a', 'b'}));
}

TEST(WireWriter, what_does_not_fit_is_not_written_in_part) {
  Bytes out(3, std::byte{0xee});
  WireWriter writer(out);
  writer.u32(0);
  EXPECT_EQ(writer.written(), 0U);
  EXPECT_EQ(out, bytes({0xee, 0xee, 0xee}));
}

TEST(WireWriter, failure_is_sticky_even_for_what_would_have_fitted) {
  Bytes out(5, std::byte{0xee});
  WireWriter writer(out);
  writer.u32(0x01020304);
  writer.text("xy");
  writer.u8(1);
  EXPECT_TRUE(writer.failed());
  EXPECT_EQ(writer.written(), 0U);
  EXPECT_EQ(out, bytes({4, 3, 2, 1, 0xee}));
}

TEST(WireWriter, fills_a_buffer_exactly) {
  Bytes out(4);
  WireWriter writer(out);
  writer.text("");
  writer.text("abcd");
  EXPECT_EQ(writer.written(), 4U);
  writer.text("");
  EXPECT_EQ(writer.written(), 4U);
}

}  // namespace
}  // namespace secshr::protocol
