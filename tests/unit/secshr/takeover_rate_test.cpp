// How often a user may have a broker taken over, and all of them together; and what becomes of the note of it.
#include "secshr/start/takeover_rate.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>  // mkdtemp
#include <sys/stat.h>
#include <unistd.h>

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "secshr/limits.h"
#include "system/descriptor.h"

namespace secshr {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t this_second = 1000;
using Past = std::vector<PastTakeover>;

TEST(TakeoverRate, is_limited_for_one_user) {
  Past past(limits::takeovers_per_minute_per_uid - 1, PastTakeover{7, this_second});
  EXPECT_TRUE(may_take_over(past, 7, this_second));
  past.push_back({7, this_second - 59});
  EXPECT_FALSE(may_take_over(past, 7, this_second));
  EXPECT_TRUE(may_take_over(past, 8, this_second)) << "another";
  EXPECT_TRUE(may_take_over(past, 0, this_second)) << "root";
  past.back().second = this_second - 60;
  EXPECT_TRUE(may_take_over(past, 7, this_second)) << "a minute ago";
}

TEST(TakeoverRate, is_limited_for_all_users) {
  Past past;
  for (std::uint32_t uid = 1; uid < limits::takeovers_per_minute; ++uid) past.push_back({uid, this_second});
  EXPECT_TRUE(may_take_over(past, 5000, this_second));
  past.push_back({4000, this_second});
  EXPECT_FALSE(may_take_over(past, 5000, this_second));
  EXPECT_TRUE(may_take_over(past, 0, this_second));
}

TEST(TakeoverRate, does_not_count_what_was_never_or_is_to_come) {
  EXPECT_TRUE(may_take_over(Past(limits::takeovers_per_minute, PastTakeover{7, 0}), 7, 30));
  // The system was booted since.
  EXPECT_TRUE(may_take_over(Past(limits::takeovers_per_minute, PastTakeover{7, this_second + 1}), 7, this_second));
}

class TakeoverNote : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "takeovers-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    path_ = name;
    directory_.reset(::open(name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  }
  void TearDown() override { fs::remove_all(path_); }
  [[nodiscard]] bool note(uid_t uid) const { return note_takeover(directory_.get(), uid); }
  [[nodiscard]] std::string file() const { return path_ + "/takeovers"; }

  std::string path_;
  Descriptor directory_;
};

TEST_F(TakeoverNote, is_kept_from_one_start_to_the_next) {
  for (std::size_t each = 0; each < limits::takeovers_per_minute_per_uid; ++each) EXPECT_TRUE(note(7)) << each;
  EXPECT_FALSE(note(7));
  EXPECT_TRUE(note(8));
  struct stat facts{};
  ASSERT_EQ(::stat(file().c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777U, 0600U);
}

TEST_F(TakeoverNote, holds_no_more_than_a_minutes) {
  std::size_t had = 0;
  for (uid_t uid = 1; uid <= limits::takeovers_per_minute + 5; ++uid) had += note(uid) ? 1 : 0;
  EXPECT_EQ(had, limits::takeovers_per_minute);
  EXPECT_TRUE(note(0));
  EXPECT_EQ(fs::file_size(file()), limits::takeovers_per_minute * sizeof(PastTakeover));
}

TEST_F(TakeoverNote, of_another_form_counts_as_none) {
  std::ofstream(file()) << "something else";
  EXPECT_TRUE(note(7));
  EXPECT_EQ(fs::file_size(file()), limits::takeovers_per_minute * sizeof(PastTakeover));
}

TEST_F(TakeoverNote, that_cannot_be_made_is_a_refusal_but_for_root) {
  fs::create_directory(file());
  EXPECT_FALSE(note(7));
  EXPECT_TRUE(note(0));
}

}  // namespace
}  // namespace secshr
