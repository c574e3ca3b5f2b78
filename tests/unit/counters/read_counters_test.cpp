// Whatever a page's file is and holds, its reader gets consistent counters or an error, and soon.
#include "counters/read_counters.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <random>

#include "counters/publish_counters.h"
#include "tests/unit/counters/scratch_page.h"

namespace secshr {
namespace {

constexpr std::size_t version_at = 8;
constexpr std::size_t size_at = 16;
constexpr std::size_t sequence_at = 24;

class ReadCounters : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(CountersPage::create(directory.descriptor(), all(5)).has_value());
    good = directory.read();
    ASSERT_EQ(good.size(), counters_page::size);
  }
  // What comes of a file with these contents.
  std::expected<Counters, int> read(const std::string& contents) {
    directory.write("page", contents);
    return read_counters(directory.path("page"));
  }
  void expect_error(const std::string& contents, int error) {
    const auto read_back = read(contents);
    ASSERT_FALSE(read_back.has_value());
    EXPECT_EQ(read_back.error(), error);
  }
  [[nodiscard]] std::string good_with(std::size_t at, std::uint64_t word) const {
    return std::string(good).replace(at, 8, bytes_of(word));
  }
  int error_of(const std::string& path) {
    const auto counters = read_counters(path);
    return counters ? 0 : counters.error();
  }

  const ScratchDirectory directory;
  std::string good;
};

TEST_F(ReadCounters, of_a_whole_page_are_what_is_in_it) {
  EXPECT_EQ(read(good), all(5));
  EXPECT_EQ(read(good_with(32, 6))->broker_pid, 6U);
}

TEST_F(ReadCounters, of_a_file_of_any_other_size_are_none) {
  for (std::size_t size = 0; size < good.size(); ++size) expect_error(good.substr(0, size), EBADMSG);
  expect_error(good + '\0', EBADMSG);
  expect_error(good + good, EBADMSG);
  expect_error(std::string(1 << 20, '\0'), EBADMSG);
}

TEST_F(ReadCounters, of_another_layout_are_none) {
  for (const std::uint64_t version :
       {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{3}, UINT64_MAX, std::uint64_t{1} << 56U}) {
    expect_error(good_with(version_at, version), EBADMSG);
  }
  for (const std::uint64_t size : {std::uint64_t{0}, std::uint64_t{479}, std::uint64_t{481}, UINT64_MAX}) {
    expect_error(good_with(size_at, size), EBADMSG);
  }
  for (std::size_t byte = 0; byte < sequence_at; ++byte) {
    std::string wrong = good;
    wrong[byte] = static_cast<char>(wrong[byte] ^ 1);
    expect_error(wrong, EBADMSG);
  }
}

TEST_F(ReadCounters, of_a_page_that_its_writer_left_half_written_are_none_and_nobody_waits_long) {
  for (const std::uint64_t sequence : {std::uint64_t{1}, std::uint64_t{3}, UINT64_MAX}) {
    const auto began = std::chrono::steady_clock::now();
    expect_error(good_with(sequence_at, sequence), EAGAIN);
    EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(2));
  }
  for (const std::uint64_t sequence : {std::uint64_t{0}, std::uint64_t{2}, UINT64_MAX - 1}) {
    EXPECT_EQ(read(good_with(sequence_at, sequence)), all(5)) << "the control";
  }
}

TEST_F(ReadCounters, of_any_bytes_are_none_or_those_bytes) {
  std::mt19937 generator(3);  // NOLINT(cert-msc51-cpp): the same bytes at every run
  std::array<int, 2> outcomes{};
  for (int each = 0; each < 600; ++each) {
    // Behind a beginning that is right more often than not; an even sequence number, so that nobody waits.
    std::string contents = good;
    for (std::size_t byte = each % 3 == 0 ? 0 : 32; byte < contents.size(); ++byte) {
      contents[byte] = static_cast<char>(generator());
    }
    contents[sequence_at] = static_cast<char>(contents[sequence_at] & 0xFE);
    const auto counters = read(contents);
    ++outcomes.at(counters ? 1 : 0);
    if (!counters) {
      EXPECT_EQ(counters.error(), EBADMSG);
      continue;
    }
    std::string words;
    for (const auto word : std::bit_cast<CounterWords>(*counters)) words += bytes_of(word);
    EXPECT_EQ(words, contents.substr(32));
  }
  EXPECT_GT(outcomes[0], 0);
  EXPECT_GT(outcomes[1], 0);
}

TEST_F(ReadCounters, of_what_is_no_regular_file_are_none_and_nobody_waits) {
  EXPECT_EQ(error_of(directory.path("missing")), ENOENT);
  EXPECT_EQ(error_of(directory.path("")), EINVAL);  // the directory itself
  std::filesystem::create_symlink(directory.path(), directory.path("link"));
  EXPECT_EQ(error_of(directory.path("link")), EINVAL);
  ASSERT_EQ(::mkfifo(directory.path("fifo").c_str(), 0644), 0);
  EXPECT_EQ(error_of(directory.path("fifo")), EINVAL);
  EXPECT_EQ(error_of("/dev/null"), EINVAL);
  EXPECT_EQ(error_of(""), ENOENT);
  EXPECT_EQ(error_of("/proc/self/status"), EBADMSG);
  EXPECT_EQ(error_of(directory.path()), 0) << "the control";
}

// They could cut it while it is mapped, which would be a signal here.
TEST_F(ReadCounters, of_a_file_that_others_may_write_to_are_none) {
  for (const mode_t mode : {0664U, 0646U, 0666U, 0020U}) {
    ASSERT_EQ(::chmod(directory.path().c_str(), mode), 0);
    EXPECT_EQ(error_of(directory.path()), EPERM) << std::oct << mode;
  }
  for (const mode_t mode : {0644U, 0755U, 0400U}) {
    ASSERT_EQ(::chmod(directory.path().c_str(), mode), 0);
    EXPECT_EQ(error_of(directory.path()), 0) << std::oct << mode;
  }
}

TEST_F(ReadCounters, of_a_file_of_another_user_are_none) {
  if (::geteuid() != 0) {
    const char* const must_run = std::getenv("SECSHR_TESTS_MUST_RUN");
    if (must_run != nullptr && std::string(must_run) == "1") FAIL() << "not root";
    GTEST_SKIP() << "not root";
  }
  ASSERT_EQ(::chown(directory.path().c_str(), 71001, 71001), 0);
  EXPECT_EQ(error_of(directory.path()), EPERM);
}

}  // namespace
}  // namespace secshr
