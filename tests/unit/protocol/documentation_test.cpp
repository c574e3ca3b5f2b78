// docs/protocol.md has the names, keys, codes, offsets and bytes that the code has.
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "protocol/communication_key.h"
#include "protocol/encode_reply.h"
#include "protocol/encode_request.h"
#include "protocol/limits.h"
#include "protocol/profile.h"
#include "protocol/server_key.h"
#include "protocol/socket_names.h"

namespace secshr::protocol {
namespace {

class ProtocolDocument : public testing::Test {
 protected:
  void SetUp() override {
    std::ifstream file(PROTOCOL_DOCUMENT);
    ASSERT_TRUE(file.is_open()) << PROTOCOL_DOCUMENT;
    std::ostringstream text;
    text << file.rdbuf();
    text_ = text.str();
  }
  void expect_line(const std::string& line) const {
    EXPECT_NE(text_.find("\n" + line + "\n"), std::string::npos) << line;
  }
  void expect_beginning(const std::string& line) const {
    EXPECT_NE(text_.find("\n" + line), std::string::npos) << line;
  }
  std::string text_;
};

std::string hex(std::uint32_t number, const char* format = "0x%08x") {
  std::array<char, 16> text{};
  (void)std::snprintf(text.data(), text.size(), format, number);
  return text.data();
}

// As the document shows a datagram: words of four bytes, the sequence number's two together.
std::string shown(std::span<const std::byte> bytes) {
  std::string text = "    ";
  for (std::size_t index = 0; index < bytes.size(); ++index) {
    if (index != 0 && index % 4 == 0 && index != 20) text += ' ';
    text += hex(std::to_integer<unsigned>(bytes[index]), "%02x");
  }
  return text;
}

std::string code(std::string_view text) {
  return "`" + std::string(text) + "`";
}
std::string variables(std::span<const std::string_view> names) {
  std::string text;
  for (const std::string_view name : names) text += (text.empty() ? "" : ", ") + code("$" + std::string(name));
  return text;
}

TEST_F(ProtocolDocument, names_what_each_profile_names) {
  std::string header = "| ";
  std::string prefixes = "| PREFIX of socket names ";
  std::string tmp = "| DIR, where the sockets are: the first that is set ";
  std::string log = "| where a copy of the log goes: the first that is set ";
  std::string idents = "| ident in the system log ";
  for (const ProfileId id : {ProfileId::gtm, ProfileId::ydb, ProfileId::generic}) {
    const Profile& each = profile(id);
    header += "| " + code(each.name) + " ";
    prefixes += "| " + code(each.socket_prefix) + " ";
    tmp += "| " + variables(each.tmp_variables) + " ";
    log += "| " + variables(each.log_variables) + " ";
    idents += "| " + code(each.syslog_ident) + " ";
    EXPECT_NE(text_.find(code("$" + std::string(each.dist_variable))), std::string::npos) << each.name;
  }
  for (const std::string& row : {header, prefixes, tmp, log, idents}) expect_line(row + "|");
}

TEST_F(ProtocolDocument, has_keys_that_come_out_so) {
  for (const std::string release : {"GT.M V7.0-005 Linux x86_64", "YottaDB r2.07 Linux x86_64", "application 1.2"}) {
    expect_line("| " + code(release) + " | " + hex(communication_key(release)) + " |");
  }
  const std::uint32_t key = server_key(65024, 14885019);
  EXPECT_NE(text_.find("`st_dev` 65024 and `st_ino` 14885019 give " + hex(key, "0x%X") + "."), std::string::npos);
  const Profile& gtm = profile(ProfileId::gtm);
  EXPECT_NE(text_.find("| " + code(server_socket_name(gtm, key).view()) + " |\n"), std::string::npos);
  EXPECT_NE(text_.find("| " + code(client_socket_name(gtm, 3090).view()) + " |\n"), std::string::npos);
  EXPECT_NE(text_.find("| " + code(client_socket_name(gtm, 3090, 'a').view()) + " |\n"), std::string::npos);
}

TEST_F(ProtocolDocument, has_every_request_and_how_long_it_is) {
  const std::vector<std::pair<Request, std::string>> requests{{Wake{}, "28"},
                                                              {RemoveSemaphoreSet{}, "28"},
                                                              {RemoveSegment{}, "28"},
                                                              {RemoveFile{}, "25 + the path's"},
                                                              {ContinueProcess{}, "28"},
                                                              {FlushHeader{}, "61 + the name's"},
                                                              {Ping{}, "24"}};
  ASSERT_EQ(requests.size(), request_codes.size());
  const auto table = text_.find("\n| code | request |");
  ASSERT_NE(table, std::string::npos);
  for (const auto& [request, length] : requests) {
    const auto number = static_cast<unsigned>(code_of(request));
    const std::string begin = "\n| " + hex(number, number < 0x100 ? "%u" : "0x%x") + " | ";
    const auto row = text_.find(begin, table);
    ASSERT_NE(row, std::string::npos) << begin;
    const std::string line = text_.substr(row + 1, text_.find('\n', row + 1) - row - 1);
    EXPECT_TRUE(line.ends_with("| " + length + " |")) << line;
    std::array<std::byte, maximum_datagram> bytes{};
    EXPECT_EQ(std::to_string(encode_request({}, request, bytes)), length.substr(0, length.find(' ')));
  }
  EXPECT_NE(text_.find("and " + std::to_string(maximum_datagram) + " at most"), std::string::npos);
  EXPECT_NE(text_.find("of at most " + std::to_string(maximum_path) + " bytes"), std::string::npos);
  EXPECT_NE(text_.find("longer than " + std::to_string(maximum_directory) + " bytes"), std::string::npos);
}

TEST_F(ProtocolDocument, has_the_reply_codes_that_are_no_errno) {
  expect_beginning("| " + hex(static_cast<std::uint32_t>(reply_invalid_code), "0x%x") + " | no such request");
  expect_beginning("| " + hex(static_cast<std::uint32_t>(reply_foreign_key), "0x%x") + " | not a key of this");
  EXPECT_NE(text_.find(std::to_string(reply_not_a_database)), std::string::npos);
}

TEST_F(ProtocolDocument, has_an_example_that_is_one) {
  const RequestHeader header{2, communication_key("YottaDB r2.07 Linux x86_64"), 0, 3090, 1};
  std::array<std::byte, maximum_datagram> bytes{};
  const std::size_t size = encode_request(header, RemoveSemaphoreSet{98305}, bytes);
  expect_line(shown(std::span(bytes).first(size)));
  expect_line(shown(encode_reply(header, 0)));
}

}  // namespace
}  // namespace secshr::protocol
