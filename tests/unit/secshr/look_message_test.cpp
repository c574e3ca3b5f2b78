// What broker and looker tell each other comes back as it was sent, or is refused whole.
#include "secshr/looker/look_message.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace secshr {
namespace {

using Bytes = std::vector<std::byte>;

const LookRequest request{0x0123456789abcdef, LookAt::file, {4194304, 4294967294, 4294967293, {}}, "/data/mumps.dat"};

Bytes encoded(const LookRequest& each) {
  Bytes bytes(look_request_size);
  bytes.resize(encode_look_request(each, bytes));
  return bytes;
}

Bytes encoded(const LookReport& report) {
  Bytes bytes(look_report_size);
  bytes.resize(encode_look_report(report, bytes));
  return bytes;
}

LookReport full_report() {
  LookReport report;
  report.job = 0xfedcba9876543210;
  report.verdict = LookVerdict::seen;
  report.error = -7;
  report.groups = {4, 0, 4294967294, 4};
  report.knows_groups = true;
  report.device = 0xffffffffffffffff;
  report.inode = 0x8000000000000000;
  report.mode = 0100644;
  report.owner = 4294967294;
  report.ids = {-2, 2147483647, -9, 0x7fffffffffffffff};
  report.maps_header_segment = true;
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
  EXPECT_EQ(left.runs_installation, right.runs_installation);
  EXPECT_EQ(left.catches_alarm, right.catches_alarm);
  EXPECT_EQ(left.groups, right.groups);
  EXPECT_EQ(left.knows_groups, right.knows_groups);
  EXPECT_EQ(left.comm, right.comm);
}

TEST(LookRequest, comes_back_as_it_was_sent) {
  for (const std::string& path :
       {std::string(), std::string("/"), std::string("a\0b", 3), std::string(protocol::maximum_path, 'p'),
        std::string(protocol::maximum_datagram, 'p')}) {
    const LookRequest sent{request.job, request.at, request.whom, path};
    const Bytes bytes = encoded(sent);
    const auto back = decode_look_request(bytes);
    ASSERT_TRUE(back) << path.size();
    EXPECT_EQ(back->job, sent.job);
    EXPECT_EQ(back->whom.pid, sent.whom.pid);
    EXPECT_EQ(back->whom.uid, sent.whom.uid);
    EXPECT_EQ(back->whom.gid, sent.whom.gid);
    EXPECT_EQ(back->whom.sent, sent.whom.sent);
    EXPECT_EQ(back->path, path);
  }
}

// No time is one that stands for none: without one, nobody compares.
TEST(LookRequest, says_when_it_was_sent_or_that_nobody_knows) {
  LookRequest sent = request;
  for (const std::optional<BootTime>& when :
       {std::optional<BootTime>(), std::optional(BootTime::zero()), std::optional(BootTime(1)),
        std::optional(BootTime(-1)), std::optional(BootTime::max()), std::optional(BootTime::min())}) {
    sent.whom.sent = when;
    const auto back = decode_look_request(encoded(sent));
    ASSERT_TRUE(back);
    EXPECT_EQ(back->whom.sent, when);
  }
  constexpr std::size_t knows_offset = 24;
  Bytes bytes = encoded(request);
  ASSERT_EQ(bytes[knows_offset], std::byte{0});
  for (std::size_t byte = 0; byte < 4; ++byte) {
    bytes = encoded(request);
    bytes[knows_offset + byte] = static_cast<std::byte>(byte == 0 ? 2 : 1);
    EXPECT_FALSE(decode_look_request(bytes)) << byte;
  }
}

TEST(LookRequest, says_what_is_looked_at_and_is_refused_where_that_does_not_exist) {
  for (const LookAt at : {LookAt::client, LookAt::file, LookAt::process}) {
    LookRequest sent = request;
    sent.at = at;
    const auto back = decode_look_request(encoded(sent));
    ASSERT_TRUE(back);
    EXPECT_EQ(back->at, at);
  }
  constexpr std::size_t at_offset = 8;
  Bytes bytes = encoded(request);
  for (const unsigned at : {3U, 4U, 255U}) {
    bytes[at_offset] = static_cast<std::byte>(at);
    EXPECT_FALSE(decode_look_request(bytes)) << at;
  }
  // Nor where it only looks like one in its lowest byte.
  for (std::size_t byte = 1; byte < 4; ++byte) {
    bytes = encoded(request);
    bytes[at_offset + byte] = std::byte{1};
    EXPECT_FALSE(decode_look_request(bytes)) << byte;
  }
}

TEST(LookRequest, is_not_written_where_it_does_not_fit) {
  const std::string path(protocol::maximum_datagram + 1, 'p');
  EXPECT_TRUE(encoded(LookRequest{1, LookAt::file, {}, path}).empty());
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
  constexpr std::size_t length_offset = 36;
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
    for (unsigned bits = 0; bits < 8; ++bits) {
      LookReport sent = full_report();
      sent.verdict = static_cast<LookVerdict>(verdict);
      sent.maps_header_segment = (bits & 1U) != 0;
      sent.runs_installation = (bits & 2U) != 0;
      sent.catches_alarm = (bits & 4U) != 0;
      const auto back = decode_look_report(encoded(sent));
      ASSERT_TRUE(back) << verdict << " " << bits;
      expect_equal(*back, sent);
    }
  }
}

TEST(LookReport, holds_as_many_groups_as_it_says_and_not_one_more) {
  for (const std::size_t count : {std::size_t{0}, std::size_t{1}, reported_groups - 1, reported_groups}) {
    LookReport sent = full_report();
    sent.groups.resize(count, 5);
    if (count > 0) sent.groups.back() = 4294967295;
    const Bytes bytes = encoded(sent);
    EXPECT_EQ(bytes.size(), look_report_fixed_size + count * 4);
    const auto back = decode_look_report(bytes);
    ASSERT_TRUE(back) << count;
    EXPECT_EQ(back->groups, sent.groups) << count;
  }
  LookReport sent = full_report();
  sent.groups.assign(reported_groups + 1, 5);
  EXPECT_TRUE(encoded(sent).empty());
  // And were they sent all the same:
  Bytes bytes(look_report_size + 4);
  bytes.resize(encode_look_report(sent, bytes));
  ASSERT_EQ(bytes.size(), look_report_size + 4);
  EXPECT_FALSE(decode_look_report(bytes));
}

TEST(LookReport, is_refused_with_a_number_of_groups_that_lies) {
  constexpr std::size_t count_offset = look_report_fixed_size - 4;
  ASSERT_EQ(encoded(full_report())[count_offset], std::byte{4});
  for (const unsigned count : {0U, 1U, 3U, 5U, 255U}) {
    Bytes bytes = encoded(full_report());
    bytes[count_offset] = static_cast<std::byte>(count);
    EXPECT_FALSE(decode_look_report(bytes)) << count;
  }
  // Nor is memory taken for what a number alone promises.
  Bytes bytes = encoded(full_report());
  std::fill_n(bytes.begin() + count_offset, 4, std::byte{0xff});
  EXPECT_FALSE(decode_look_report(bytes));
}

TEST(LookReport, is_not_written_where_it_does_not_fit) {
  const LookReport report = full_report();
  Bytes small(encoded(report).size() - 1);
  EXPECT_EQ(encode_look_report(report, small), 0U);
}

TEST(LookReport, ends_the_name_with_a_nul_whatever_came) {
  LookReport sent = full_report();
  sent.comm.back() = 'c';
  const auto back = decode_look_report(encoded(sent));
  ASSERT_TRUE(back);
  EXPECT_EQ(back->comm.back(), '\0');
}

TEST(LookReport, is_refused_cut_short_or_with_trailing_bytes) {
  Bytes bytes = encoded(full_report());
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(decode_look_report(std::span(bytes).first(size))) << size;
  }
  bytes.push_back(std::byte{0});
  EXPECT_FALSE(decode_look_report(bytes));
}

TEST(LookReport, is_refused_with_a_verdict_or_a_bit_that_does_not_exist) {
  constexpr std::size_t verdict_offset = 8;
  constexpr std::size_t bits_offset = look_report_fixed_size - 8;
  const Bytes bytes = encoded(full_report());
  ASSERT_EQ(bytes[bits_offset], std::byte{1 | 8});
  Bytes changed = bytes;
  changed[verdict_offset] = static_cast<std::byte>(static_cast<unsigned>(LookVerdict::not_a_database) + 1);
  EXPECT_FALSE(decode_look_report(changed));
  for (std::size_t byte = 1; byte < 4; ++byte) {
    changed = bytes;
    changed[verdict_offset + byte] = std::byte{1};
    EXPECT_FALSE(decode_look_report(changed)) << byte;
  }
  for (unsigned bit = 4; bit < 32; ++bit) {
    changed = bytes;
    changed[bits_offset + bit / 8] |= static_cast<std::byte>(1U << bit % 8);
    EXPECT_FALSE(decode_look_report(changed)) << bit;
  }
}

}  // namespace
}  // namespace secshr
