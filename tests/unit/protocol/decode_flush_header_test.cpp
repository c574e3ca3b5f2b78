// The ids of a header flush, field by field.
#include <gtest/gtest.h>

#include "tests/unit/protocol/decode.h"

namespace secshr::protocol::test {
namespace {

constexpr std::size_t o_direct_at = 24;
constexpr std::size_t semid_at = 28;
constexpr std::size_t shmid_at = 32;
constexpr std::size_t padding_at = 36;
constexpr std::size_t sem_ctime_at = 40;
constexpr std::size_t shm_ctime_at = 48;
constexpr std::size_t length_at = 56;

Bytes no_segment(const Bytes& datagram) {
  return with(with(datagram, shmid_at, {0xff, 0xff, 0xff, 0xff}), shm_ctime_at, {0, 0, 0, 0});
}

TEST(DecodeFlushHeader, reads_every_field_of_an_opening) {
  const Bytes datagram = flush_opening("/data/mumps.dat");
  const auto flush = decoded<FlushHeader>(datagram);
  EXPECT_EQ(flush.ids, (IpcIds{32769, 65538, 0x6553f100, 0x6553f101}));
  EXPECT_EQ(flush.path, "/data/mumps.dat");
  EXPECT_FALSE(flush.closing());
  // The path is a view into the datagram, not a copy.
  EXPECT_EQ(static_cast<const void*>(flush.path.data()), datagram.data() + 60);
}

// Sent by an unprivileged GT.M V7.0-005 process that read a database of mode 0444, as recorded; only the name is
// another of the same length. The flag at 8 is what the stack held: it differs between two datagrams of one process.
TEST(DecodeFlushHeader, reads_what_a_stock_client_sends) {
  const Bytes database = text("/var/lib/g/mumps.dat") + bytes({0});
  const Bytes at_open =
      bytes({0x06, 0,    0,    0,    0xab, 0x36, 0x45, 0xb5, 0xb0, 0x3e, 0xc7, 0x1f, 0x08, 0, 0, 0,  //
             0x01, 0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0x03, 0, 0, 0,  //
             0x01, 0,    0,    0,    0,    0,    0,    0,    0x5d, 0xe1, 0x01, 0x6b, 0,    0, 0, 0,  //
             0x5d, 0xe1, 0x01, 0x6b, 0,    0,    0,    0,    0x14, 0,    0,    0}) +
      database;
  const Bytes at_close =
      bytes({0x06, 0,    0,    0,    0xab, 0x36, 0x45, 0xb5, 0x1f, 0xa0, 0xcf, 0x65, 0x08, 0,    0,    0,     //
             0x03, 0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0xff, 0xff, 0xff, 0xff,  //
             0xff, 0xff, 0xff, 0xff, 0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,     //
             0,    0,    0,    0,    0,    0,    0,    0,    0x14, 0,    0,    0}) +
      database;
  const auto opening = decoded<FlushHeader>(at_open);
  EXPECT_EQ(opening.ids, (IpcIds{3, 1, 0x6b01e15d, 0x6b01e15d}));
  EXPECT_EQ(opening.path, "/var/lib/g/mumps.dat");
  const auto closing = decoded<FlushHeader>(at_close);
  EXPECT_TRUE(closing.closing());
  EXPECT_EQ(closing.path, "/var/lib/g/mumps.dat");
}

TEST(DecodeFlushHeader, reads_a_closing) {
  const auto flush = decoded<FlushHeader>(flush_closing());
  EXPECT_TRUE(flush.closing());
  EXPECT_EQ(flush.ids, closed_ids);
}

TEST(DecodeFlushHeader, reads_an_opening_without_a_segment) {
  const auto flush = decoded<FlushHeader>(no_segment(flush_opening()));
  EXPECT_EQ(flush.ids, (IpcIds{32769, -1, 0x6553f100, 0}));
  EXPECT_FALSE(flush.closing());
}

TEST(DecodeFlushHeader, keeps_all_64_bits_of_the_times) {
  const auto flush =
      decoded<FlushHeader>(with(with(flush_opening(), sem_ctime_at + 7, {0x80}), shm_ctime_at + 4, {1}));
  EXPECT_EQ(flush.ids.sem_ctime, static_cast<std::int64_t>(0x800000006553f100U));
  EXPECT_EQ(flush.ids.shm_ctime, 0x000000016553f101);
}

TEST(DecodeFlushHeader, refuses_a_closing_with_any_field_not_closed) {
  for (std::size_t offset = semid_at; offset < padding_at; ++offset) {
    EXPECT_EQ(refusal(with(flush_closing(), offset, {0xfe})), "22 ids") << offset;
  }
  for (std::size_t offset = sem_ctime_at; offset < length_at; ++offset) {
    EXPECT_EQ(refusal(with(flush_closing(), offset, {1})), "22 ids") << offset;
  }
  EXPECT_EQ(refusal(flush_closing()), "accepted");
}

TEST(DecodeFlushHeader, refuses_an_opening_with_any_field_missing) {
  const Bytes opening = flush_opening();
  EXPECT_EQ(refusal(with(opening, semid_at, {0xff, 0xff, 0xff, 0xff})), "22 ids");
  EXPECT_EQ(refusal(with(opening, sem_ctime_at, {0, 0, 0, 0})), "22 ids");
  EXPECT_EQ(refusal(with(opening, shmid_at, {0xff, 0xff, 0xff, 0xff})), "22 ids") << "a time without a segment";
  EXPECT_EQ(refusal(with(opening, shm_ctime_at, {0, 0, 0, 0})), "22 ids") << "a segment without a time";
  EXPECT_EQ(refusal(opening), "accepted");
}

TEST(DecodeFlushHeader, refuses_an_opening_without_a_segment_with_any_field_missing) {
  const Bytes opening = no_segment(flush_opening());
  EXPECT_EQ(refusal(with(opening, semid_at, {0xff, 0xff, 0xff, 0xff})), "22 ids");
  EXPECT_EQ(refusal(with(opening, sem_ctime_at, {0, 0, 0, 0})), "22 ids");
  EXPECT_EQ(refusal(opening), "accepted");
}

TEST(DecodeFlushHeader, refuses_negative_ids_other_than_minus_one) {
  const Bytes opening = flush_opening();
  EXPECT_EQ(refusal(with(opening, semid_at, {0xfe, 0xff, 0xff, 0xff})), "22 ids");
  EXPECT_EQ(refusal(with(opening, semid_at, {0, 0, 0, 0x80})), "22 ids");
  EXPECT_EQ(refusal(with(opening, shmid_at, {0xfe, 0xff, 0xff, 0xff})), "22 ids");
  EXPECT_EQ(refusal(with(no_segment(opening), shmid_at, {0xfe, 0xff, 0xff, 0xff})), "22 ids");
}

TEST(DecodeFlushHeader, takes_id_zero_and_the_largest_id) {
  const Bytes opening = flush_opening();
  EXPECT_EQ(decoded<FlushHeader>(with(opening, semid_at, {0, 0, 0, 0})).ids.semid, 0);
  EXPECT_EQ(decoded<FlushHeader>(with(opening, shmid_at, {0, 0, 0, 0})).ids.shmid, 0);
  EXPECT_EQ(decoded<FlushHeader>(with(opening, semid_at, {0xff, 0xff, 0xff, 0x7f})).ids.semid, 0x7fffffff);
  EXPECT_EQ(decoded<FlushHeader>(with(opening, shmid_at, {0xff, 0xff, 0xff, 0x7f})).ids.shmid, 0x7fffffff);
}

TEST(DecodeFlushHeader, ignores_o_direct_and_the_padding) {
  const auto plain = decoded<FlushHeader>(flush_opening());
  for (const std::size_t offset : {o_direct_at, padding_at}) {
    for (std::size_t byte = 0; byte < 4; ++byte) {
      for (const unsigned value : {0U, 1U, 0x80U, 0xffU}) {
        EXPECT_EQ(decoded<FlushHeader>(with(flush_opening(), offset + byte, {value})).ids, plain.ids);
      }
    }
  }
}

TEST(DecodeFlushHeader, refuses_a_name_length_that_is_not_the_names) {
  EXPECT_EQ(refusal(with(flush_opening(), length_at, {11})), "22 length") << "one less";
  EXPECT_EQ(refusal(with(flush_opening(), length_at, {13})), "22 length") << "one more";
  EXPECT_EQ(refusal(with(flush_opening(), length_at, {0})), "22 length");
  EXPECT_EQ(refusal(with(flush_opening(), length_at + 3, {0x80})), "22 length") << "negative for a careless reader";
  EXPECT_EQ(refusal(with(flush_opening(), length_at, {0xff, 0xff, 0xff, 0xff})), "22 length");
}

TEST(DecodeFlushHeader, refuses_a_name_that_fills_the_datagram_without_its_nul) {
  const Bytes datagram = flush_opening();
  EXPECT_EQ(refusal(first(datagram, datagram.size() - 1)), "22 length");
  EXPECT_EQ(refusal(with(datagram, datagram.size() - 1, {'x'})), "22 path");
}

TEST(DecodeFlushHeader, judges_length_then_path_then_ids) {
  const Bytes bad_ids = with(flush_closing("relative"), semid_at, {0});
  EXPECT_EQ(refusal(bad_ids + bytes({0})), "22 length");
  EXPECT_EQ(refusal(bad_ids), "22 path");
  EXPECT_EQ(refusal(with(flush_closing("/absolute"), semid_at, {0})), "22 ids");
}

}  // namespace
}  // namespace secshr::protocol::test
