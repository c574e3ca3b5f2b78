// How many failed starts are said: so many of each user in a minute, whoever else fails, and all others counted and
// told of once, by however many processes at a time.
#include "secshr/start/start_lines.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>  // mkdtemp
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <numeric>
#include <string>

#include "system/descriptor.h"

namespace secshr {
namespace {

namespace fs = std::filesystem;

using Withheld = StartLines::Withheld;
using All = std::vector<Withheld>;

constexpr std::uint64_t minute = 1'000'000;
constexpr unsigned limit = limits::start_lines_per_minute;
constexpr uid_t users = limits::users_with_start_lines;

class StartLinesTest : public testing::Test {
 protected:
  StartLinesTest() {
    path_ = testing::TempDir() + "secshr_start_lines_XXXXXX";
    if (::mkdtemp(path_.data()) == nullptr) std::abort();
    directory_.reset(::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  }
  StartLinesTest(const StartLinesTest&) = delete;
  StartLinesTest& operator=(const StartLinesTest&) = delete;
  ~StartLinesTest() override { fs::remove_all(path_); }

  [[nodiscard]] std::string file() const { return path_ + "/" + StartLines::file_name; }
  // As each start does.
  [[nodiscard]] StartLines open(StartLines::Missing missing = StartLines::Missing::make) const {
    return StartLines::open(directory_.get(), missing);
  }
  unsigned said(unsigned starts, uid_t uid, std::uint64_t when = minute) {
    unsigned lines = 0;
    for (unsigned start = 0; start < starts; ++start) lines += open().may_say(uid, when) ? 1 : 0;
    return lines;
  }
  All told(std::uint64_t when) { return open(StartLines::Missing::leave).take_withheld(when); }
  static std::uint64_t sum(const All& all) {
    return std::accumulate(all.begin(), all.end(), std::uint64_t{0},
                           [](std::uint64_t before, const Withheld& each) { return before + each.starts; });
  }

  std::string path_;
  Descriptor directory_;
};

TEST_F(StartLinesTest, are_so_many_of_a_user_in_a_minute_and_the_rest_is_told_once_when_it_is_over) {
  EXPECT_EQ(said(limit, 1000), limit);
  EXPECT_EQ(said(1, 1000), 0U);
  EXPECT_EQ(said(6, 1000), 0U);
  EXPECT_EQ(told(minute), All{});
  EXPECT_EQ(told(minute + 1), (All{{1000, 7}}));
  EXPECT_EQ(told(minute + 1), All{});
  EXPECT_EQ(said(limit + 1, 1000, minute + 1), limit);
}

TEST_F(StartLinesTest, of_which_none_was_withheld_leave_nothing_to_tell) {
  EXPECT_EQ(said(limit, 1000), limit);
  EXPECT_EQ(told(minute + 1), All{});
  EXPECT_EQ(said(limit, 1000, minute + 1), limit);
  // Nobody asked what was withheld meanwhile: the place is free all the same.
  EXPECT_EQ(said(limit, 1000, minute + 2), limit);
}

TEST_F(StartLinesTest, of_one_user_take_none_from_others_and_none_from_root) {
  EXPECT_EQ(said(1000, 1000), limit);
  EXPECT_EQ(said(limit + 1, 1001), limit);
  EXPECT_EQ(said(limit + 2, 0), limit);
  EXPECT_EQ(told(minute + 1), (All{{0, 2}, {1000, 1000 - limit}, {1001, 1}}));
}

TEST_F(StartLinesTest, of_users_without_a_place_are_as_many_as_those_of_one_and_root_has_its_place) {
  for (uid_t uid = 1; uid <= users; ++uid) EXPECT_EQ(said(limit, uid), limit) << uid;
  unsigned lines = 0;
  for (uid_t uid = users + 1; uid < users + 1000; ++uid) lines += said(1, uid);
  EXPECT_EQ(lines, limit);
  EXPECT_EQ(said(limit + 1, 0), limit);
  EXPECT_EQ(said(1, users), 0U);
  EXPECT_EQ(told(minute + 1), (All{{0, 1}, {users, 1}, {std::nullopt, 999 - limit}}));
  // The places are free again.
  EXPECT_EQ(said(limit, users + 500, minute + 1), limit);
}

TEST_F(StartLinesTest, that_have_still_to_be_told_of_are_kept_in_whatever_minute) {
  EXPECT_EQ(said(limit + 2, 1000), limit);
  EXPECT_EQ(said(1, 1000, minute + 1), 0U) << "its place is not free before it was told of";
  EXPECT_EQ(said(limit + 1, 1001, minute + 1), limit);
  EXPECT_EQ(told(minute + 2), (All{{1000, 3}, {1001, 1}}));
}

TEST_F(StartLinesTest, of_a_time_that_lies_ahead_are_over_too) {
  EXPECT_EQ(said(limit + 2, 1000), limit);
  EXPECT_EQ(told(3), (All{{1000, 2}})) << "the system was booted since";
  EXPECT_EQ(said(limit + 2, 1000, 3), limit);
}

TEST_F(StartLinesTest, keep_the_largest_and_the_smallest_uids_apart) {
  for (const uid_t uid : {4294967294U, 1U, 4294967295U}) EXPECT_EQ(said(limit + 1, uid), limit) << uid;
  EXPECT_EQ(told(minute + 1), (All{{4294967294U, 1}, {1, 1}, {4294967295U, 1}}));
}

TEST_F(StartLinesTest, count_no_further_than_they_can_and_do_not_begin_anew) {
  auto lines = open();
  constexpr unsigned most = (1U << 20U) - 1;
  for (unsigned start = 0; start < limit; ++start) EXPECT_TRUE(lines.may_say(1000, minute));
  for (unsigned start = limit; start < most + 10; ++start) ASSERT_FALSE(lines.may_say(1000, minute));
  EXPECT_EQ(told(minute + 1), (All{{1000, most - limit}}));
}

class ManyProcesses : public StartLinesTest {
 protected:
  struct Count {
    std::uint64_t lines = 0;
    std::uint64_t withheld = 0;
  };
  static constexpr unsigned processes = 8;
  static constexpr unsigned starts = 2000;

  // Of so many starts in each of them, of which each is in the minute that its number gives.
  Count count(std::uint64_t (*minute_of)(unsigned start)) const {
    std::array<int, 2> results{};
    if (::pipe2(results.data(), O_CLOEXEC) != 0) std::abort();
    const Descriptor reading(results[0]);
    Descriptor writing(results[1]);
    for (unsigned process = 0; process < processes; ++process) {
      const pid_t pid = ::fork();
      EXPECT_GE(pid, 0);
      if (pid != 0) continue;
      Count mine;
      for (unsigned start = 0; start < starts; ++start) {
        auto lines = open();
        mine.withheld += sum(lines.take_withheld(minute_of(start)));
        mine.lines += lines.may_say(1000, minute_of(start)) ? 1 : 0;
      }
      (void)!::write(writing.get(), &mine, sizeof mine);
      ::_exit(0);
    }
    writing.reset();  // so that one who dies keeps nobody waiting
    Count all;
    for (unsigned process = 0; process < processes; ++process) {
      Count theirs;
      EXPECT_EQ(::read(reading.get(), &theirs, sizeof theirs), static_cast<ssize_t>(sizeof theirs));
      all.lines += theirs.lines;
      all.withheld += theirs.withheld;
      int status = 0;
      EXPECT_GT(::wait(&status), 0);
      EXPECT_EQ(status, 0);
    }
    return all;
  }
};

TEST_F(ManyProcesses, have_so_many_lines_in_a_minute_together) {
  const auto [lines, withheld] = count([](unsigned) { return minute; });
  EXPECT_EQ(lines, limit);
  EXPECT_EQ(withheld, 0U);
  EXPECT_EQ(told(minute + 1), (All{{1000, processes * starts - limit}}));
}

// How many lines there are depends on who runs when: of different minutes they take the place from each other.
TEST_F(ManyProcesses, count_each_start_once_also_while_the_minute_ends) {
  const auto [lines, withheld] = count([](unsigned start) { return minute + start / (starts / 4); });
  EXPECT_EQ(lines + withheld + sum(told(minute + 4)), processes * starts);
  EXPECT_GE(lines, limit);
}

// --- The file. ---

TEST_F(StartLinesTest, are_in_a_file_of_its_owner_alone_which_is_made_where_it_is_needed) {
  EXPECT_EQ(told(minute), All{});
  EXPECT_FALSE(fs::exists(file())) << "there was nothing to tell";
  EXPECT_EQ(said(1, 1000), 1U);
  struct stat facts{};
  ASSERT_EQ(::lstat(file().c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode, S_IFREG | 0600U);
  EXPECT_EQ(static_cast<std::size_t>(facts.st_size), StartLines::file_size);
}

TEST_F(StartLinesTest, are_without_a_limit_where_there_can_be_no_file_and_nothing_is_followed) {
  const std::string victim = path_ + "/victim";
  ASSERT_EQ(::close(::creat(victim.c_str(), 0600)), 0);
  const auto expect_no_limit = [&] {
    EXPECT_EQ(said(3 * limit, 1000), 3 * limit);
    EXPECT_EQ(told(minute + 1), All{});
    fs::remove(file());
  };
  fs::create_symlink(victim, file());
  expect_no_limit();
  EXPECT_EQ(fs::file_size(victim), 0U);
  ASSERT_EQ(::mkfifo(file().c_str(), 0600), 0);
  expect_no_limit();
  fs::create_directory(file());
  expect_no_limit();
  directory_.reset();
  EXPECT_EQ(said(3 * limit, 1000), 3 * limit);
  EXPECT_TRUE(StartLines().may_say(1000, minute));
  EXPECT_EQ(StartLines().take_withheld(minute), All{});
}

TEST_F(StartLinesTest, go_on_from_whatever_is_in_the_file) {
  for (const std::size_t size : {std::size_t{1}, StartLines::file_size - 1, 10 * StartLines::file_size}) {
    for (const char byte : {'\0', '\1', '\x7f', '\xff'}) {
      const Descriptor made(::creat(file().c_str(), 0600));
      const std::string text(size, byte);
      ASSERT_EQ(::write(made.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
      (void)told(minute);
      EXPECT_EQ(said(limit + 1, 1000), limit);
      EXPECT_EQ(said(limit + 1, 0), limit);
      EXPECT_EQ(told(minute + 1), (All{{0, 1}, {1000, 1}}));
      fs::remove(file());
    }
  }
}

}  // namespace
}  // namespace secshr
