// What broker and looker tell each other comes back as it was sent, or is refused whole.
#include "secshr/looker/look_message.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace secshr {
namespace {

using Bytes = std::vector<std::byte>;

const LookRequest request{0x0123456789abcdef, {4194304, 4294967294, 4294967293}, "/data/mumps.dat"};

Bytes encoded(const LookRequest& each) {
  Bytes bytes(look_request_size);
  bytes.resize(encode_look_request(each, bytes));
  return bytes;
}

LookReport full_report() {
  LookReport report{.job = 0xfedcba9876543210,
                    .verdict = LookVerdict::seen,
                    .error = -7,
                    .device = 0xffffffffffffffff,
                    .inode = 0x8000000000000000,
                    .mode = 0100644,
                    .owner = 4294967294,
                    .ids = {-2, 2147483647, -9, 0x7fffffffffffffff},
                    .maps_header_segment = true,
                    .comm = {}};
  report.comm.fill('c');
  report.comm.back() = '\0';
  return report;
}

void expect_equal(const LookReport& left, const LookReport& right) {
  EXPECT_EQ(left.job, right.job);
  EXPECT_EQ(left.verdict, right.verdict);
  EXPECT_EQ(left.error, right.error);
  EXPECT_EQ(left.device, right.device);
  EXPECT_EQ(left.inode, right.inode);
  EXPECT_EQ(left.mode, right.mode);
  EXPECT_EQ(left.owner, right.owner);
  EXPECT_EQ(left.ids, right.ids);
  EXPECT_EQ(left.maps_header_segment, right.maps_header_segment);
  EXPECT_EQ(left.comm, right.comm);
}

TEST(LookRequest, comes_back_as_it_was_sent) {
  for (const std::string& path :
       {std::string(), std::string("/"), std::string("a\0b", 3), std::string(protocol::maximum_path, 'p'),
        std::string(protocol::maximum_datagram, 'p')}) {
    const LookRequest sent{request.job, request.client, path};
    const Bytes bytes = encoded(sent);
    const auto back = decode_look_request(bytes);
    ASSERT_TRUE(back) << path.size();
    EXPECT_EQ(back->job, sent.job);
    EXPECT_EQ(back->client.pid, sent.client.pid);
    EXPECT_EQ(back->client.uid, sent.client.uid);
    EXPECT_EQ(back->client.gid, sent.client.gid);
    EXPECT_EQ(back->path, path);
  }
}

TEST(LookRequest, is_not_written_where_it_does_not_fit) {
  const std::string path(protocol::maximum_datagram + 1, 'p');
  EXPECT_TRUE(encoded({1, {}, path}).empty());
  Bytes small(encoded(request).size() - 1);
  EXPECT_EQ(encode_look_request(request, small), 0U);
}

TEST(LookRequest, is_refused_cut_short_or_with_trailing_bytes) {
  Bytes bytes = encoded(request);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(decode_look_request(std::span(bytes).first(size))) << size;
  }
  bytes.push_back(std::byte{0});
  EXPECT_FALSE(decode_look_request(bytes));
}

TEST(LookRequest, is_refused_with_a_path_length_that_lies) {
  constexpr std::size_t length_offset = 20;
  for (const unsigned length : {0U, 14U, 16U, 255U}) {
    Bytes bytes = encoded(request);
    bytes[length_offset] = static_cast<std::byte>(length);
    EXPECT_FALSE(decode_look_request(bytes)) << length;
  }
  Bytes bytes = encoded(request);
  std::fill_n(bytes.begin() + length_offset, 4, std::byte{0xff});
  EXPECT_FALSE(decode_look_request(bytes));
}

TEST(LookReport, comes_back_as_it_was_sent) {
  for (unsigned verdict = 0; verdict <= static_cast<unsigned>(LookVerdict::not_a_database); ++verdict) {
    LookReport sent = full_report();
    sent.verdict = static_cast<LookVerdict>(verdict);
    sent.maps_header_segment = verdict % 2 == 0;
    const auto back = decode_look_report(encode_look_report(sent));
    ASSERT_TRUE(back) << verdict;
    expect_equal(*back, sent);
  }
}

TEST(LookReport, ends_the_name_with_a_nul_whatever_came) {
  LookReport sent = full_report();
  sent.comm.back() = 'c';
  const auto back = decode_look_report(encode_look_report(sent));
  ASSERT_TRUE(back);
  EXPECT_EQ(back->comm.back(), '\0');
}

TEST(LookReport, is_refused_cut_short_or_with_trailing_bytes) {
  const auto bytes = encode_look_report(full_report());
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(decode_look_report(std::span(bytes).first(size))) << size;
  }
  Bytes longer(bytes.begin(), bytes.end());
  longer.push_back(std::byte{0});
  EXPECT_FALSE(decode_look_report(longer));
}

TEST(LookReport, is_refused_with_a_verdict_or_a_truth_value_that_does_not_exist) {
  constexpr std::size_t verdict_offset = 8;
  constexpr std::size_t maps_offset = 64;
  auto bytes = encode_look_report(full_report());
  EXPECT_EQ(bytes[maps_offset], std::byte{1});
  for (const std::size_t offset : {verdict_offset, maps_offset}) {
    for (std::size_t byte = 0; byte < 4; ++byte) {
      auto changed = bytes;
      changed[offset + byte] = std::byte{7};
      EXPECT_FALSE(decode_look_report(changed)) << offset << " " << byte;
    }
  }
  bytes[maps_offset] = std::byte{2};
  EXPECT_FALSE(decode_look_report(bytes));
}

}  // namespace
}  // namespace secshr
