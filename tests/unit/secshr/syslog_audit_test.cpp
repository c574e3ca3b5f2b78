// The system log: what was done in the words that tools look for, nothing else, and no harm from whoever listens. The
// journal: the same words, and the audit log's keys in fields that no client can forge.
#include "secshr/audit/syslog_audit.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <sstream>

#include "secshr/audit/both_audits.h"
#include "secshr/audit/journal_entry.h"

namespace secshr {
namespace {

using namespace std::string_literals;
using namespace std::string_view_literals;

// A directory of its own with the places for listeners in it.
class Place {
 public:
  Place() {
    directory_ = testing::TempDir() + "secshr_syslog_XXXXXX";
    if (::mkdtemp(directory_.data()) == nullptr) std::abort();
    path_ = directory_ + "/log";
    journal_ = directory_ + "/journal";
  }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  ~Place() { std::filesystem::remove_all(directory_); }
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] const std::string& journal() const { return journal_; }
  // Never the machine's own.
  [[nodiscard]] SystemLogPlaces both() const { return {journal_, path_}; }

 private:
  std::string directory_;
  std::string path_;
  std::string journal_;
};

class Listener {
 public:
  explicit Listener(const std::string& path, int type = SOCK_DGRAM) : path_(path) {
    socket_.reset(::socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::ranges::copy(path, static_cast<char*>(address.sun_path));
    if (::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) std::abort();
    if (type == SOCK_STREAM && ::listen(socket_.get(), 8) != 0) std::abort();
  }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  ~Listener() { std::filesystem::remove(path_); }
  [[nodiscard]] int descriptor() const { return socket_.get(); }
  // What has come since the last call.
  std::vector<std::string> take() const {
    std::vector<std::string> messages;
    std::string buffer(1 << 16, '\0');
    for (ssize_t size = 0; (size = ::recv(socket_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT)) >= 0;) {
      messages.push_back(buffer.substr(0, static_cast<std::size_t>(size)));
    }
    return messages;
  }

 private:
  std::string path_;
  Descriptor socket_;
};

constexpr Outcome done{Verdict::done, rule::none, 0};
constexpr Outcome denied{Verdict::refused, "hdr.read", EPERM};
constexpr Outcome attached{Verdict::refused, "shm.attached", EBUSY};
constexpr Outcome failed{Verdict::failed, rule::none, EINVAL};
constexpr Outcome dropped{Verdict::dropped, rule::socket_name, EPERM};

AuditRecord record_of(std::string_view request, Outcome outcome) {
  AuditRecord record;
  record.pid = 3090;
  record.uid = 2001;
  record.gid = 3001;
  record.comm = "mumps";
  record.request = request;
  record.outcome = outcome;
  return record;
}
AuditRecord about_file(std::string_view request, std::string_view path, Outcome outcome) {
  AuditRecord record = record_of(request, outcome);
  record.object = path;
  return record;
}
AuditRecord about_number(std::string_view request, std::int32_t number, Outcome outcome) {
  AuditRecord record = record_of(request, outcome);
  record.object_number = number;
  return record;
}

constexpr std::array file_requests{"flush-header-open"sv, "flush-header-close"sv, "remove-file"sv,
                                   "remove-leftover"sv};
constexpr std::array number_requests{"remove-semaphore-set"sv, "remove-segment"sv, "wake"sv, "continue"sv};

// Time passes when a test says so.
std::chrono::steady_clock::time_point now{std::chrono::hours(1)};

class Syslog : public testing::Test {
 protected:
  static std::string head(std::string_view ident = "GTM-SECSHR") {
    return "<14>" + std::string(ident) + "[" + std::to_string(::getpid()) + "]: ";
  }
  // The one message that this record makes, without what all have in common; "none" and "several" otherwise.
  std::string said(const AuditRecord& record) {
    audit.record(record);
    return only(listener.take());
  }
  static std::string only(const std::vector<std::string>& messages) {
    if (messages.empty()) return "none";
    if (messages.size() > 1) return "several";
    return messages[0].starts_with(head()) ? messages[0].substr(head().size()) : "without head: " + messages[0];
  }
  std::vector<std::string> said_of_event(std::string_view name, std::string_view detail = {}) {
    audit.event(name, detail);
    auto messages = listener.take();
    for (auto& message : messages) message = only({message});
    return messages;
  }

  const Place place;
  const Listener listener{place.path()};
  SyslogAudit audit{
      protocol::profile(protocol::ProfileId::gtm), {"/tmp", "/var/a b"}, place.both(), [] { return now; }};
};

TEST_F(Syslog, says_what_was_done_in_the_words_that_tools_look_for) {
  EXPECT_EQ(said(about_file("flush-header-open", "/path/mumps.dat", done)),
            "%GTM-I-GTMSECSHRUPDDBHDR, [client pid 3090] database fileheader (/path/mumps.dat) updated for open");
  EXPECT_EQ(said(about_file("flush-header-close", "/path/mumps.dat", done)),
            "%GTM-I-GTMSECSHRUPDDBHDR, [client pid 3090] database fileheader (/path/mumps.dat) updated for close");
  EXPECT_EQ(said(about_number("remove-semaphore-set", 32769, done)),
            "%GTM-I-GTMSECSHRREMSEM, [client pid 3090] Semaphore (32769) removed");
  EXPECT_EQ(said(about_number("remove-segment", 0, done)),
            "%GTM-I-GTMSECSHRREMSHM, [client pid 3090] Shared memory segment (0) removed, nattch = 0");
  EXPECT_EQ(said(about_file("remove-file", "/tmp/gtm_mutex0001", done)),
            "%GTM-I-GTMSECSHRREMFILE, [client pid 3090] file (/tmp/gtm_mutex0001) removed");
  EXPECT_EQ(said(about_file("remove-leftover", "gtm_secshr00000C12a", done)),
            "%GTM-I-GTMSECSHRREMFILE, [client pid 3090] leftover socket (gtm_secshr00000C12a) removed");
}

TEST_F(Syslog, says_that_a_header_was_written_late) {
  AuditRecord record = about_file("flush-header-open", "/path/mumps.dat", done);
  record.late = HeaderChange{};
  EXPECT_EQ(said(record),
            "%GTM-I-GTMSECSHRUPDDBHDR, [client pid 3090] database fileheader (/path/mumps.dat) updated for open, "
            "of which its client was not told");
}

TEST_F(Syslog, says_what_failed_or_was_refused_and_by_which_rule) {
  for (const auto& [outcome, words] : {std::pair{failed, " failed with EINVAL, rule -"s},
                                       std::pair{denied, " refused with EPERM, rule hdr.read"s}}) {
    for (const auto request : number_requests) {
      EXPECT_EQ(said(about_number(request, 7, outcome)),
                "%GTM-W-GTMSECSHRSRVFID, [client pid 3090] " + std::string(request) + " (7)" + words);
    }
    for (const auto request : file_requests) {
      std::string expected = request.starts_with("flush") ? "%GTM-W-GTMSECSHRSRVFID" : "%GTM-W-GTMSECSHRSRVFIL";
      expected.append(", [client pid 3090] ").append(request).append(" (/f)").append(words);
      EXPECT_EQ(said(about_file(request, "/f", outcome)), expected);
    }
    now += std::chrono::minutes(1);  // so that no warning is withheld
  }
  AuditRecord odd = record_of("unknown", denied);
  odd.outcome = {Verdict::refused, rule::none, 0x8000};  // no errno
  EXPECT_EQ(said(odd), "%GTM-W-GTMSECSHRSRVFID, [client pid 3090] unknown (-) refused with 32768, rule -");
}

TEST_F(Syslog, says_that_a_segment_was_kept_because_somebody_is_attached) {
  EXPECT_EQ(said(about_number("remove-segment", 5, attached)),
            "%GTM-W-GTMSECSHRSHMCONCPROC, [client pid 3090] Shared memory segment (5) is attached, not removed");
}

TEST_F(Syslog, says_nothing_of_what_was_dropped_or_changed_nothing) {
  for (const auto request : file_requests) EXPECT_EQ(said(about_file(request, "/f", dropped)), "none") << request;
  for (const auto request : number_requests) EXPECT_EQ(said(about_number(request, 7, dropped)), "none") << request;
  for (const auto request : {"wake"sv, "continue"sv}) {
    EXPECT_EQ(said(about_number(request, 7, done)), "none") << request;
  }
  for (const auto request : {"ping"sv, "unknown"sv, "-"sv}) {
    for (const Outcome outcome : {done, dropped}) EXPECT_EQ(said(record_of(request, outcome)), "none") << request;
  }
  // The control.
  EXPECT_NE(said(about_number("remove-segment", 7, done)), "none");
}

TEST_F(Syslog, names_the_product_of_the_installation) {
  SyslogAudit ydb(protocol::profile(protocol::ProfileId::ydb), {}, place.both());
  ydb.record(about_number("remove-segment", 5, done));
  EXPECT_EQ(listener.take(),
            std::vector{head("YDB-SECSHR") +
                        "%YDB-I-GTMSECSHRREMSHM, [client pid 3090] Shared memory segment (5) removed, nattch = 0"});
}

TEST_F(Syslog, says_that_it_started_and_where_it_serves) {
  EXPECT_EQ(said_of_event("started", "installation demo socket gtm_secshr2E150534"),
            (std::vector<std::string>{
                "%GTM-I-GTMSECSHRDMNSTARTED, secshr serves: \"installation demo socket gtm_secshr2E150534\"",
                "%GTM-I-GTMSECSHRTMPPATH, serving in (/tmp)", "%GTM-I-GTMSECSHRTMPPATH, serving in (\"/var/a b\")"}));
}

TEST_F(Syslog, says_why_it_ended) {
  const std::string idle = "%GTM-I-GTMSECSHRTMOUT, nothing was asked for the idle timeout";
  EXPECT_EQ(said_of_event("ended", "idle unsent-replies 0"),
            (std::vector<std::string>{idle, "%GTM-I-GTMSECSHRSHUTDN, secshr ends: \"idle unsent-replies 0\""}));
  EXPECT_EQ(said_of_event("ended", "idle"), (std::vector{idle, "%GTM-I-GTMSECSHRSHUTDN, secshr ends: idle"s}));
  EXPECT_EQ(said_of_event("ended", "idleness"), std::vector{"%GTM-I-GTMSECSHRSHUTDN, secshr ends: idleness"s});
  EXPECT_EQ(said_of_event("ended", "terminated idle"),
            std::vector{"%GTM-I-GTMSECSHRSHUTDN, secshr ends: \"terminated idle\""s});
}

TEST_F(Syslog, says_that_something_was_written_late) {
  EXPECT_EQ(said_of_event("late-write", "/f.dat"),
            std::vector{"%GTM-I-GTMSECSHRUPDDBHDR, database fileheader (/f.dat) updated late"s});
  EXPECT_EQ(said_of_event("late-write"),
            std::vector{"%GTM-I-GTMSECSHRUPDDBHDR, database fileheader (\"\") updated late"s});
}

TEST_F(Syslog, says_nothing_of_other_events) {
  for (const auto name : {"start-failed"sv, "log-lost"sv, ""sv})
    EXPECT_TRUE(said_of_event(name, "x").empty()) << name;
}

TEST_F(Syslog, makes_one_printable_line_of_whatever_a_client_says) {
  std::vector<std::string> nasties{"x\n<14>GTM-SECSHR[1]: %GTM-I-GTMSECSHRSHUTDN, x",
                                   "\x1b[2J",
                                   "\xe2\x80\xae",
                                   "\xc2\x9b",
                                   "%s%n{}{0}",
                                   "x) updated for close",
                                   "nul\0nul"s};
  for (int byte = 0; byte < 256; ++byte) nasties.emplace_back(1, static_cast<char>(byte));
  std::vector<std::string> seen;
  for (const auto& nasty : nasties) {
    for (const auto& line :
         {said(about_file("flush-header-open", nasty, done)), said(about_file("flush-header-open", nasty, failed)),
          said_of_event("late-write", nasty).at(0), said_of_event("started", nasty).at(0)}) {
      ASSERT_TRUE(line.starts_with("%GTM-")) << line;
      ASSERT_TRUE(std::ranges::all_of(line, [](char c) { return c >= ' ' && c <= '~'; })) << line;
    }
    now += std::chrono::minutes(1);  // so that no warning is withheld
    seen.push_back(said(about_file("flush-header-open", nasty, done)));
  }
  // No two objects look the same.
  std::ranges::sort(seen);
  EXPECT_EQ(std::ranges::adjacent_find(seen), seen.end());
  EXPECT_EQ(said(about_file("flush-header-open", "x) updated for close", done)),
            "%GTM-I-GTMSECSHRUPDDBHDR, [client pid 3090] database fileheader (\"x) updated for close\") updated for "
            "open");
}

TEST_F(Syslog, cuts_a_long_path_in_its_middle) {
  const auto path_of = [](std::size_t size, char filling) {
    return "/d" + std::string(size - "/d/mumps.dat"sv.size(), filling) + "/mumps.dat";
  };
  const std::string begin = "%GTM-I-GTMSECSHRUPDDBHDR, [client pid 3090] database fileheader (";
  const std::string whole = path_of(SyslogAudit::shown_bytes, 'x');
  EXPECT_EQ(said(about_file("flush-header-open", whole, done)), begin + whole + ") updated for open");
  const std::string cut = said(about_file("flush-header-open", path_of(SyslogAudit::shown_bytes + 1, 'x'), done));
  EXPECT_NE(cut.find("x[...]x"), std::string::npos) << cut;
  EXPECT_TRUE(cut.starts_with(begin + "\"/dx") && cut.ends_with("/mumps.dat\") updated for open")) << cut;
  // The longest there is, of bytes that take the most room.
  audit.record(about_file("flush-header-open", path_of(4160, '\x80'), done));
  const auto longest = listener.take();
  ASSERT_EQ(longest.size(), 1U);
  EXPECT_LE(longest[0].size(), 2048U);
  EXPECT_TRUE(longest[0].ends_with("/mumps.dat\") updated for open"));
}

TEST_F(Syslog, logs_so_many_warnings_a_minute_and_says_later_how_many_more_there_were) {
  const AuditRecord record = about_number("remove-segment", 5, attached);
  now += std::chrono::minutes(1);
  for (unsigned each = 0; each < SyslogAudit::warnings_per_minute; ++each) ASSERT_NE(said(record), "none") << each;
  EXPECT_EQ(said(record), "none");
  EXPECT_EQ(said(about_file("remove-file", "/f", failed)), "none");
  // What was done is said all the same.
  EXPECT_NE(said(about_number("remove-segment", 6, done)), "none");
  now += std::chrono::minutes(1) - std::chrono::nanoseconds(1);
  EXPECT_EQ(said(record), "none");
  now += std::chrono::nanoseconds(1);
  EXPECT_EQ(
      said(record),
      "%GTM-W-GTMSECSHRSHMCONCPROC, [client pid 3090] Shared memory segment (5) is attached, not removed; 3 more "
      "not logged");
  EXPECT_EQ(said(record),
            "%GTM-W-GTMSECSHRSHMCONCPROC, [client pid 3090] Shared memory segment (5) is attached, not removed");
}

TEST_F(Syslog, says_at_the_end_how_many_warnings_it_has_not_said) {
  const AuditRecord record = about_number("remove-segment", 5, attached);
  now += std::chrono::minutes(1);
  for (unsigned each = 0; each < SyslogAudit::warnings_per_minute; ++each) ASSERT_NE(said(record), "none") << each;
  for (int each = 0; each < 3; ++each) EXPECT_EQ(said(record), "none");
  EXPECT_EQ(said_of_event("ended", "reload"),
            std::vector{"%GTM-I-GTMSECSHRSHUTDN, secshr ends: reload; 3 more not logged"s});
  EXPECT_EQ(said_of_event("ended", "reload"), std::vector{"%GTM-I-GTMSECSHRSHUTDN, secshr ends: reload"s});
}

// --- Whoever listens. ---

int open_descriptors() {
  int count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) ++count;
  return count;
}

TEST(SyslogListener, that_is_not_there_is_missed_by_nobody_and_found_when_it_comes) {
  const Place place;
  const int before = open_descriptors();
  SyslogAudit audit(protocol::profile(protocol::ProfileId::gtm), {}, place.both());
  const AuditRecord record = about_number("remove-segment", 5, done);
  for (int each = 0; each < 1000; ++each) audit.record(record);
  EXPECT_EQ(open_descriptors(), before + 1 + static_cast<int>(limits::system_log_connections));
  for (int restart = 0; restart < 3; ++restart) {
    const Listener listener(place.path());
    audit.record(record);
    EXPECT_EQ(listener.take().size(), 1U) << "restart " << restart;
  }
  audit.record(record);
}

TEST(SyslogListener, that_does_not_read_makes_nobody_wait) {
  const Place place;
  const Listener listener(place.path());
  SyslogAudit audit(protocol::profile(protocol::ProfileId::gtm), {}, place.both());
  const AuditRecord record = about_number("remove-segment", 5, done);
  constexpr std::size_t records = 10'000;
  const auto began = std::chrono::steady_clock::now();
  for (std::size_t each = 0; each < records; ++each) audit.record(record);
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(5));
  const std::size_t queued = listener.take().size();
  EXPECT_GT(queued, 0U);
  EXPECT_LT(queued, records) << "its queue never was full: the test shows nothing";
  audit.record(record);
  EXPECT_EQ(listener.take().size(), 1U);
}

// A daemon that takes streams, and has whoever connects wait until it is asked what they said.
class StreamListener {
 public:
  explicit StreamListener(const std::string& path) : listener_(path, SOCK_STREAM) {}
  // What has come since the last call, up to each zero; what is behind the last one is a message too.
  std::vector<std::string> take() {
    while (true) {
      Descriptor peer(::accept4(listener_.descriptor(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
      if (!peer) break;
      peers_.push_back(std::move(peer));
    }
    std::vector<std::string> messages;
    std::string buffer(1 << 20, '\0');
    for (const Descriptor& peer : peers_) {
      std::string text;
      for (ssize_t size = 0; (size = ::read(peer.get(), buffer.data(), buffer.size())) > 0;) {
        text.append(buffer, 0, static_cast<std::size_t>(size));
      }
      std::istringstream parts(text);
      for (std::string part; std::getline(parts, part, '\0');) messages.push_back(part);
      ends_whole_ = ends_whole_ && (text.empty() || text.back() == '\0');
    }
    return messages;
  }
  [[nodiscard]] bool ends_whole() const { return ends_whole_; }
  [[nodiscard]] std::size_t connections() const { return peers_.size(); }

 private:
  Listener listener_;
  std::vector<Descriptor> peers_;
  bool ends_whole_ = true;
};

const std::string message_of_removal = "<14>GTM-SECSHR[" + std::to_string(::getpid()) +
                                       "]: %GTM-I-GTMSECSHRREMSHM, [client pid 3090] Shared memory segment (5) "
                                       "removed, nattch = 0";

TEST(SyslogListener, of_streams_is_told_in_one_connection_with_a_zero_behind_each_message) {
  const Place place;
  SyslogAudit audit(protocol::profile(protocol::ProfileId::gtm), {}, place.both());
  const AuditRecord record = about_number("remove-segment", 5, done);
  StreamListener listener(place.path());
  testing::internal::CaptureStderr();
  for (int each = 0; each < 3; ++each) {
    audit.record(record);
    audit.record(record);
    EXPECT_EQ(listener.take(), (std::vector{message_of_removal, message_of_removal}));
    EXPECT_TRUE(listener.ends_whole());
  }
  EXPECT_EQ(listener.connections(), 1U);
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

TEST(SyslogListener, of_streams_that_is_restarted_is_found_again_as_often_as_there_are_connections) {
  const Place place;
  SyslogAudit audit(protocol::profile(protocol::ProfileId::gtm), {}, place.both());
  const AuditRecord record = about_number("remove-segment", 5, done);
  testing::internal::CaptureStderr();
  for (std::size_t start = 0; start < limits::system_log_connections; ++start) {
    for (int each = 0; each < 20; ++each) audit.record(record);  // nobody is there
    StreamListener listener(place.path());
    audit.record(record);
    EXPECT_EQ(listener.take(), std::vector{message_of_removal}) << start;
  }
  {
    StreamListener listener(place.path());
    audit.record(record);
    EXPECT_TRUE(listener.take().empty());
  }
  // One that takes datagrams is found all the same.
  const Listener listener(place.path());
  audit.record(record);
  EXPECT_EQ(listener.take(), std::vector{message_of_removal});
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

TEST(SyslogListener, of_streams_that_does_not_read_makes_nobody_wait_and_has_whole_messages_alone) {
  const Place place;
  SyslogAudit audit(protocol::profile(protocol::ProfileId::gtm), {}, place.both());
  const AuditRecord record = about_number("remove-segment", 5, done);
  StreamListener listener(place.path());
  constexpr std::size_t records = 10'000;
  const auto began = std::chrono::steady_clock::now();
  for (std::size_t each = 0; each < records; ++each) audit.record(record);
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(5));
  const auto queued = listener.take();
  EXPECT_LT(queued.size(), records) << "its queue never was full: the test shows nothing";
  audit.record(record);
  const auto next = listener.take();
  ASSERT_EQ(next.size(), 1U);
  EXPECT_EQ(next[0], message_of_removal);
  EXPECT_GT(queued.size(), 10U);
  EXPECT_TRUE(std::ranges::all_of(queued, [](const std::string& each) { return each == message_of_removal; }));
  EXPECT_TRUE(listener.ends_whole());
  EXPECT_EQ(listener.connections(), 1U);
}

TEST(SyslogListener, whose_name_is_longer_than_an_address_is_told_nothing) {
  const Place place;
  constexpr std::size_t longest = sizeof(sockaddr_un{}.sun_path) - 1;
  const std::string path = place.path() + std::string(longest - place.path().size(), 'x');
  const Listener listener(path);
  const AuditRecord record = about_number("remove-segment", 5, done);
  SyslogAudit(protocol::profile(protocol::ProfileId::gtm), {}, {place.journal(), path}).record(record);
  EXPECT_EQ(listener.take().size(), 1U);
  // One byte more is not this one cut.
  const std::string longer = path + "x";
  SyslogAudit(protocol::profile(protocol::ProfileId::gtm), {}, {place.journal(), longer}).record(record);
  EXPECT_TRUE(listener.take().empty());
}

// --- The journal. ---

// Bytes that mean something to whoever reads a log, and each byte by itself.
std::vector<std::string> hostile_strings() {
  std::vector<std::string> strings{"x\nPRIORITY=0\nMESSAGE=forged\n",
                                   "\nSECSHR_VERDICT=done",
                                   "x\nMESSAGE\n\x06\0\0\0\0\0\0\0forged\n"s,
                                   "x\r\n<14>GTM-SECSHR[1]: forged",
                                   "\x1b[2J",
                                   "\xc2\x9b[2J",
                                   "\xe2\x80\xae\xe2\x80\xa8",
                                   "%s%n%1000000s",
                                   "{}{0}{",
                                   "nul\0nul"s,
                                   "\0"s,
                                   "= =",
                                   "\"quoted\" \\"};
  for (int byte = 0; byte < 256; ++byte) strings.emplace_back(1, static_cast<char>(byte));
  return strings;
}

// Random bytes in a random order of lengths; the same at every run.
class AnyBytes {
 public:
  std::string operator()(std::size_t longest) {
    std::string bytes(1 + generator_() % longest, '\0');
    for (char& byte : bytes) byte = static_cast<char>(generator_() % 256);
    return bytes;
  }

 private:
  std::mt19937 generator_{20230501};  // NOLINT(cert-msc51-cpp): the same bytes at every run
};

// A record in which nothing is unknown.
AuditRecord full_record(std::string_view comm, std::string_view object) {
  AuditRecord record = about_file("flush-header-open", object, done);
  record.comm = comm;
  record.owner = 2003;
  record.mode = 0644;
  record.microseconds = 1234;
  return record;
}
// What the journal is told of it beside the message.
JournalFields fields_of_full_record(const std::string& comm, const std::string& object) {
  return {{"SECSHR_PID", "3090"},
          {"SECSHR_UID", "2001"},
          {"SECSHR_GID", "3001"},
          {"SECSHR_COMM", comm},
          {"SECSHR_REQ", "flush-header-open"},
          {"SECSHR_OBJ", object},
          {"SECSHR_OWNER", "2003"},
          {"SECSHR_MODE", "0644"},
          {"SECSHR_VERDICT", "done"},
          {"SECSHR_RULE", "-"},
          {"SECSHR_ERRNO", "0"},
          {"SECSHR_US", "1234"}};
}

class Journald : public testing::Test {
 protected:
  // The fields of the one entry that this record makes; none where there is not one, or not one that parses.
  JournalFields entry_of(const AuditRecord& record) {
    audit.record(record);
    return only_entry();
  }
  JournalFields only_entry() {
    const auto entries = journal.take();
    EXPECT_EQ(entries.size(), 1U);
    if (entries.size() != 1) return {};
    const auto fields = parse_journal_entry(entries[0]);
    EXPECT_TRUE(fields.has_value()) << testing::PrintToString(entries[0]);
    return fields.value_or(JournalFields{});
  }
  static JournalFields with_message(const std::string& message, const JournalFields& keys = {},
                                    const std::string& ident = "GTM-SECSHR") {
    JournalFields fields{{"MESSAGE", message},
                         {"PRIORITY", "6"},
                         {"SYSLOG_FACILITY", "1"},
                         {"SYSLOG_IDENTIFIER", ident},
                         {"SYSLOG_PID", std::to_string(::getpid())}};
    fields.insert(fields.end(), keys.begin(), keys.end());
    return fields;
  }
  static JournalFields without_message(JournalFields fields) {
    EXPECT_GE(fields.size(), 5U);
    fields.erase(fields.begin(), fields.begin() + std::min<std::ptrdiff_t>(5, std::ssize(fields)));
    return fields;
  }

  const Place place;
  const Listener listener{place.path()};
  const Listener journal{place.journal()};
  SyslogAudit audit{protocol::profile(protocol::ProfileId::gtm), {"/tmp"}, place.both(), [] { return now; }};
};

TEST_F(Journald, is_told_the_same_words_and_the_keys_of_the_audit_log_and_syslog_is_told_nothing) {
  EXPECT_EQ(entry_of(full_record("mumps", "/path/mumps.dat")),
            with_message(
                "%GTM-I-GTMSECSHRUPDDBHDR, [client pid 3090] database fileheader (/path/mumps.dat) updated for open",
                fields_of_full_record("mumps", "/path/mumps.dat")));
  EXPECT_TRUE(listener.take().empty());
}

TEST_F(Journald, is_told_what_a_header_said_and_says_and_that_it_was_late) {
  AuditRecord record = full_record("mumps", "/path/mumps.dat");
  record.late = HeaderChange{protocol::closed_ids, {7, 8, 9, 10}};
  auto expected = fields_of_full_record("mumps", "/path/mumps.dat");
  for (const auto& [key, value] :
       {std::pair{"SECSHR_LATE", "yes"}, {"SECSHR_BEFORE", "-1,-1,0,0"}, {"SECSHR_AFTER", "7,8,9,10"}}) {
    expected.emplace_back(key, value);
  }
  EXPECT_EQ(without_message(entry_of(record)), expected);
}

TEST_F(Journald, is_told_nothing_of_what_is_not_known) {
  AuditRecord record;
  record.request = "unknown";
  record.outcome = {Verdict::refused, rule::none, 0x8000};
  EXPECT_EQ(entry_of(record),
            with_message("%GTM-W-GTMSECSHRSRVFID, [client pid 0] unknown (-) refused with 32768, rule -",
                         {{"SECSHR_REQ", "unknown"},
                          {"SECSHR_VERDICT", "refused"},
                          {"SECSHR_RULE", "-"},
                          {"SECSHR_ERRNO", "0x8000"},  // as the audit log has it
                          {"SECSHR_US", "0"}}));
}

TEST_F(Journald, is_told_of_numbers_and_of_names_in_a_served_directory) {
  EXPECT_EQ(without_message(entry_of(about_number("remove-segment", -1, denied))),
            (JournalFields{{"SECSHR_PID", "3090"},
                           {"SECSHR_UID", "2001"},
                           {"SECSHR_GID", "3001"},
                           {"SECSHR_COMM", "mumps"},
                           {"SECSHR_REQ", "remove-segment"},
                           {"SECSHR_OBJ", "-1"},
                           {"SECSHR_VERDICT", "refused"},
                           {"SECSHR_RULE", "hdr.read"},
                           {"SECSHR_ERRNO", "EPERM"},
                           {"SECSHR_US", "0"}}));
  AuditRecord leftover = about_file("remove-leftover", "gtm_secshr00000C12", done);
  leftover.directory = "/tmp";
  const auto fields = entry_of(leftover);
  EXPECT_NE(std::ranges::find(fields, std::pair{"SECSHR_OBJ"s, "/tmp/gtm_secshr00000C12"s}), fields.end());
}

TEST_F(Journald, is_told_of_the_brokers_own_life_without_keys) {
  audit.event("ended", "terminated");
  EXPECT_EQ(only_entry(), with_message("%GTM-I-GTMSECSHRSHUTDN, secshr ends: terminated"));
  SyslogAudit ydb(protocol::profile(protocol::ProfileId::ydb), {}, place.both());
  ydb.event("ended", "terminated");
  EXPECT_EQ(only_entry(), with_message("%YDB-I-GTMSECSHRSHUTDN, secshr ends: terminated", {}, "YDB-SECSHR"));
  EXPECT_TRUE(listener.take().empty());
}

TEST_F(Journald, takes_whatever_a_client_says_in_its_own_bytes_and_in_no_other_field) {
  for (const auto& nasty : hostile_strings()) {
    SCOPED_TRACE(testing::PrintToString(nasty));
    for (const auto& [comm, object] :
         {std::pair{nasty, "/f"s}, std::pair{"mumps"s, nasty}, std::pair{nasty, nasty}}) {
      const auto fields = entry_of(full_record(comm, object));
      EXPECT_EQ(without_message(fields), fields_of_full_record(comm, object));
      // The message is what /dev/log would get: escaped.
      ASSERT_FALSE(fields.empty());
      EXPECT_TRUE(std::ranges::all_of(fields[0].second, [](char c) { return c >= ' ' && c <= '~'; }));
    }
    audit.event("late-write", nasty);
    EXPECT_EQ(only_entry().size(), 5U);
  }
}

TEST_F(Journald, takes_the_longest_path_whole) {
  const std::string path = "/" + std::string(4095, '\x80');
  const auto fields = entry_of(full_record(std::string(15, '\n'), path));
  EXPECT_EQ(without_message(fields), fields_of_full_record(std::string(15, '\n'), path));
}

// --- Which of the two. ---

// How many messages each has got.
using Got = std::pair<std::size_t, std::size_t>;

class EitherLog : public testing::Test {
 protected:
  Got log(const Listener* journal, const Listener* listener) {
    audit.record(record);
    return {journal == nullptr ? 0 : journal->take().size(), listener == nullptr ? 0 : listener->take().size()};
  }

  const Place place;
  SyslogAudit audit{protocol::profile(protocol::ProfileId::gtm), {}, place.both()};
  const AuditRecord record = about_number("remove-segment", 5, done);
};

TEST_F(EitherLog, is_the_journal_wherever_it_is_and_is_chosen_anew_for_each_message) {
  const Listener listener(place.path());
  for (int restart = 0; restart < 3; ++restart) {
    EXPECT_EQ(log(nullptr, &listener), Got(0, 1));
    const Listener journal(place.journal());
    EXPECT_EQ(log(&journal, &listener), Got(1, 0));
    EXPECT_EQ(log(&journal, &listener), Got(1, 0));
  }
}

TEST_F(EitherLog, is_the_journal_where_nothing_else_is_and_neither_where_there_is_none) {
  {
    const Listener journal(place.journal());
    EXPECT_EQ(log(&journal, nullptr), Got(1, 0));
  }
  EXPECT_EQ(log(nullptr, nullptr), Got(0, 0));
}

TEST_F(EitherLog, is_syslog_while_the_journal_takes_no_datagrams) {
  const Listener listener(place.path());
  {
    const Listener stream(place.journal(), SOCK_STREAM);
    EXPECT_EQ(log(nullptr, &listener), Got(0, 1));
  }
  std::filesystem::create_directory(place.journal());
  EXPECT_EQ(log(nullptr, &listener), Got(0, 1));
  std::filesystem::remove(place.journal());
  // A socket that was left behind by a daemon that is gone.
  {
    std::filesystem::path name(place.journal());
    {
      const Listener dead(place.journal() + "-dead");
      std::filesystem::create_hard_link(place.journal() + "-dead", name);
    }
    EXPECT_EQ(log(nullptr, &listener), Got(0, 1));
    std::filesystem::remove(name);
  }
  const Listener journal(place.journal());
  EXPECT_EQ(log(&journal, &listener), Got(1, 0));
}

TEST_F(EitherLog, is_syslog_while_the_journal_is_full_and_nobody_waits) {
  const Listener listener(place.path());
  const Listener journal(place.journal());
  constexpr std::size_t records = 10'000;
  const auto began = std::chrono::steady_clock::now();
  for (std::size_t each = 0; each < records; ++each) audit.record(record);
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(5));
  const std::size_t in_journal = journal.take().size();
  EXPECT_GT(in_journal, 0U);
  EXPECT_GT(listener.take().size(), 0U) << "the journal's queue never was full: the test shows nothing";
  EXPECT_LT(in_journal, records);
  EXPECT_EQ(log(&journal, &listener), Got(1, 0));
}

TEST_F(EitherLog, is_syslog_where_the_journals_name_is_longer_than_an_address_or_empty) {
  const Listener listener(place.path());
  const std::string longest(sizeof(sockaddr_un{}.sun_path), 'x');
  for (const std::string_view name : {std::string_view(longest), ""sv}) {
    SyslogAudit(protocol::profile(protocol::ProfileId::gtm), {}, {name, place.path()}).record(record);
    EXPECT_EQ(listener.take().size(), 1U);
  }
}

TEST(AnyStrings, make_exactly_one_line_or_one_entry) {
  const Place place;
  const Listener listener(place.path());
  SyslogAudit audit(protocol::profile(protocol::ProfileId::gtm), {}, place.both());
  AnyBytes bytes;
  for (int each = 0; each < 3000; ++each) {
    const std::string comm = bytes(15);
    const std::string object = bytes(each % 10 == 0 ? 4096 : 40);
    SCOPED_TRACE(testing::PrintToString(comm) + " " + testing::PrintToString(object));
    const AuditRecord record = full_record(comm, object);
    audit.record(record);
    const auto lines = listener.take();
    ASSERT_EQ(lines.size(), 1U);
    EXPECT_TRUE(std::ranges::all_of(lines[0], [](char c) { return c >= ' ' && c <= '~'; }));
    EXPECT_TRUE(lines[0].starts_with("<14>GTM-SECSHR[")) << lines[0];
    EXPECT_TRUE(lines[0].ends_with(") updated for open")) << lines[0];
    EXPECT_LE(lines[0].size(), 2048U);

    const Listener journal(place.journal());
    audit.record(record);
    EXPECT_TRUE(listener.take().empty());
    const auto entries = journal.take();
    ASSERT_EQ(entries.size(), 1U);
    const auto fields = parse_journal_entry(entries[0]);
    ASSERT_TRUE(fields.has_value());
    ASSERT_EQ(fields->size(), 17U);
    EXPECT_EQ(fields->front().second, lines[0].substr(lines[0].find(": ") + 2));
    EXPECT_EQ(JournalFields(fields->begin() + 5, fields->end()), fields_of_full_record(comm, object));
  }
}

// --- Both logs. ---

class Journal final : public Audit {
 public:
  Journal(std::string name, std::vector<std::string>& lines) : name_(std::move(name)), lines_(lines) {}
  Ticket record(const AuditRecord& record) noexcept override {
    lines_.push_back(name_ + std::string(record.request));
    return lines_.size();
  }
  void event(std::string_view name, std::string_view detail) noexcept override {
    lines_.push_back(name_ + std::string(name) + std::string(detail));
  }
  void summary(const AuditSummary& summary) noexcept override { lines_.push_back(name_ + std::string(summary.name)); }
  [[nodiscard]] bool has_written(Ticket ticket) const noexcept override { return ticket < written; }
  Ticket written = 0;

 private:
  std::string name_;
  std::vector<std::string>& lines_;
};

TEST(BothAudits, tells_both_the_same_in_their_order) {
  std::vector<std::string> lines;
  Journal first("1 ", lines);
  Journal second("2 ", lines);
  BothAudits both(first, second);
  Audit& audit = both;
  // The record is the first one's: its ticket counts, and it is asked what became of it.
  EXPECT_EQ(audit.record(record_of("ping", done)), 2U);
  audit.event("ended", " idle");
  audit.summary({"withheld", std::nullopt, 1, {}});
  EXPECT_EQ(lines, (std::vector<std::string>{"2 ping", "1 ping", "1 ended idle", "2 ended idle", "1 withheld",
                                             "2 withheld"}));
  first.written = 2;
  EXPECT_TRUE(audit.has_written(1));
  EXPECT_FALSE(audit.has_written(2));
}

}  // namespace
}  // namespace secshr
