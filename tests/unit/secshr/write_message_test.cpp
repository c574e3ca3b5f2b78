// What broker and writer tell each other comes back as it was sent, or is refused whole.
#include "secshr/writer/write_message.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <limits>
#include <vector>

namespace secshr {
namespace {

constexpr WriteRequest request{0xfedcba9876543210,
                               MonotonicTime(std::chrono::nanoseconds(123456789012345)),
                               {1, -2, 3, -4},
                               {-2147483647 - 1, 2147483647, 0x7fffffffffffffff, -1},
                               Attached::requester};

TEST(WriteRequest, comes_back_as_it_was_sent) {
  const auto back = decode_write_request(encode_write_request(request));
  ASSERT_TRUE(back);
  EXPECT_EQ(back->job, request.job);
  EXPECT_EQ(back->deadline, request.deadline);
  EXPECT_EQ(back->expected, request.expected);
  EXPECT_EQ(back->wanted, request.wanted);
  EXPECT_EQ(back->attached, request.attached);
}

TEST(WriteRequest, allows_one_attached_process_at_most) {
  auto bytes = encode_write_request(request);
  constexpr std::size_t attached_offset = write_request_size - 4;
  ASSERT_EQ(bytes[attached_offset], std::byte{1});
  ASSERT_TRUE(decode_write_request(bytes));
  bytes[attached_offset] = std::byte{2};
  EXPECT_FALSE(decode_write_request(bytes));
  bytes[attached_offset] = std::byte{0};
  bytes[attached_offset + 3] = std::byte{1};
  EXPECT_FALSE(decode_write_request(bytes));
}

TEST(WriteRequest, keeps_every_deadline) {
  for (const auto deadline : {MonotonicTime::min(), MonotonicTime(), MonotonicTime::max()}) {
    const auto back = decode_write_request(encode_write_request({1, deadline, {}, {}}));
    ASSERT_TRUE(back);
    EXPECT_EQ(back->deadline, deadline);
  }
}

TEST(WriteRequest, is_refused_cut_short_or_with_trailing_bytes) {
  const auto bytes = encode_write_request(request);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(decode_write_request(std::span(bytes).first(size))) << size;
  }
  std::vector<std::byte> longer(bytes.begin(), bytes.end());
  longer.push_back(std::byte{0});
  EXPECT_FALSE(decode_write_request(longer));
}

TEST(WriteReport, comes_back_as_it_was_sent) {
  for (unsigned verdict = 0; verdict <= static_cast<unsigned>(WriteVerdict::failed); ++verdict) {
    for (const std::int32_t error : {0, 5, -5, std::numeric_limits<std::int32_t>::min()}) {
      const auto back = decode_write_report(encode_write_report({77, static_cast<WriteVerdict>(verdict), error}));
      ASSERT_TRUE(back);
      EXPECT_EQ(back->job, 77U);
      EXPECT_EQ(back->verdict, static_cast<WriteVerdict>(verdict));
      EXPECT_EQ(back->error, error);
    }
  }
}

TEST(WriteReport, is_refused_cut_short_with_trailing_bytes_or_an_unknown_verdict) {
  const auto bytes = encode_write_report({1, WriteVerdict::failed, EIO});
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(decode_write_report(std::span(bytes).first(size))) << size;
  }
  std::vector<std::byte> longer(bytes.begin(), bytes.end());
  longer.push_back(std::byte{0});
  EXPECT_FALSE(decode_write_report(longer));
  constexpr std::size_t verdict_offset = 8;
  for (std::size_t byte = 0; byte < 4; ++byte) {
    auto changed = bytes;
    changed[verdict_offset + byte] = std::byte{5};
    EXPECT_FALSE(decode_write_report(changed)) << byte;
  }
}

}  // namespace
}  // namespace secshr
