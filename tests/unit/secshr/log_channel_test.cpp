// The way of a line into the log: in order, with a word back when it is written, and never at the cost of whoever
// writes it.
#include "secshr/audit/log_channel.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <string>
#include <thread>
#include <vector>

#include "secshr/audit/recorder.h"
#include "secshr/descriptor_passing.h"
#include "secshr/limits.h"

namespace secshr {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

struct Ends {
  Ends() {
    std::array<int, 2> ends{-1, -1};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()), 0);
    ours.reset(ends[0]);
    theirs.reset(ends[1]);
  }
  Descriptor ours, theirs;
};

// A file without a name.
class Scratch {
 public:
  Scratch() {
    std::string path = testing::TempDir() + "secshr_log_XXXXXX";
    file_.reset(::mkostemp(path.data(), O_APPEND | O_CLOEXEC));
    (void)::unlink(path.c_str());
  }
  [[nodiscard]] int descriptor() const { return file_.get(); }
  [[nodiscard]] std::vector<std::string> lines() const {
    struct stat facts{};
    EXPECT_EQ(::fstat(file_.get(), &facts), 0);
    std::string text(static_cast<std::size_t>(facts.st_size), '\0');
    const ssize_t size = ::pread(file_.get(), text.data(), text.size(), 0);
    text.resize(size < 0 ? 0 : static_cast<std::size_t>(size));
    std::vector<std::string> lines;
    std::size_t begin = 0;
    for (std::size_t end = text.find('\n'); end != std::string::npos; end = text.find('\n', begin)) {
      lines.push_back(text.substr(begin, end - begin));
      begin = end + 1;
    }
    EXPECT_EQ(text.substr(begin), "");
    return lines;
  }

 private:
  Descriptor file_;
};

// A recorder that works until the channel closes.
class Working {
 public:
  Working(const Descriptor& channel, const Scratch& file)
      : thread_([channel = channel.get(), file = file.descriptor()] { serve_log(channel, file); }) {}

 private:
  std::jthread thread_;
};

TEST(LineMessage, comes_back_as_it_was_sent_and_is_refused_cut_short_or_too_long) {
  std::vector<std::byte> bytes(line_message_size);
  const std::string longest(longest_line, 'x');
  for (const std::string& line : {std::string(), std::string("ts=1 obj=\"a b\""), longest}) {
    const std::size_t size = encode_line_message({0xfedcba9876543210, 7, line}, bytes);
    ASSERT_EQ(size, line_message_fixed_size + line.size());
    const auto back = decode_line_message(std::span(bytes).first(size));
    ASSERT_TRUE(back);
    EXPECT_EQ(back->ticket, 0xfedcba9876543210);
    EXPECT_EQ(back->lost, 7U);
    EXPECT_EQ(back->line, line);
  }
  EXPECT_EQ(encode_line_message({1, 0, longest + "x"}, bytes), 0U);
  for (std::size_t size = 0; size < line_message_fixed_size; ++size) {
    EXPECT_FALSE(decode_line_message(std::span(bytes).first(size)));
  }
  for (const std::size_t size : {line_report_size - 1, line_report_size + 1}) {
    EXPECT_FALSE(decode_line_report(std::span(bytes).first(size)));
  }
  const auto report = decode_line_report(encode_line_report({0x0123456789abcdef, 0xfedcba9876543210}));
  ASSERT_TRUE(report);
  EXPECT_EQ(report->ticket, 0x0123456789abcdefU);
  EXPECT_EQ(report->refused, 0xfedcba9876543210U);
}

TEST(LogChannel, lines_arrive_in_their_order_and_their_writing_is_known) {
  Ends ends;
  const Scratch file;
  LogChannel log(std::move(ends.ours));
  const Ticket first = log.write("one", Importance::change);
  const Ticket second = log.write("two", Importance::routine);
  EXPECT_FALSE(log.has_written(first));
  log.take_reports();
  EXPECT_FALSE(log.has_written(first));
  {
    const Working recorder(ends.theirs, file);
    log.drain(steady_clock::now() + milliseconds(5000));
    EXPECT_TRUE(log.has_written(first));
    EXPECT_TRUE(log.has_written(second));
    EXPECT_FALSE(log.has_written(second + 1));
    EXPECT_EQ(file.lines(), (std::vector<std::string>{"one", "two"}));
    const Descriptor closed(::fcntl(ends.theirs.get(), F_DUPFD_CLOEXEC, 0));
    (void)::shutdown(closed.get(), SHUT_RDWR);
  }
}

TEST(LogChannel, a_log_that_hangs_blocks_nobody_keeps_room_for_changes_and_says_later_what_was_lost) {
  Ends ends;
  const Scratch file;
  LogChannel log(std::move(ends.ours));
  const std::string changed(longest_line, 'c');
  for (std::uint64_t line = 0; line < limits::routine_lines_waiting; ++line) {
    ASSERT_NE(log.write("refused", Importance::routine), 0U) << line;
  }
  EXPECT_EQ(log.lost(), 0U);
  EXPECT_EQ(log.write("refused", Importance::routine), 0U);
  EXPECT_EQ(log.write(std::string(longest_line + 1, 'x'), Importance::change), 0U);
  EXPECT_EQ(log.lost(), 2U);
  // Changes go on until nothing more fits.
  std::uint64_t changes = 0;
  const auto began = steady_clock::now();
  while (log.write(changed, Importance::change) != 0) ++changes;
  EXPECT_GE(changes * line_message_size, limits::kept_lines_size);
  log.count_lost();
  EXPECT_EQ(log.lost(), 4U);
  EXPECT_TRUE(log.has_written(0));
  log.drain(steady_clock::now() + milliseconds(20));
  EXPECT_LT(steady_clock::now() - began, milliseconds(2000));
  {
    const Working recorder(ends.theirs, file);
    log.drain(steady_clock::now() + milliseconds(5000));
    // One line between the report of the lost ones and the next: the first two were lost before the changes.
    ASSERT_NE(log.write("back", Importance::change), 0U);
    log.drain(steady_clock::now() + milliseconds(5000));
    (void)::shutdown(ends.theirs.get(), SHUT_RDWR);
  }
  const auto lines = file.lines();
  ASSERT_EQ(lines.size(), limits::routine_lines_waiting + changes + 1 + 2);
  EXPECT_TRUE(lines.at(limits::routine_lines_waiting).ends_with("event=log-lost lines=2")) << lines.at(64);
  EXPECT_TRUE(lines.at(lines.size() - 2).ends_with("event=log-lost lines=2")) << lines.at(lines.size() - 2);
  EXPECT_EQ(lines.back(), "back");
}

// As many as can be parked: some tenths of a second of a disk that is busy with something else must not be enough for
// a change to be told of before it is written.
TEST(LogChannel, changes_with_the_longest_lines_find_room_in_any_number_that_can_wait_for_them) {
  Ends ends;
  const Scratch file;
  LogChannel log(std::move(ends.ours));
  std::vector<std::string> written;
  for (std::size_t line = 0; line < limits::parked_exchanges; ++line) {
    written.push_back(std::to_string(line) + std::string(longest_line - 10, 'x'));
    const Ticket ticket = log.write(written.back(), Importance::change);
    ASSERT_NE(ticket, 0U) << line;
    EXPECT_FALSE(log.has_written(ticket));
  }
  EXPECT_EQ(log.write("refused", Importance::routine), 0U);
  {
    const Working recorder(ends.theirs, file);
    log.drain(steady_clock::now() + milliseconds(10000));
    (void)::shutdown(ends.theirs.get(), SHUT_RDWR);
  }
  EXPECT_TRUE(log.has_written(limits::parked_exchanges));
  EXPECT_EQ(log.lost(), 1U) << "the one that was refused";
  EXPECT_EQ(file.lines(), written);
}

TEST(LogChannel, what_is_kept_for_a_recorder_that_goes_is_counted_as_lost) {
  Ends ends;
  LogChannel log(std::move(ends.ours));
  constexpr std::uint64_t lines = 100;
  for (std::uint64_t line = 0; line < lines; ++line) {
    ASSERT_NE(log.write(std::string(longest_line, 'x'), Importance::change), 0U) << line;
  }
  ends.theirs.reset();
  log.take_reports();
  EXPECT_TRUE(log.is_gone());
  EXPECT_FALSE(log.has_written(1));
  EXPECT_EQ(log.lost(), lines);
}

TEST(LogChannel, a_recorder_that_is_gone_is_noticed_and_costs_lines_that_are_counted) {
  Ends ends;
  LogChannel log(std::move(ends.ours));
  ends.theirs.reset();
  EXPECT_EQ(log.write("one", Importance::routine), 0U);
  EXPECT_EQ(log.lost(), 1U);
  EXPECT_TRUE(log.is_gone());
  // Nobody is told of a change.
  const Ticket change = log.write("two", Importance::change);
  EXPECT_FALSE(log.has_written(change));
  EXPECT_EQ(log.lost(), 2U);
  log.take_reports();
  EXPECT_FALSE(log.has_written(change));
  const auto began = steady_clock::now();
  log.drain(began + milliseconds(5000));
  EXPECT_LT(steady_clock::now() - began, milliseconds(1000));
}

TEST(LogChannel, what_a_recorder_said_before_it_went_counts_and_the_rest_is_lost) {
  for (const bool by_writing : {false, true}) {
    Ends ends;
    LogChannel log(std::move(ends.ours));
    for (int line = 0; line < 3; ++line) ASSERT_NE(log.write("line", Importance::change), 0U);
    ASSERT_TRUE(send_message(ends.theirs.get(), encode_line_report({1, 0}), -1, Wait::yes));
    ends.theirs.reset();  // with lines unread
    EXPECT_FALSE(log.is_gone());
    if (by_writing) {
      EXPECT_FALSE(log.has_written(log.write("line", Importance::change)));
    } else {
      log.take_reports();
    }
    EXPECT_TRUE(log.is_gone());
    EXPECT_TRUE(log.has_written(1));
    EXPECT_FALSE(log.has_written(2));
    EXPECT_FALSE(log.has_written(3));
    EXPECT_EQ(log.lost(), by_writing ? 3U : 2U);
  }
}

TEST(LogChannel, lines_that_the_disk_refuses_are_counted_and_what_the_broker_lost_is_counted_once) {
  Ends ends;
  const Descriptor full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
  LogChannel log(std::move(ends.ours));
  log.count_lost();
  std::jthread recorder([&] { serve_log(ends.theirs.get(), full.get()); });
  for (int line = 0; line < 3; ++line) ASSERT_NE(log.write("line", Importance::change), 0U);
  log.drain(steady_clock::now() + milliseconds(5000));
  EXPECT_TRUE(log.has_written(3)) << "given up";
  EXPECT_EQ(log.lost(), 1U + 3U);
  (void)::shutdown(ends.theirs.get(), SHUT_RDWR);
}

// A recorder that hangs in its write, until it is killed.
class KilledOver {
 public:
  explicit KilledOver(const Descriptor& channel) {
    std::array<int, 2> ends{-1, -1};
    EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
    reader_.reset(ends[0]);
    const Descriptor writer(ends[1]);
    const std::string rubbish(4096, 'x');
    const int flags = ::fcntl(writer.get(), F_GETFL);
    (void)::fcntl(writer.get(), F_SETFL, flags | O_NONBLOCK);
    while (::write(writer.get(), rubbish.data(), rubbish.size()) > 0) continue;
    (void)::fcntl(writer.get(), F_SETFL, flags);
    pid_ = ::fork();
    if (pid_ != 0) return;
    serve_log(channel.get(), writer.get());
    ::_exit(0);
  }
  KilledOver(const KilledOver&) = delete;
  KilledOver& operator=(const KilledOver&) = delete;
  ~KilledOver() {
    std::this_thread::sleep_for(milliseconds(100));  // it has the line, and writes
    (void)::kill(pid_, SIGKILL);
    int status = 0;
    EXPECT_EQ(::waitpid(pid_, &status, 0), pid_);
    EXPECT_TRUE(WIFSIGNALED(status));
  }

 private:
  Descriptor reader_;
  pid_t pid_ = -1;
};

TEST(LogChannel, a_line_that_a_recorder_was_killed_over_is_written_by_the_next) {
  Ends ends;
  const Scratch file;
  LogChannel log(std::move(ends.ours));
  ASSERT_NE(log.write("one", Importance::change), 0U);
  ASSERT_NE(log.write("two", Importance::change), 0U);
  {
    const KilledOver first(ends.theirs);
  }
  log.take_reports();
  EXPECT_FALSE(log.has_written(1));
  {
    const Working second(ends.theirs, file);
    log.drain(steady_clock::now() + milliseconds(5000));
    (void)::shutdown(ends.theirs.get(), SHUT_RDWR);
  }
  EXPECT_TRUE(log.has_written(2));
  EXPECT_EQ(file.lines(), (std::vector<std::string>{"one", "two"}));
  EXPECT_EQ(log.lost(), 0U);
}

TEST(LogChannel, a_line_that_is_reported_twice_counts_once_and_one_that_was_never_sent_ends_it) {
  Ends ends;
  LogChannel log(std::move(ends.ours));
  for (int line = 0; line < 2; ++line) ASSERT_NE(log.write("line", Importance::change), 0U);
  const auto tell = [&](const LineReport& report) {
    ASSERT_TRUE(send_message(ends.theirs.get(), encode_line_report(report), -1, Wait::yes));
  };
  tell({1, 1});
  tell({1, 1});
  log.take_reports();
  EXPECT_FALSE(log.is_gone());
  EXPECT_EQ(log.lost(), 1U);
  EXPECT_FALSE(log.has_written(2));
  tell({3, 0});
  log.take_reports();
  EXPECT_TRUE(log.is_gone());
  EXPECT_FALSE(log.has_written(2));
}

TEST(LogChannel, the_copy_has_the_same_lines_and_neither_its_hanging_nor_its_end_costs_the_log_anything) {
  Ends ends;
  Ends copy_ends;
  const Scratch file;
  const Scratch copy;
  LogChannel log(std::move(ends.ours), std::move(copy_ends.ours));
  constexpr int many = 3000;  // more than a channel holds
  std::uint64_t copied = 0;
  {
    const Working recorder(ends.theirs, file);
    for (int line = 0; line < many; ++line) {
      ASSERT_NE(log.write("line " + std::to_string(line), Importance::change), 0U);
      log.drain(steady_clock::now() + milliseconds(5000));
    }
    EXPECT_EQ(log.lost(), 0U);
    {
      const Working copyist(copy_ends.theirs, copy);
      while (copy.lines().size() < 10) std::this_thread::sleep_for(milliseconds(1));
      std::this_thread::sleep_for(milliseconds(50));
      ASSERT_NE(log.write("late", Importance::change), 0U);
      while (copy.lines().empty() || copy.lines().back() != "late") std::this_thread::sleep_for(milliseconds(1));
      copied = copy.lines().size();
      (void)::shutdown(copy_ends.theirs.get(), SHUT_RDWR);
    }
    copy_ends.theirs.reset();
    ASSERT_NE(log.write("alone", Importance::change), 0U);
    ASSERT_NE(log.write("alone", Importance::change), 0U);
    log.drain(steady_clock::now() + milliseconds(5000));
    (void)::shutdown(ends.theirs.get(), SHUT_RDWR);
  }
  EXPECT_EQ(file.lines().size(), many + 3);
  // What did not fit is counted in the copy too: its own lines, the report, and the late one.
  const auto lines = copy.lines();
  ASSERT_EQ(lines.size(), copied);
  EXPECT_TRUE(lines.at(copied - 2).ends_with("event=log-lost lines=" + std::to_string(many - (copied - 2))))
      << lines.at(copied - 2);
}

}  // namespace
}  // namespace secshr
