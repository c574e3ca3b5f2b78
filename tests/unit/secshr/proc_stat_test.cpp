// A start time is the kernel's number and nothing that a process's name says; in doubt there is none.
#include "secshr/looker/proc_stat.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <ctime>
#include <string>

#include "system/descriptor.h"

namespace secshr {
namespace {

using namespace std::chrono_literals;

// What stands before and after the start time.
const std::string before = " S 1 3090 3090 0 -1 4194560 180 0 0 0 7 8 9 10 20 0 1 0 ";
const std::string after = " 2846720 224 18446744073709551615 0 0\n";

std::string text(const std::string& start, const std::string& name = "mumps") {
  return "3090 (" + name + ")" + before + start + after;
}

TEST(ProcStat, reads_the_twenty_second_field) {
  EXPECT_EQ(parse_start_ticks(text("123456")), 123456U);
  EXPECT_EQ(parse_start_ticks(text("0")), 0U);
  EXPECT_EQ(parse_start_ticks(text("18446744073709551615")), UINT64_MAX);
  // It may be the last.
  EXPECT_EQ(parse_start_ticks("1 (init)" + before + "77\n"), 77U);
}

TEST(ProcStat, is_not_fooled_by_a_name_that_looks_like_fields) {
  for (const char* name : {"", ")", "(", "a b", ") S 1 2 3",
                           ") S 1 3090 3090 0 -1 4194560 180 0 0 0 7 8 9 10 20 0 1 0 5 6", "x) R 1", ") ", "))) S"}) {
    EXPECT_EQ(parse_start_ticks(text("4711", name)), 4711U) << name;
  }
}

TEST(ProcStat, refuses_what_is_no_such_text) {
  for (const std::string& wrong :
       {std::string(), std::string("\n"), std::string("3090 (mumps"), std::string("3090 (mumps) S 1 2 3\n"),
        "3090 (mumps)" + before.substr(0, before.size() - 3) + "\n", "3090 (mumps)" + before + "\n", text(""),
        text("-1"), text("+1"), text("0x10"), text("12a"), text("18446744073709551616"), text(" 12"),
        // Cut short: the number could be longer.
        "3090 (mumps)" + before + "77"}) {
    EXPECT_FALSE(parse_start_ticks(wrong)) << testing::PrintToString(wrong);
  }
}

TEST(ProcStat, started_after_means_in_a_later_tick) {
  constexpr std::uint64_t hundred = 100;  // ticks of 10 ms
  EXPECT_FALSE(started_after(99, 1s, hundred));
  EXPECT_FALSE(started_after(100, 1s, hundred)) << "at most 10 ms after, and perhaps at that very moment";
  EXPECT_TRUE(started_after(101, 1s, hundred));
  EXPECT_TRUE(started_after(101, 1010ms - 1ns, hundred));
  EXPECT_FALSE(started_after(101, 1010ms, hundred));
  EXPECT_FALSE(started_after(0, 0s, hundred));
  EXPECT_TRUE(started_after(1, 0s, hundred));
  EXPECT_TRUE(started_after(UINT64_MAX, BootTime::max(), hundred));
  EXPECT_TRUE(started_after(2, 1s, 1));
  EXPECT_FALSE(started_after(1, 1s, 1));
}

// This very process, of which both are known: it started before now, and after the machine.
TEST(ProcStat, agrees_with_the_kernel_about_a_process_that_runs) {
  const Descriptor file(::open("/proc/self/stat", O_RDONLY | O_CLOEXEC));
  std::array<char, 4096> bytes{};
  const ssize_t size = ::read(file.get(), bytes.data(), bytes.size());
  ASSERT_GT(size, 0);
  const auto ticks = parse_start_ticks(std::string_view(bytes.data(), static_cast<std::size_t>(size)));
  ASSERT_TRUE(ticks);
  const auto rate = static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK));
  timespec now{};
  ASSERT_EQ(::clock_gettime(CLOCK_BOOTTIME, &now), 0);
  const BootTime since_boot = std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
  EXPECT_FALSE(started_after(*ticks, since_boot, rate));
  // No test program has run for a day.
  constexpr std::uint64_t day = 86400;
  EXPECT_TRUE(started_after(*ticks + day * rate, since_boot, rate));
}

}  // namespace
}  // namespace secshr
