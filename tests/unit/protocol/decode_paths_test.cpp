// The one rule for paths, in both requests that carry one.
#include <gtest/gtest.h>

#include <string>

#include "protocol/limits.h"
#include "tests/unit/protocol/decode.h"

namespace secshr::protocol::test {
namespace {

class DecodePaths : public testing::TestWithParam<bool> {
 protected:
  static Bytes datagram(std::string_view path) { return GetParam() ? flush_opening(path) : remove_file(path); }
  static std::string_view path_of(const Request& request) {
    if (const auto* flush = std::get_if<FlushHeader>(&request)) return flush->path;
    return std::get<RemoveFile>(request).path;
  }
};

INSTANTIATE_TEST_SUITE_P(Both, DecodePaths, testing::Bool(),
                         [](const auto& instance) { return instance.param ? "flush_header" : "remove_file"; });

std::string path_of_length(std::size_t size) {
  return "/" + std::string(size - 1, 'p');
}

TEST_P(DecodePaths, takes_every_length_at_a_boundary_up_to_the_maximum) {
  for (const std::size_t size : {std::size_t{1}, std::size_t{2}, std::size_t{255}, std::size_t{256},
                                 std::size_t{4095}, std::size_t{4096}, maximum_path - 1, maximum_path}) {
    const Bytes bytes = datagram(path_of_length(size));
    const auto request = decode(bytes);
    ASSERT_TRUE(request) << size << " " << request.error().what;
    EXPECT_EQ(path_of(*request), path_of_length(size));
  }
}

TEST_P(DecodePaths, refuses_one_byte_more_than_the_maximum) {
  // In a flush the datagram itself is then too long.
  EXPECT_EQ(refusal(datagram(path_of_length(maximum_path + 1))), GetParam() ? "22 length" : "22 path");
}

TEST_P(DecodePaths, refuses_an_empty_path) {
  EXPECT_EQ(refusal(datagram("")), "22 path");
}

TEST_P(DecodePaths, refuses_a_relative_path) {
  for (const char* path : {"mumps.dat", "./mumps.dat", "../mumps.dat", " /mumps.dat", "~/mumps.dat"}) {
    EXPECT_EQ(refusal(datagram(path)), "22 path") << path;
  }
}

TEST_P(DecodePaths, refuses_every_control_byte_at_the_beginning_the_middle_and_the_end) {
  for (unsigned byte = 0; byte < 256; ++byte) {
    const bool control = byte < 0x20 || byte == 0x7f;
    const char c = static_cast<char>(byte);
    const std::string expected = control ? "22 path" : "accepted";
    EXPECT_EQ(refusal(datagram(std::string("/") + c + "bc")), expected) << byte;
    EXPECT_EQ(refusal(datagram(std::string("/b") + c + "c")), expected) << byte;
    EXPECT_EQ(refusal(datagram(std::string("/bc") + c)), expected) << byte;
    // In the first place only a slash is right.
    EXPECT_EQ(refusal(datagram(std::string(1, c) + "bc")), c == '/' ? "accepted" : "22 path") << byte;
  }
}

// Resolving is the looker's, in the client's own root: decoding changes no byte of the path.
TEST_P(DecodePaths, leaves_dots_slashes_and_other_encodings_as_they_are) {
  for (const std::string_view path : {"/", "//", "/a/../b", "/a//b/", "/proc/self/fd/3", "/d\xff\xfe/\xc3\xa9%n{}"}) {
    const Bytes bytes = datagram(path);
    const auto request = decode(bytes);
    ASSERT_TRUE(request) << path;
    EXPECT_EQ(path_of(*request), path);
  }
}

TEST(DecodeRemoveFile, needs_its_nul) {
  EXPECT_EQ(refusal(header(4)), "22 length");
  EXPECT_EQ(refusal(header(4) + text("/tmp/gtm_mutex")), "22 path");
  EXPECT_EQ(refusal(header(4) + bytes({0})), "22 path");
  EXPECT_EQ(refusal(header(4) + text("/tmp/gtm_mutex") + bytes({0})), "accepted");
}

TEST(DecodeRemoveFile, refuses_the_largest_datagram_plus_one_by_its_length) {
  const std::size_t fixed = header_size + 1;
  EXPECT_EQ(refusal(remove_file(path_of_length(maximum_datagram - fixed))), "22 path");
  EXPECT_EQ(refusal(remove_file(path_of_length(maximum_datagram - fixed + 1))), "22 length");
}

TEST(DecodeFlushHeader, takes_the_largest_datagram) {
  EXPECT_EQ(flush_opening(path_of_length(maximum_path)).size(), maximum_datagram);
}

}  // namespace
}  // namespace secshr::protocol::test
