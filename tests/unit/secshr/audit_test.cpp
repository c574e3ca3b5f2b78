// The log file: one line a record whatever is in it, and no loss without a count.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <string>
#include <vector>

#include "secshr/audit/file_audit.h"
#include "secshr/audit/line_message.h"
#include "secshr/audit/log_file.h"

namespace secshr {
namespace {

// A file without a name, that is read back as lines.
class ScratchFile {
 public:
  ScratchFile() {
    std::string path = testing::TempDir() + "secshr_audit_XXXXXX";
    file_.reset(::mkostemp(path.data(), O_APPEND | O_CLOEXEC));
    (void)::unlink(path.c_str());
  }
  [[nodiscard]] Descriptor for_writing() const { return Descriptor(::fcntl(file_.get(), F_DUPFD_CLOEXEC, 0)); }
  [[nodiscard]] std::string text() const {
    std::string text(1 << 20, '\0');
    const ssize_t size = ::pread(file_.get(), text.data(), text.size(), 0);
    text.resize(size < 0 ? 0 : static_cast<std::size_t>(size));
    return text;
  }
  [[nodiscard]] std::size_t size() const { return text().size(); }

 private:
  Descriptor file_;
};

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::size_t start = 0;
  for (auto end = text.find('\n'); end != std::string::npos; end = text.find('\n', start)) {
    lines.push_back(text.substr(start, end - start));
    start = end + 1;
  }
  if (start < text.size()) lines.push_back(text.substr(start) + "<no newline>");
  return lines;
}

std::string value_of(const std::string& line, const std::string& key) {
  const auto fields = parse_log_line(line);
  if (!fields) return "<no line>";
  const auto found = std::ranges::find(*fields, key, &LogFields::value_type::first);
  return found == fields->end() ? "<no key>" : found->second;
}

std::vector<std::string> values_of(const std::string& text, const std::string& key) {
  std::vector<std::string> values;
  for (const auto& line : lines_of(text)) values.push_back(value_of(line, key));
  return values;
}

// A disk that is full beyond so many bytes: the process's own file size limit.
class DiskSize {
 public:
  explicit DiskSize(std::size_t bytes) {
    (void)::getrlimit(RLIMIT_FSIZE, &before_);
    old_handler_ = std::signal(SIGXFSZ, SIG_IGN);
    set(bytes);
  }
  DiskSize(const DiskSize&) = delete;
  DiskSize& operator=(const DiskSize&) = delete;
  ~DiskSize() {
    (void)::setrlimit(RLIMIT_FSIZE, &before_);
    (void)std::signal(SIGXFSZ, old_handler_);
  }
  void set(std::size_t bytes) const {
    const rlimit limit{bytes, before_.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &limit), 0);
  }

 private:
  rlimit before_{};
  void (*old_handler_)(int) = nullptr;
};

AuditRecord ping_of(pid_t pid) {
  AuditRecord record;
  record.pid = pid;
  record.uid = 2001;
  record.gid = 3001;
  record.request = "ping";
  record.outcome = {Verdict::done, rule::none, 0};
  record.microseconds = 217;
  return record;
}

TEST(FileAudit, writes_every_key_once_in_its_order) {
  const ScratchFile file;
  LogFile audit_log{file.for_writing()};
  FileAudit audit{audit_log};
  AuditRecord record = ping_of(3090);
  record.comm = "mumps";
  record.request = "flush-header-open";
  record.object = "/data/mumps.dat";
  record.owner = 2002;
  record.mode = 02644;
  record.outcome = {Verdict::refused, rule::header_live, EBUSY};
  record.microseconds = 217;
  audit.record(record);
  const auto lines = lines_of(file.text());
  ASSERT_EQ(lines.size(), 1U);
  const auto fields = parse_log_line(lines[0]);
  ASSERT_TRUE(fields) << lines[0];
  EXPECT_EQ(fields->at(0).first, "ts");
  const LogFields rest(fields->begin() + 1, fields->end());
  EXPECT_EQ(rest, (LogFields{{"seq", "1"},
                             {"pid", "3090"},
                             {"uid", "2001"},
                             {"gid", "3001"},
                             {"comm", "mumps"},
                             {"req", "flush-header-open"},
                             {"obj", "/data/mumps.dat"},
                             {"owner", "2002"},
                             {"mode", "2644"},
                             {"verdict", "refused"},
                             {"rule", "hdr.live"},
                             {"errno", "EBUSY"},
                             {"us", "217"}}));
}

TEST(FileAudit, says_of_a_header_that_was_written_late_what_it_said_and_says) {
  const ScratchFile file;
  LogFile audit_log{file.for_writing()};
  FileAudit audit{audit_log};
  AuditRecord record = ping_of(3090);
  record.late = HeaderChange{protocol::closed_ids, {7, -8, 9'000'000'000, 10}};
  audit.record(record);
  EXPECT_TRUE(file.text().ends_with(" us=217 late=yes before=-1,-1,0,0 after=7,-8,9000000000,10\n")) << file.text();
}

TEST(FileAudit, marks_what_is_not_known) {
  const ScratchFile file;
  LogFile audit_log{file.for_writing()};
  FileAudit audit{audit_log};
  AuditRecord record;
  record.outcome = {Verdict::dropped, rule::none, EINVAL};
  audit.record(record);
  const std::string line = lines_of(file.text()).at(0);
  for (const char* key : {"pid", "uid", "gid", "comm", "req", "obj", "owner", "mode", "rule"}) {
    EXPECT_EQ(value_of(line, key), "-") << key;
  }
  EXPECT_EQ(value_of(line, "verdict"), "dropped");
  EXPECT_EQ(value_of(line, "errno"), "EINVAL");
}

TEST(FileAudit, names_an_object_by_its_number_where_it_has_no_path) {
  const ScratchFile file;
  LogFile audit_log{file.for_writing()};
  FileAudit audit{audit_log};
  for (const std::int32_t number : {0, -1, 2147483647}) {
    AuditRecord record = ping_of(1);
    record.object_number = number;
    audit.record(record);
  }
  EXPECT_EQ(values_of(file.text(), "obj"), (std::vector<std::string>{"0", "-1", "2147483647"}));
}

TEST(FileAudit, names_every_code_that_a_reply_can_have) {
  const std::pair<std::int32_t, const char*> codes[] = {
      {0, "0"},           {EPERM, "EPERM"},   {ETIMEDOUT, "ETIMEDOUT"},
      {0x8000, "0x8000"}, {0x8001, "0x8001"}, {150372554, "0x8f680ca"},
      {-1, "-1"},         {9999, "9999"}};
  const ScratchFile file;
  LogFile audit_log{file.for_writing()};
  FileAudit audit{audit_log};
  std::vector<std::string> expected;
  for (const auto& [code, name] : codes) {
    AuditRecord record = ping_of(1);
    record.outcome.code = code;
    audit.record(record);
    expected.emplace_back(name);
  }
  EXPECT_EQ(values_of(file.text(), "errno"), expected);
}

TEST(FileAudit, keeps_the_largest_ids_whole) {
  const ScratchFile file;
  LogFile audit_log{file.for_writing()};
  FileAudit audit{audit_log};
  AuditRecord record = ping_of(4194304);
  record.uid = 4294967294;
  record.owner = 4294967295;
  audit.record(record);
  const std::string line = lines_of(file.text()).at(0);
  EXPECT_EQ(value_of(line, "uid"), "4294967294");
  EXPECT_EQ(value_of(line, "owner"), "4294967295");
}

TEST(FileAudit, writes_one_printable_line_whatever_a_client_says) {
  using namespace std::string_view_literals;
  const ScratchFile file;
  LogFile audit_log{file.for_writing()};
  FileAudit audit{audit_log};
  constexpr std::array nasties{"x\nts=1 seq=1 verdict=done"sv,
                               "\x1b[2J"sv,
                               "\x9b"sv,
                               "\xe2\x80\xae"sv,
                               "%s%n{}{0}"sv,
                               "%v %l %+"sv,  // a log pattern
                               "\" rule=\"-"sv,
                               "\\"sv,
                               "nul\0"sv,
                               "\r"sv};
  for (const auto nasty : nasties) {
    AuditRecord record = ping_of(1);
    record.comm = nasty;
    record.object = nasty;
    audit.record(record);
    audit.event("started", nasty);
  }
  const std::string text = file.text();
  EXPECT_TRUE(std::ranges::all_of(text, [](char c) { return c == '\n' || (c >= ' ' && c <= '~'); }));
  const auto lines = lines_of(text);
  ASSERT_EQ(lines.size(), 2 * nasties.size());
  for (std::size_t each = 0; each < nasties.size(); ++each) {
    EXPECT_EQ(value_of(lines[2 * each], "comm"), nasties[each]);
    EXPECT_EQ(value_of(lines[2 * each], "obj"), nasties[each]);
    EXPECT_EQ(value_of(lines[2 * each + 1], "detail"), nasties[each]);
  }
}

TEST(FileAudit, writes_the_longest_line_a_datagram_can_make) {
  const ScratchFile file;
  LogFile audit_log{file.for_writing()};
  FileAudit audit{audit_log};
  const std::string object(4160, '\x80');
  AuditRecord record = ping_of(1);
  record.object = object;
  audit.record(record);
  EXPECT_EQ(values_of(file.text(), "obj"), std::vector{object});
}

// What a broker serves is in one line, be it hundreds of directories of whoever likes blanks and worse in their
// names.
TEST(FileAudit, cuts_what_an_event_says_where_it_would_not_fit_into_a_line_and_says_so) {
  const std::size_t most = std::size_t{7} << 10;
  for (const std::size_t size : {most, most + 1}) {
    const ScratchFile file;
    {
      LogFile audit_log{file.for_writing()};
      FileAudit audit{audit_log};
      audit.event("started", std::string(size, '\x80'));
    }
    const auto lines = lines_of(file.text());
    ASSERT_EQ(lines.size(), 1U);
    EXPECT_LE(lines[0].size(), longest_line);
    EXPECT_EQ(value_of(lines[0], "detail"), std::string(most, '\x80'));
    EXPECT_EQ(value_of(lines[0], "detaillen"), size > most ? std::to_string(size) : "<no key>");
  }
}

TEST(FileAudit, numbers_records_and_events_in_one_sequence) {
  const ScratchFile file;
  LogFile audit_log{file.for_writing()};
  FileAudit audit{audit_log};
  audit.event("started", "detail");
  audit.record(ping_of(1));
  audit.event("ended", "");
  EXPECT_EQ(values_of(file.text(), "seq"), (std::vector<std::string>{"1", "2", "3"}));
  EXPECT_EQ(values_of(file.text(), "event"), (std::vector<std::string>{"started", "<no key>", "ended"}));
  EXPECT_EQ(values_of(file.text(), "detail"), (std::vector<std::string>{"detail", "<no key>", "<no key>"}));
}

TEST(FileAudit, goes_on_when_nothing_can_be_written) {
  LogFile full_log(Descriptor(::open("/dev/full", O_WRONLY | O_CLOEXEC)));
  FileAudit full(full_log);
  LogFile closed_log{Descriptor()};
  FileAudit closed(closed_log);
  for (int each = 0; each < 3; ++each) {
    full.record(ping_of(1));
    closed.event("started", "");
  }
}

TEST(FileAudit, does_not_wait_for_a_reader_and_tells_it_later_how_many_lines_were_lost) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK), 0);
  const Descriptor reader(ends[0]);
  LogFile audit_log{Descriptor(ends[1])};
  FileAudit audit{audit_log};
  const auto drain = [&] {
    std::string text(1 << 20, '\0');
    std::size_t size = 0;
    for (ssize_t got = 1; got > 0; size += got > 0 ? static_cast<std::size_t>(got) : 0) {
      got = ::read(reader.get(), text.data() + size, text.size() - size);
    }
    text.resize(size);
    return text;
  };
  constexpr int records = 1000;
  for (int each = 0; each < records; ++each) audit.record(ping_of(1));
  const auto written = lines_of(drain()).size();
  ASSERT_LT(written, static_cast<std::size_t>(records)) << "the pipe took everything";
  audit.record(ping_of(1));
  audit.record(ping_of(1));
  const std::string after = drain();
  EXPECT_EQ(values_of(after, "event"), (std::vector<std::string>{"log-lost", "<no key>", "<no key>"}));
  EXPECT_EQ(values_of(after, "lines").at(0), std::to_string(records - static_cast<int>(written)));
  EXPECT_EQ(values_of(after, "seq"), (std::vector<std::string>{"<no key>", "1001", "1002"}));
}

class FullDisk : public testing::Test {
 protected:
  FullDisk() { audit.record(ping_of(1)); }
  // Room for so many bytes more than there are.
  void room(std::size_t bytes) const { disk.set(file.size() + bytes); }
  void room_again() const { disk.set(1 << 20); }
  [[nodiscard]] int lost_in_all() const {
    int sum = 0;
    for (const auto& lines : values_of(file.text(), "lines")) {
      if (lines != "<no key>" && lines != "<no line>") sum += std::atoi(lines.c_str());
    }
    return sum;
  }

  const DiskSize disk{1 << 20};
  const ScratchFile file;
  LogFile audit_log{file.for_writing()};
  FileAudit audit{audit_log};
};

TEST_F(FullDisk, costs_lines_that_are_counted) {
  room(0);
  for (int each = 0; each < 3; ++each) audit.record(ping_of(1));
  room_again();
  audit.record(ping_of(1));
  audit.record(ping_of(1));
  EXPECT_EQ(values_of(file.text(), "seq"), (std::vector<std::string>{"1", "<no key>", "5", "6"}));
  EXPECT_EQ(values_of(file.text(), "lines").at(1), "3");
}

TEST_F(FullDisk, never_runs_two_lines_together) {
  room(20);
  audit.record(ping_of(1));
  room_again();
  audit.record(ping_of(1));
  const auto lines = lines_of(file.text());
  ASSERT_EQ(lines.size(), 4U) << file.text();
  EXPECT_EQ(lines[1].size(), 20U);
  EXPECT_EQ(value_of(lines[2], "lines"), "1");
  EXPECT_EQ(value_of(lines[3], "seq"), "3");
}

// What was cut is another process's by then: a recorder's that was killed, or a failed start's.
TEST_F(FullDisk, never_runs_the_first_line_of_a_new_recorder_together_with_a_cut_one) {
  for (const std::size_t bytes : {1U, 20U, 90U}) {
    const ScratchFile own;
    disk.set(bytes);
    {
      LogFile cut_log(own.for_writing());
      FileAudit(cut_log).record(ping_of(1));
    }
    room_again();
    LogFile next_log(own.for_writing());
    FileAudit next(next_log);
    next.record(ping_of(2));
    next.record(ping_of(3));
    const auto pids = values_of(own.text(), "pid");
    ASSERT_EQ(pids.size(), 3U) << own.text();
    EXPECT_EQ(pids[1], "2");
    EXPECT_EQ(pids[2], "3");
  }
  // The control: what ends as it should is followed at once.
  LogFile next_log(file.for_writing());
  FileAudit(next_log).record(ping_of(4));
  EXPECT_EQ(values_of(file.text(), "pid"), (std::vector<std::string>{"1", "4"}));
}

TEST_F(FullDisk, ends_a_line_that_another_process_left_cut_meanwhile) {
  const Descriptor other = file.for_writing();
  ASSERT_EQ(::write(other.get(), "ts=1 seq", 8), 8);
  audit.record(ping_of(2));
  EXPECT_EQ(values_of(file.text(), "pid"), (std::vector<std::string>{"1", "<no line>", "2"})) << file.text();
}

// Wherever a line is cut, one more follows whole, with the right number of lost ones before it.
TEST_F(FullDisk, counts_a_line_that_was_cut_anywhere) {
  const std::size_t longest = file.size();
  for (std::size_t bytes = 1; bytes < longest; ++bytes) {
    const ScratchFile own;
    LogFile each_log(own.for_writing());
    FileAudit each(each_log);
    disk.set(bytes);
    each.record(ping_of(1));
    room_again();
    each.record(ping_of(2));
    const auto lines = lines_of(own.text());
    ASSERT_EQ(lines.size(), 3U) << bytes;
    EXPECT_EQ(value_of(lines[1], "lines"), "1") << bytes;
    EXPECT_EQ(value_of(lines[2], "pid"), "2") << bytes;
  }
}

// The loss is reported in the same write as the next line, which can itself be cut, anywhere. A line without its
// newline counts as lost.
TEST_F(FullDisk, counts_each_lost_line_once_when_the_report_of_them_is_cut_too) {
  constexpr std::size_t most = 250;
  int records = 1;
  int whole_without_newline = 0;
  for (std::size_t bytes = 0; bytes < most; ++bytes) {
    room(0);
    audit.record(ping_of(1));  // lost
    room(bytes);
    audit.record(ping_of(1));  // written, cut or lost
    const std::string text = file.text();
    if (!text.empty() && text.back() != '\n' && text.ends_with(" us=217")) ++whole_without_newline;
    room_again();
    audit.record(ping_of(1));
    records += 3;
  }
  const auto present = std::ranges::count(values_of(file.text(), "us"), "217") - whole_without_newline;
  EXPECT_EQ(present + lost_in_all(), records);
}

TEST_F(FullDisk, leaves_no_empty_lines) {
  for (std::size_t bytes = 0; bytes < 250; ++bytes) {
    room(5);
    audit.record(ping_of(1));  // cut
    room(bytes);
    audit.record(ping_of(1));  // its end, the report or this record itself is cut
    room_again();
    audit.record(ping_of(1));
  }
  for (const auto& line : lines_of(file.text())) ASSERT_NE(line, "");
}

}  // namespace
}  // namespace secshr
