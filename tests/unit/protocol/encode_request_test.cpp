// The client's half: compared with bytes written by hand.
#include "protocol/encode_request.h"

#include <gtest/gtest.h>

#include "protocol/limits.h"
#include "tests/unit/protocol/decode.h"

namespace secshr::protocol::test {
namespace {

RequestHeader sender() {
  // A code of its own, of which the encoder must use no bit but that by which the rule is wanted.
  return {0x7577, release_key, static_cast<std::int32_t>(0xdeadbeef), 3090, 1};
}

Bytes encoded(const Request& request) {
  Bytes out(maximum_datagram, std::byte{0xee});
  out.resize(encode_request(sender(), request, out));
  return out;
}

TEST(EncodeRequest, says_that_the_rule_is_wanted) {
  RequestHeader wanting = sender();
  wanting.code = explained_bit;
  Bytes out(maximum_datagram);
  out.resize(encode_request(wanting, Wake{12345}, out));
  EXPECT_EQ(out, header(1, 2) + bytes({0x39, 0x30, 0, 0}));
  const auto decoded = decode_header(out);
  ASSERT_TRUE(decoded.has_value());
  EXPECT_TRUE(wants_rule(*decoded));
  EXPECT_EQ(decode_request(*decoded, out, release_key), Request(Wake{12345}));
}

TEST(EncodeRequest, writes_the_described_bytes) {
  EXPECT_EQ(encoded(Ping{}), header(0, 1));
  EXPECT_EQ(encoded(Wake{12345}), header(1) + bytes({0x39, 0x30, 0, 0}));
  EXPECT_EQ(encoded(RemoveSemaphoreSet{32769}), header(2) + bytes({0x01, 0x80, 0, 0}));
  EXPECT_EQ(encoded(RemoveSegment{-2}), header(3) + bytes({0xfe, 0xff, 0xff, 0xff}));
  EXPECT_EQ(encoded(RemoveFile{"/tmp/gtm_mutex1"}), remove_file("/tmp/gtm_mutex1"));
  EXPECT_EQ(encoded(ContinueProcess{12345}), header(5) + bytes({0x39, 0x30, 0, 0}));
  EXPECT_EQ(encoded(FlushHeader{closed_ids, "/d/mumps.dat"}), flush_closing());
  // o_direct and the padding are sent as zeros.
  EXPECT_EQ(encoded(FlushHeader{{32769, 65538, 0x6553f100, 0x6553f101}, "/d/mumps.dat"}),
            with(with(flush_opening(), 24, {0, 0, 0, 0}), 36, {0, 0, 0, 0}));
}

TEST(EncodeRequest, gives_back_what_was_decoded) {
  for (const Bytes& datagram : every_request()) {
    const auto request = decode(datagram);
    ASSERT_TRUE(request);
    const Bytes again = encoded(*request);
    const auto decoded_again = decode(again);
    ASSERT_TRUE(decoded_again);
    EXPECT_EQ(*decoded_again, *request);
  }
}

TEST(EncodeRequest, writes_nothing_into_a_buffer_one_byte_too_small) {
  for (const Bytes& datagram : every_request()) {
    const auto request = decode(datagram);
    ASSERT_TRUE(request);
    Bytes exact(datagram.size());
    EXPECT_EQ(encode_request(sender(), *request, exact), datagram.size());
    Bytes small(datagram.size() - 1);
    EXPECT_EQ(encode_request(sender(), *request, small), 0U);
    EXPECT_EQ(encode_request(sender(), *request, {}), 0U);
  }
}

TEST(EncodeRequest, a_path_of_the_maximum_fits_the_largest_datagram_and_one_more_does_not) {
  const std::string longest = "/" + std::string(maximum_path - 1, 'p');
  EXPECT_EQ(encoded(FlushHeader{closed_ids, longest}).size(), maximum_datagram);
  EXPECT_EQ(encoded(FlushHeader{closed_ids, longest + "p"}).size(), 0U);
}

}  // namespace
}  // namespace secshr::protocol::test
