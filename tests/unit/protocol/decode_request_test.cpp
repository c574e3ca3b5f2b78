// Headers, codes, keys and lengths of every request.
#include "protocol/decode_request.h"

#include <gtest/gtest.h>

#include <array>
#include <cerrno>
#include <limits>

#include "protocol/limits.h"
#include "tests/unit/protocol/decode.h"
#include "tests/unit/protocol/guarded_bytes.h"

namespace secshr::protocol::test {
namespace {

static_assert(header_size == 24);
static_assert(maximum_datagram == 4160);
static_assert(maximum_path == 4099);

TEST(DecodeHeader, reads_every_field) {
  const auto header = decode_header(bytes({0x06, 0,    0,    0,     //
                                           0xab, 0x36, 0x45, 0xb5,  //
                                           0xff, 0xff, 0xff, 0xff,  //
                                           0x12, 0x0c, 0,    0,     //
                                           0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11}));
  ASSERT_TRUE(header);
  EXPECT_EQ(header->code, 6);
  EXPECT_EQ(header->communication_key, 0xb54536abU);
  EXPECT_EQ(header->use_secshr, -1);
  EXPECT_EQ(header->pid, 3090);
  EXPECT_EQ(header->sequence, 0x1122334455667788U);
}

TEST(DecodeHeader, refuses_anything_shorter_than_a_full_header) {
  const Bytes full = header(6);
  for (std::size_t size = 0; size < header_size; ++size) {
    const auto short_one = decode_header(first(full, size));
    ASSERT_FALSE(short_one) << size;
    EXPECT_EQ(short_one.error().reply_code, EINVAL);
    EXPECT_STREQ(short_one.error().what, "length");
  }
  EXPECT_TRUE(decode_header(full));
  EXPECT_TRUE(decode_header(full + bytes({0}))) << "a body is not its concern";
}

TEST(DecodeRequest, decodes_one_of_every_kind) {
  EXPECT_EQ(decoded<Wake>(header(1) + bytes({0x39, 0x30, 0, 0})).pid, 12345);
  EXPECT_EQ(decoded<RemoveSemaphoreSet>(header(2) + bytes({0x01, 0x80, 0, 0})).semid, 32769);
  EXPECT_EQ(decoded<RemoveSegment>(header(3) + bytes({0x02, 0x00, 1, 0})).shmid, 65538);
  EXPECT_EQ(decoded<RemoveFile>(remove_file("/tmp/gtm_mutex00001A2F")).path, "/tmp/gtm_mutex00001A2F");
  EXPECT_EQ(decoded<ContinueProcess>(header(5) + bytes({0x39, 0x30, 0, 0})).pid, 12345);
  EXPECT_EQ(decoded<FlushHeader>(flush_opening()).path, "/d/mumps.dat");
  (void)decoded<Ping>(header(0, 1));
}

// Judged later, against the kernel: decoding must not turn them into anything else.
TEST(DecodeRequest, passes_hostile_numbers_on_as_they_are) {
  struct Case {
    std::array<unsigned, 4> wire;
    std::int32_t value;
  };
  const std::array cases{Case{{0, 0, 0, 0}, 0}, Case{{0xff, 0xff, 0xff, 0xff}, -1},
                         Case{{0, 0, 0, 0x80}, std::numeric_limits<std::int32_t>::min()},
                         Case{{0xff, 0xff, 0xff, 0x7f}, std::numeric_limits<std::int32_t>::max()}};
  for (const auto& [wire, value] : cases) {
    const Bytes number = bytes({wire[0], wire[1], wire[2], wire[3]});
    EXPECT_EQ(decoded<Wake>(header(1) + number).pid, value);
    EXPECT_EQ(decoded<RemoveSemaphoreSet>(header(2) + number).semid, value);
    EXPECT_EQ(decoded<RemoveSegment>(header(3) + number).shmid, value);
    EXPECT_EQ(decoded<ContinueProcess>(header(5) + number).pid, value);
  }
}

TEST(DecodeRequest, refuses_every_shorter_length_of_every_request) {
  for (const Bytes& datagram : every_request()) {
    EXPECT_EQ(refusal(datagram), "accepted");
    for (std::size_t size = 0; size < datagram.size(); ++size) {
      EXPECT_TRUE(refusal(first(datagram, size)).starts_with("22 "))
          << "code " << int(datagram[0]) << " size " << size;
    }
  }
}

TEST(DecodeRequest, refuses_one_trailing_byte_of_every_request) {
  for (const Bytes& datagram : every_request()) {
    for (const unsigned trailing : {0U, 1U, 0x2fU, 0xffU}) {
      // Behind a removal's path a byte that is no NUL is a missing NUL, and a second NUL is one inside the path.
      const std::string expected = datagram[0] == std::byte{4} ? "22 path" : "22 length";
      EXPECT_EQ(refusal(datagram + bytes({trailing})), expected) << "code " << int(datagram[0]);
    }
  }
}

TEST(DecodeRequest, reads_nothing_behind_the_datagram) {
  for (const Bytes& datagram : every_request()) {
    for (std::size_t size = 0; size <= datagram.size(); ++size) {
      const GuardedBytes guarded(first(datagram, size));
      EXPECT_EQ(refusal(guarded.view()) == "accepted", size == datagram.size());
    }
  }
}

TEST(DecodeRequest, reads_nothing_behind_a_datagram_whose_name_length_lies) {
  for (const std::array<unsigned, 4> length :
       {std::array{13U, 0U, 0U, 0U}, std::array{0x00U, 0x10U, 0U, 0U}, std::array{0xffU, 0xffU, 0xffU, 0x7fU},
        std::array{0xffU, 0xffU, 0xffU, 0xffU}}) {
    const Bytes lying = with(flush_opening(), 56, {length[0], length[1], length[2], length[3]});
    const GuardedBytes guarded(lying);
    EXPECT_EQ(refusal(guarded.view()), "22 length");
  }
}

TEST(DecodeRequest, refuses_every_code_but_the_known_ones) {
  const auto code_at = [](std::int32_t code) {
    const auto bits = static_cast<std::uint32_t>(code);
    return with(header(0) + bytes({1, 0, 0, 0}), 0,
                {bits & 0xff, bits >> 8 & 0xff, bits >> 16 & 0xff, bits >> 24 & 0xff});
  };
  for (std::int32_t code = -300; code < 70000; ++code) {
    const std::int32_t plain = code & ~0x200;  // the rule may be wanted
    const bool known = (plain >= 1 && plain <= 6) || plain == 0x100;
    EXPECT_EQ(refusal(code_at(code)) == "32768 code", !known) << code;
  }
  for (const std::int32_t code : {0x01000000, 0x06000000, 0x00010000, std::numeric_limits<std::int32_t>::max(),
                                  std::numeric_limits<std::int32_t>::min()}) {
    EXPECT_EQ(refusal(code_at(code)), "32768 code") << code;
  }
}

TEST(DecodeRequest, refuses_a_key_that_differs_in_any_bit) {
  const Bytes datagram = flush_opening();
  for (std::size_t bit = 0; bit < 32; ++bit) {
    Bytes other = datagram;
    other[4 + bit / 8] ^= std::byte{1} << (bit % 8);
    EXPECT_EQ(refusal(other), "32769 key") << bit;
  }
  EXPECT_EQ(refusal(datagram), "accepted");
}

TEST(DecodeRequest, judges_the_key_before_the_code_and_the_code_before_the_body) {
  const Bytes long_body(maximum_datagram);
  const Bytes foreign_key = with(header(99) + long_body, 4, {0});
  EXPECT_EQ(refusal(foreign_key), "32769 key");
  EXPECT_EQ(refusal(header(99) + long_body), "32768 code");
  EXPECT_EQ(refusal(header(6) + long_body), "22 length");
}

TEST(DecodeRequest, never_interprets_the_use_secshr_flag_pid_or_sequence_number) {
  for (std::size_t offset = 8; offset < header_size; ++offset) {
    for (const unsigned value : {0U, 1U, 0x7fU, 0x80U, 0xffU}) {
      EXPECT_EQ(refusal(with(flush_opening(), offset, {value})), "accepted") << offset;
    }
  }
}

TEST(DecodeRequest, refuses_a_datagram_shorter_than_the_header_it_is_said_to_have) {
  const auto full = decode_header(every_request().front());
  ASSERT_TRUE(full);
  for (std::size_t size = 0; size < header_size; ++size) {
    const GuardedBytes guarded{Bytes(size)};
    const auto refused = decode_request(*full, guarded.view(), release_key);
    ASSERT_FALSE(refused);
    EXPECT_STREQ(refused.error().what, "length");
  }
}

TEST(DecodeRequest, refuses_bodies_of_a_hundred_and_fifty_kilobytes) {
  for (const unsigned code : {1U, 2U, 3U, 4U, 5U, 6U}) {
    EXPECT_EQ(refusal(header(code) + Bytes(std::size_t{150} * 1024, std::byte{'/'})), "22 length") << code;
  }
  EXPECT_EQ(refusal(header(0, 1) + Bytes(std::size_t{150} * 1024)), "22 length");
}

}  // namespace
}  // namespace secshr::protocol::test
