// The database file header: bytes as stock GT.M V7.0-005 wrote them, and everything that is not one.
#include "protocol/database_header.h"

#include <gtest/gtest.h>

#include <optional>

#include "tests/unit/protocol/datagrams.h"
#include "tests/unit/protocol/guarded_bytes.h"

namespace secshr::protocol::test {
namespace {

constexpr std::size_t minor_version_at = 112;

// The first bytes of a closed database, with the ids that stand in it.
Bytes file(unsigned label_digit, unsigned minor_version, const Bytes& ids) {
  Bytes bytes_of_file = text("GDSDYNUNX0") + bytes({label_digit, 0, 0x00, 0x10, 0, 0});
  bytes_of_file.resize(512);
  return with(bytes_of_file, minor_version_at, {minor_version, 0, 0, 0}) + ids;
}
Bytes closed() {
  return bytes({255, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0});
}
Bytes open() {
  return bytes(
      {0x01, 0x80, 0, 0, 0x02, 0, 1, 0, 0x00, 0xf1, 0x53, 0x65, 0, 0, 0, 0, 0x01, 0xf1, 0x53, 0x65, 1, 0, 0, 0x80});
}
constexpr IpcIds open_ids{32769, 65538, 0x6553f100, static_cast<std::int64_t>(0x800000016553f101U)};
Bytes v6() {
  return file(0x33, 23, closed());
}
Bytes v7() {
  return file(0x34, 27, closed());
}

std::optional<HeaderFault> fault(const Bytes& bytes_of_file) {
  const auto header = parse_database_header(bytes_of_file);
  return header ? std::nullopt : std::optional(header.error());
}

TEST(DatabaseHeader, of_both_formats) {
  const auto six = parse_database_header(v6());
  ASSERT_TRUE(six);
  EXPECT_EQ(six->format, 6);
  EXPECT_EQ(six->ids, closed_ids);
  const auto seven = parse_database_header(v7());
  ASSERT_TRUE(seven);
  EXPECT_EQ(seven->format, 7);
  EXPECT_EQ(seven->ids, closed_ids);
}

TEST(DatabaseHeader, of_an_open_database) {
  const auto header = parse_database_header(file(0x34, 27, open()));
  ASSERT_TRUE(header);
  EXPECT_EQ(header->ids, open_ids);
}

TEST(DatabaseHeader, needs_the_bytes_up_to_the_last_id_and_no_more) {
  EXPECT_EQ(v7().size(), inspected_size);
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{11}, std::size_t{12}, std::size_t{116},
                                 std::size_t{512}, inspected_size - 1}) {
    EXPECT_EQ(fault(first(v7(), size)), HeaderFault::truncated) << size;
  }
  EXPECT_TRUE(parse_database_header(v7() + Bytes(8192 - inspected_size, std::byte{0xff})));
}

TEST(DatabaseHeader, reads_nothing_behind_the_bytes) {
  const Bytes whole = v7();
  for (std::size_t size = 0; size <= whole.size(); ++size) {
    const GuardedBytes guarded(first(whole, size));
    EXPECT_EQ(parse_database_header(guarded.view()).has_value(), size == inspected_size);
  }
}

TEST(DatabaseHeader, refuses_a_label_that_differs_in_any_byte) {
  for (std::size_t place = 0; place < 12; ++place) {
    for (const unsigned value : {0U, 0x20U, 0x30U, 0x35U, 0x58U, 0x78U, 0xffU}) {
      const Bytes other = with(v7(), place, {value});
      if (other == v7()) continue;
      EXPECT_EQ(fault(other), HeaderFault::label) << place << " " << value;
    }
  }
}

TEST(DatabaseHeader, refuses_formats_before_and_after) {
  for (const unsigned digit : {0x30U, 0x31U, 0x32U, 0x35U, 0x36U, 0x39U}) {
    EXPECT_EQ(fault(file(digit, 27, closed())), HeaderFault::label) << digit;
  }
}

TEST(DatabaseHeader, refuses_the_other_byte_order) {
  for (const unsigned minor_version : {1U, 23U, 27U, 255U}) {
    Bytes swapped = file(0x34, 0, closed());
    swapped = with(swapped, minor_version_at + 3, {minor_version});
    EXPECT_EQ(fault(swapped), HeaderFault::byte_order) << minor_version;
  }
}

TEST(DatabaseHeader, refuses_a_label_followed_by_garbage) {
  EXPECT_EQ(fault(text("GDSDYNUNX04") + bytes({0}) + Bytes(8192)), HeaderFault::byte_order);
  EXPECT_EQ(fault(text("GDSDYNUNX04") + bytes({0}) + Bytes(8192, std::byte{'x'})), HeaderFault::byte_order);
  EXPECT_EQ(fault(text("GDSDYNUNX04") + bytes({0}) + Bytes(8192, std::byte{0xff})), HeaderFault::byte_order);
  EXPECT_EQ(fault(text("GDSDYNUNX04")), HeaderFault::truncated);
}

TEST(DatabaseHeader, draws_the_line_between_byte_orders_at_16_bits) {
  EXPECT_TRUE(parse_database_header(with(v7(), minor_version_at, {1, 0, 0, 0})));
  EXPECT_TRUE(parse_database_header(with(v7(), minor_version_at, {0xff, 0xff, 0, 0})));
  EXPECT_EQ(fault(with(v7(), minor_version_at, {0, 0, 1, 0})), HeaderFault::byte_order);
  EXPECT_EQ(fault(with(v7(), minor_version_at, {0, 0, 0, 0})), HeaderFault::byte_order);
  EXPECT_EQ(fault(with(v7(), minor_version_at, {0xff, 0xff, 0xff, 0xff})), HeaderFault::byte_order);
}

TEST(Ids, are_the_bytes_of_the_file) {
  const auto encoded = encode_ids(open_ids);
  EXPECT_EQ(Bytes(encoded.begin(), encoded.end()), open());
  EXPECT_EQ(decode_ids(encoded), open_ids);
  const auto closed_bytes = encode_ids(closed_ids);
  EXPECT_EQ(Bytes(closed_bytes.begin(), closed_bytes.end()), closed());
  EXPECT_EQ(decode_ids(closed_bytes), closed_ids);
}

TEST(Ids, lie_at_512_to_535) {
  EXPECT_EQ(ids_offset, 512U);
  EXPECT_EQ(ids_size, 24U);
  EXPECT_EQ(inspected_size, 536U);
}

}  // namespace
}  // namespace secshr::protocol::test
