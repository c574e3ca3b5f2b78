// Replies: 24 bytes, all of the request's header but the code.
#include <gtest/gtest.h>

#include <cerrno>

#include "protocol/encode_reply.h"
#include "protocol/rules.h"
#include "tests/unit/protocol/datagrams.h"

namespace secshr::protocol::test {
namespace {

RequestHeader request() {
  return {6, release_key, static_cast<std::int32_t>(0xdeadbeef), 3090, 1};
}

template <std::size_t size>
Bytes vector(const std::array<std::byte, size>& array) {
  return {array.begin(), array.end()};
}

TEST(EncodeReply, replaces_the_code_and_echoes_the_rest) {
  EXPECT_EQ(vector(encode_reply(request(), 0)), header(0));
  EXPECT_EQ(vector(encode_reply(request(), EINVAL)), header(22));
  EXPECT_EQ(vector(encode_reply(request(), reply_invalid_code)), header(0, 0x80));
  EXPECT_EQ(vector(encode_reply(request(), reply_foreign_key)), header(1, 0x80));
  EXPECT_EQ(vector(encode_reply(request(), reply_not_a_database)), with(header(0), 0, {0xca, 0x80, 0xf6, 0x08}));
}

TEST(EncodeReply, echoes_a_foreign_key_and_every_bit_of_the_rest) {
  const RequestHeader foreign{6, 0x04030201, 0x08070605, 0x0c0b0a09, 0x14131211100f0e0d};
  EXPECT_EQ(vector(encode_reply(foreign, 0)),
            bytes({0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20}));
}

TEST(EncodeReply, has_the_rule_in_the_place_of_the_flag_where_that_is_wanted_and_nowhere_else) {
  RequestHeader wanted = request();
  wanted.code |= explained_bit;
  EXPECT_EQ(decode_reply(encode_reply(wanted, EPERM, 4))->header.use_secshr, 4);
  EXPECT_EQ(decode_reply(encode_reply(wanted, 0))->header.use_secshr, 0);
  EXPECT_EQ(decode_reply(encode_reply(request(), EPERM, 4))->header.use_secshr, request().use_secshr);
  for (const std::int32_t unknown : {explained_bit, explained_bit + 7, 0x7777, INT32_MAX}) {
    wanted.code = unknown;
    EXPECT_EQ(decode_reply(encode_reply(wanted, EPERM, 4))->header.use_secshr, request().use_secshr) << unknown;
  }
}

TEST(RuleNumber, is_that_of_the_list_and_stays) {
  EXPECT_EQ(rule_number("peer.pid"), 1);
  EXPECT_EQ(rule_number("sem.alter"), 4);
  EXPECT_EQ(rule_number("cfg.off"), 19);
  EXPECT_EQ(rule_number("lockdown"), 20);
  for (const char* const none : {"none", "", "sem", "sem.alter "}) EXPECT_EQ(rule_number(none), 0);
  for (std::int32_t number = 1; number <= 20; ++number) EXPECT_EQ(rule_number(rule_id(number)), number);
  for (const std::int32_t number : {0, -1, 21, INT32_MAX, INT32_MIN}) EXPECT_EQ(rule_id(number), "");
}

TEST(DecodeReply, reads_what_the_server_wrote) {
  const auto reply = decode_reply(header(22));
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->code(), EINVAL);
  EXPECT_EQ(reply->header.communication_key, release_key);
  EXPECT_EQ(reply->header.pid, 3090);
  EXPECT_EQ(reply->header.sequence, 1U);
}

TEST(DecodeReply, is_exactly_one_header) {
  const Bytes longer = header(0) + bytes({0});
  for (std::size_t size = 0; size <= longer.size(); ++size) {
    EXPECT_EQ(decode_reply(first(longer, size)).has_value(), size == header_size) << size;
  }
}

TEST(Reply, answers_only_the_request_of_its_sequence_number_and_key) {
  const auto reply = decode_reply(header(0));
  ASSERT_TRUE(reply);
  EXPECT_TRUE(reply->answers(request()));
  RequestHeader later = request();
  later.sequence = 2;
  EXPECT_FALSE(reply->answers(later));
  RequestHeader other_release = request();
  other_release.communication_key ^= 1;
  EXPECT_FALSE(reply->answers(other_release));
}

}  // namespace
}  // namespace secshr::protocol::test
