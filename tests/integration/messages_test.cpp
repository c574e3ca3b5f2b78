// What the system log is told: in the words that administrators' tools look for, one line each, whatever clients call
// their files; and that nobody waits for it. Where there is a journal, it is told instead, with the audit log's keys.
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <csignal>
#include <cstdlib>

#include "secshr/audit/journal_entry.h"
#include "tests/integration/process_state.h"
#include "tests/integration/removal_fixture.h"
#include "tests/integration/socket_files.h"

namespace secshr::test {
namespace {

using protocol::closed_ids;
using protocol::FlushHeader;

class BrokerMessages : public BrokerRemoval {
 protected:
  void SetUp() override {
    BrokerRemoval::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    make_database(database);
    (void)broker_messages();
  }
  inline static const std::string database = data + "/mumps.dat";
  static std::string path_of(const std::string& name) { return data + "/" + name; }
  static void make_database(const std::string& path) { write_file(path, DatabaseImage{}.text(), 0444, u3, g3); }
  std::string of_client(const std::string& mnemonic, const std::string& text) {
    return "%GTM-" + mnemonic + ", [client pid " + std::to_string(asker_->pid()) + "] " + text;
  }
  // Just this one message.
  void expect_message(const protocol::Request& request, int code, const std::string& message) {
    EXPECT_EQ(answer(*asker_, datagram(*asker_, request)), code);
    EXPECT_EQ(broker_messages(), std::vector<std::string>{message});
  }
};

TEST_F(BrokerMessages, say_what_was_done) {
  const auto ids = ids_of(make_set(*asker_));
  expect_message(FlushHeader{ids, database}, 0,
                 of_client("I-GTMSECSHRUPDDBHDR", "database fileheader (" + database + ") updated for open"));
  expect_message(FlushHeader{closed_ids, database}, 0,
                 of_client("I-GTMSECSHRUPDDBHDR", "database fileheader (" + database + ") updated for close"));
  const int semid = make_set(*maker_);
  expect_message(protocol::RemoveSemaphoreSet{semid}, 0,
                 of_client("I-GTMSECSHRREMSEM", "Semaphore (" + std::to_string(semid) + ") removed"));
  const int shmid = make_segment(*maker_);
  expect_message(
      protocol::RemoveSegment{shmid}, 0,
      of_client("I-GTMSECSHRREMSHM", "Shared memory segment (" + std::to_string(shmid) + ") removed, nattch = 0"));
  const std::string leftover = tmp + "/gtm_mutex00001234";
  write_dead_socket(leftover, u2, g2);
  expect_message(protocol::RemoveFile{leftover}, 0,
                 of_client("I-GTMSECSHRREMFILE", "file (" + leftover + ") removed"));
}

TEST_F(BrokerMessages, say_which_leftovers_were_removed) {
  Client suffixed(first_user);
  ASSERT_EQ(suffixed.bind(tmp + "/" + Client::name_of(suffixed.pid(), "a")), 0);
  write_dead_socket(tmp + "/" + suffixed.socket_name(), u2, g2);
  ASSERT_EQ(answer(suffixed, datagram(suffixed, protocol::Ping{})), 0);
  ASSERT_TRUE(eventually([&] { return records().back().at("req") == "remove-leftover"; }));
  EXPECT_EQ(broker_messages(),
            std::vector<std::string>{"%GTM-I-GTMSECSHRREMFILE, [client pid " + std::to_string(suffixed.pid()) +
                                     "] leftover socket (" + tmp + "/" + suffixed.socket_name() + ") removed"});
}

TEST_F(BrokerMessages, say_what_was_refused_and_by_which_rule_and_are_silent_about_pings) {
  const int shmid = make_segment(*maker_);
  ASSERT_EQ(attach(*maker_, shmid), 0);
  expect_message(protocol::RemoveSegment{shmid}, EBUSY,
                 of_client("W-GTMSECSHRSHMCONCPROC",
                           "Shared memory segment (" + std::to_string(shmid) + ") is attached, not removed"));
  const int semid = make_set(*maker_, 0600);
  expect_message(protocol::RemoveSemaphoreSet{semid}, EPERM,
                 of_client("W-GTMSECSHRSRVFID", "remove-semaphore-set (" + std::to_string(semid) +
                                                    ") refused with EPERM, rule sem.alter"));
  expect_message(protocol::RemoveSegment{-1}, EINVAL,
                 of_client("W-GTMSECSHRSRVFID", "remove-segment (-1) refused with EINVAL, rule -"));
  expect_message(protocol::ContinueProcess{1}, EPERM,
                 of_client("W-GTMSECSHRSRVFID", "continue (1) refused with EPERM, rule proc.install"));
  expect_message(
      FlushHeader{closed_ids, "/etc/passwd"}, EPERM,
      of_client("W-GTMSECSHRSRVFID", "flush-header-close (/etc/passwd) refused with EPERM, rule hdr.type"));
  expect_message(protocol::RemoveFile{"/etc/passwd"}, EPERM,
                 of_client("W-GTMSECSHRSRVFIL", "remove-file (/etc/passwd) refused with EPERM, rule sock.name"));
  EXPECT_EQ(answer(*asker_, datagram(*asker_, protocol::Ping{})), 0);
  EXPECT_EQ(broker_messages(), std::vector<std::string>{});
}

TEST_F(BrokerMessages, say_when_it_starts_where_it_serves_and_when_and_why_it_ends) {
  end();
  (void)broker_messages();
  configure("idle_timeout_s = 1\n");
  (void)serve();
  auto messages = broker_messages();
  ASSERT_EQ(messages.size(), 2U) << testing::PrintToString(messages);
  EXPECT_TRUE(messages[0].starts_with("%GTM-I-GTMSECSHRDMNSTARTED, ")) << messages[0];
  EXPECT_TRUE(messages[1].starts_with("%GTM-I-GTMSECSHRTMPPATH, ")) << messages[1];
  EXPECT_NE(messages[1].find(tmp), std::string::npos) << messages[1];
  EXPECT_TRUE(eventually([] { return find_broker_processes().all().empty(); }));
  messages = broker_messages();
  ASSERT_EQ(messages.size(), 2U) << testing::PrintToString(messages);
  EXPECT_TRUE(messages[0].starts_with("%GTM-I-GTMSECSHRTMOUT, ")) << messages[0];
  EXPECT_TRUE(messages[1].starts_with("%GTM-I-GTMSECSHRSHUTDN, ")) << messages[1];
  const pid_t broker = serve();
  (void)broker_messages();
  ASSERT_EQ(::kill(broker, SIGTERM), 0);
  EXPECT_TRUE(eventually([] { return find_broker_processes().all().empty(); }));
  messages = broker_messages();
  ASSERT_EQ(messages.size(), 1U) << testing::PrintToString(messages);
  EXPECT_TRUE(messages[0].starts_with("%GTM-I-GTMSECSHRSHUTDN, ")) << messages[0];
}

// That each is one line of printable characters is looked at wherever messages are taken.
TEST_F(BrokerMessages, a_hostile_path_can_neither_begin_a_second_line_nor_pass_for_the_words_around_it) {
  const std::string forged =
      ") updated for open\n<14>GTM-SECSHR[1]: %GTM-I-GTMSECSHRREMSEM, [client pid 1] Semaphore";
  // With a control byte it is no path at all.
  for (const std::string& name : {forged, std::string("a\nb"), std::string("a\rb"), std::string("a\x1b[2Jb")}) {
    expect_message(FlushHeader{closed_ids, path_of(name)}, EINVAL,
                   of_client("W-GTMSECSHRSRVFID", "flush-header (-) refused with EINVAL, rule -"));
  }
  for (const std::string name : {") updated for close %GTM-E-GTMSECSHRREMSEM, [client pid 1] Semaphore (7) removed",
                                 "\xc2\x9b[2J\xc2\x85<14>GTM-SECSHR[1]: forged", "\xe2\x80\xae\xe2\x80\xa8\xff\xfe",
                                 "%n%s%1000000s{}{0}{", "\"quoted\" \\ and 'more'"}) {
    SCOPED_TRACE(testing::PrintToString(name));
    const std::string path = path_of(name);
    make_database(path);
    EXPECT_EQ(answer(*asker_, datagram(*asker_, FlushHeader{closed_ids, path})), 0);
    const auto messages = broker_messages();
    ASSERT_EQ(messages.size(), 1U);
    EXPECT_TRUE(messages[0].starts_with(of_client("I-GTMSECSHRUPDDBHDR", "database fileheader (")));
    EXPECT_TRUE(messages[0].ends_with(") updated for close")) << messages[0];
    // What could pass for the words around it is in quotes.
    const bool quoted = messages[0].find("fileheader (\"") != std::string::npos;
    if (name.find(' ') != std::string::npos) {
      EXPECT_TRUE(quoted) << messages[0];
    }
    // The same for a name that only a refusal repeats.
    EXPECT_EQ(answer(*asker_, datagram(*asker_, protocol::RemoveFile{path})), EPERM);
    const auto refusals = broker_messages();
    ASSERT_EQ(refusals.size(), 1U);
    EXPECT_TRUE(refusals[0].starts_with(of_client("W-GTMSECSHRSRVFIL", "remove-file ("))) << refusals[0];
    EXPECT_TRUE(refusals[0].ends_with(") refused with EPERM, rule sock.name")) << refusals[0];
  }
}

TEST_F(BrokerMessages, a_very_long_path_is_cut_and_the_message_stays_one_that_every_daemon_takes) {
  std::string path = data;
  while (path.size() < 3500) path += "/" + std::string(200, '\xff');
  path += "/the-end.dat";
  make_database(path);
  EXPECT_EQ(answer(*asker_, datagram(*asker_, FlushHeader{closed_ids, path})), 0);
  const auto messages = broker_messages();
  ASSERT_EQ(messages.size(), 1U);
  EXPECT_LT(messages[0].size(), 2000U);
  EXPECT_NE(messages[0].find("the-end.dat"), std::string::npos) << messages[0];
}

TEST_F(BrokerMessages, service_goes_on_when_nobody_listens_or_nobody_reads_and_when_a_listener_comes_back) {
  const auto ask_many = [&](std::uint64_t first) {
    const auto started = std::chrono::steady_clock::now();
    for (std::uint64_t sequence = first; sequence < first + 100; ++sequence) {
      // Not through what reads the log as it goes.
      ASSERT_EQ(asker_->send(server_in(), datagram(*asker_, FlushHeader{closed_ids, database}, sequence)), 0);
      ASSERT_TRUE(asker_->receive().has_value());
    }
    EXPECT_LT(std::chrono::steady_clock::now() - started, std::chrono::seconds(2));
  };
  ask_many(1);
  // A queue of so many, and no more: what did not fit is gone.
  const auto queued = broker_messages().size();
  EXPECT_GT(queued, 0U);
  EXPECT_LT(queued, 100U) << "its queue never was full: the test shows nothing";
  ASSERT_EQ(::rename("/dev/log", "/dev/log-away"), 0);
  ask_many(200);
  EXPECT_EQ(broker_messages(), std::vector<std::string>{});
  ASSERT_EQ(::rename("/dev/log-away", "/dev/log"), 0);
  expect_message(FlushHeader{closed_ids, database}, 0,
                 of_client("I-GTMSECSHRUPDDBHDR", "database fileheader (" + database + ") updated for close"));
}

TEST_F(BrokerMessages, warnings_that_cost_their_sender_nothing_are_limited_and_what_was_done_is_not) {
  const int shmid = make_segment(*maker_);
  ASSERT_EQ(attach(*maker_, shmid), 0);
  std::size_t warnings = 0;
  for (std::uint64_t sequence = 1; sequence <= 300; ++sequence) {
    ASSERT_EQ(answer(*asker_, datagram(*asker_, protocol::RemoveSegment{shmid}, sequence)), EBUSY);
    warnings += broker_messages().size();
  }
  EXPECT_GT(warnings, 0U);
  EXPECT_LE(warnings, 120U);  // of two minutes at most
  for (std::uint64_t sequence = 1; sequence <= 100; ++sequence) {
    expect_message(FlushHeader{closed_ids, database}, 0,
                   of_client("I-GTMSECSHRUPDDBHDR", "database fileheader (" + database + ") updated for close"));
  }
}

TEST_F(BrokerMessages, go_to_a_daemon_of_streams_too_which_may_be_restarted) {
  for (int restart = 0; restart < 3; ++restart) {
    SystemLog stream(SOCK_STREAM);
    for (int each = 0; each < 2; ++each) {
      EXPECT_EQ(answer(*asker_, datagram(*asker_, FlushHeader{closed_ids, database})), 0);
      const auto messages = stream.take();
      ASSERT_EQ(messages.size(), 1U);
      EXPECT_EQ(messages[0],
                "<14>GTM-SECSHR[" + std::to_string(broker_) + "]: " +
                    of_client("I-GTMSECSHRUPDDBHDR", "database fileheader (" + database + ") updated for close") +
                    std::string(1, '\0'));
    }
  }
  EXPECT_EQ(answer(*asker_, datagram(*asker_, FlushHeader{closed_ids, database})), 0);
}

// --- The journal. ---

constexpr char journal_path[] = "/run/systemd/journal/socket";

// Listens where the journal does while it lives.
class JournalListener {
 public:
  explicit JournalListener(int type = SOCK_DGRAM)
      : socket_(::socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
    make_directory("/run/systemd/journal");
    sockaddr_un address{AF_UNIX, {}};
    std::ranges::copy(journal_path, static_cast<char*>(address.sun_path));
    if (::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) std::abort();
    if (::chmod(journal_path, 0666) != 0) std::abort();
    if (type == SOCK_STREAM && ::listen(socket_.get(), 8) != 0) std::abort();
  }
  JournalListener(const JournalListener&) = delete;
  JournalListener& operator=(const JournalListener&) = delete;
  ~JournalListener() { remove_tree(journal_path); }
  // What has come since the last call; each must be an entry.
  std::vector<LogRecord> take() const {
    std::vector<LogRecord> entries;
    std::array<char, 65536> buffer{};
    for (ssize_t size = 0; (size = ::recv(socket_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT)) >= 0;) {
      const std::string_view datagram(buffer.data(), static_cast<std::size_t>(size));
      const auto fields = parse_journal_entry(datagram);
      EXPECT_TRUE(fields.has_value()) << testing::PrintToString(datagram);
      if (!fields) continue;
      entries.emplace_back(fields->begin(), fields->end());
      EXPECT_EQ(entries.back().size(), fields->size()) << "a field that is there twice";
    }
    return entries;
  }

 private:
  Descriptor socket_;
};

class BrokerJournal : public BrokerMessages {
 protected:
  // One change, of which one message is made; the reply shows that it was.
  void change() { EXPECT_EQ(answer(*asker_, datagram(*asker_, FlushHeader{closed_ids, database})), 0); }
  std::string message_of_change() {
    return of_client("I-GTMSECSHRUPDDBHDR", "database fileheader (" + database + ") updated for close");
  }
  void expect_in_syslog() {
    change();
    EXPECT_EQ(broker_messages(), std::vector<std::string>{message_of_change()});
  }
  void expect_in_journal(const JournalListener& journal) {
    change();
    const auto entries = journal.take();
    ASSERT_EQ(entries.size(), 1U);
    EXPECT_EQ(entries[0].at("MESSAGE"), message_of_change());
    EXPECT_EQ(broker_messages(), std::vector<std::string>{});
  }
  // What the audit log's last record says, in the journal's words.
  static LogRecord keys_of_last_record() {
    LogRecord keys;
    const LogRecord record = records().back();
    for (const auto& [key, value] : record) {
      if (key == "ts" || key == "seq" || key == "objlen" || value == "-") continue;
      std::string name = "SECSHR_" + key;
      for (char& c : name) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
      keys[name] = value;
    }
    // The one key whose "-" says something.
    keys["SECSHR_RULE"] = record.at("rule");
    return keys;
  }
  static LogRecord keys_of(const LogRecord& entry) {
    LogRecord keys = entry;
    std::erase_if(keys, [](const auto& field) { return !field.first.starts_with("SECSHR_"); });
    return keys;
  }
};

TEST_F(BrokerJournal, is_told_what_the_audit_log_is_told) {
  const JournalListener journal;
  const auto expect_same = [&](const protocol::Request& request, int code) {
    EXPECT_EQ(answer(*asker_, datagram(*asker_, request)), code);
    const auto entries = journal.take();
    ASSERT_EQ(entries.size(), 1U);
    LogRecord entry = entries[0];
    EXPECT_EQ(keys_of(entry), keys_of_last_record());
    EXPECT_EQ(entry["PRIORITY"], "6");
    EXPECT_EQ(entry["SYSLOG_FACILITY"], "1");
    EXPECT_EQ(entry["SYSLOG_IDENTIFIER"], "GTM-SECSHR");
    EXPECT_EQ(entry["SYSLOG_PID"], std::to_string(broker_));
    EXPECT_EQ(entry.size(), keys_of(entry).size() + 5);
  };
  expect_same(FlushHeader{closed_ids, database}, 0);
  expect_same(protocol::RemoveSemaphoreSet{make_set(*maker_)}, 0);
  expect_same(protocol::RemoveSemaphoreSet{make_set(*maker_, 0600)}, EPERM);
  expect_same(protocol::RemoveSegment{-1}, EINVAL);
  expect_same(protocol::RemoveFile{"/etc/passwd"}, EPERM);
  expect_same(protocol::ContinueProcess{1}, EPERM);
  EXPECT_EQ(answer(*asker_, header(77, release_key, asker_->pid())), 0x8000);
  auto entries = journal.take();
  ASSERT_EQ(entries.size(), 1U);
  EXPECT_EQ(keys_of(entries[0]), keys_of_last_record());
  EXPECT_EQ(entries[0]["SECSHR_ERRNO"], "0x8000");
  EXPECT_EQ(broker_messages(), std::vector<std::string>{});
}

TEST_F(BrokerJournal, is_found_when_it_comes_and_missed_by_nobody_when_it_goes) {
  for (int restart = 0; restart < 3; ++restart) {
    expect_in_syslog();
    const JournalListener journal;
    expect_in_journal(journal);
    expect_in_journal(journal);
  }
  expect_in_syslog();
}

TEST_F(BrokerJournal, that_takes_no_datagrams_or_not_the_brokers_leaves_them_to_syslog) {
  {
    const JournalListener stream(SOCK_STREAM);
    expect_in_syslog();
  }
  const JournalListener journal;
  ASSERT_EQ(::chmod(journal_path, 0600), 0);
  expect_in_syslog();
  ASSERT_EQ(::chmod(journal_path, 0666), 0);
  expect_in_journal(journal);
}

TEST_F(BrokerJournal, that_is_full_or_gone_with_everybody_else_makes_nobody_wait) {
  const JournalListener journal;
  const auto ask_many = [&](std::uint64_t first) {
    const auto started = std::chrono::steady_clock::now();
    for (std::uint64_t sequence = first; sequence < first + 1000; ++sequence) {
      ASSERT_EQ(asker_->send(server_in(), datagram(*asker_, FlushHeader{closed_ids, database}, sequence)), 0);
      ASSERT_TRUE(asker_->receive().has_value());
    }
    EXPECT_LT(std::chrono::steady_clock::now() - started, std::chrono::seconds(20));
  };
  ask_many(1);
  const auto queued = journal.take().size();
  EXPECT_GT(queued, 0U);
  EXPECT_LT(queued, 1000U) << "its queue never was full: the test shows nothing";
  EXPECT_GT(broker_messages().size(), 0U) << "what the journal did not take";
  expect_in_journal(journal);
  ASSERT_EQ(::rename("/dev/log", "/dev/log-away"), 0);
  ask_many(2000);
  EXPECT_GT(journal.take().size(), 0U);
  ASSERT_EQ(::rename("/dev/log-away", "/dev/log"), 0);
  EXPECT_EQ(broker_messages(), std::vector<std::string>{});
  expect_in_journal(journal);
}

TEST_F(BrokerJournal, is_told_when_the_broker_starts_and_ends) {
  end();
  (void)broker_messages();
  const JournalListener journal;
  broker_ = serve();
  ASSERT_EQ(::kill(broker_, SIGTERM), 0);
  EXPECT_TRUE(eventually([] { return find_broker_processes().all().empty(); }));
  const auto entries = journal.take();
  ASSERT_EQ(entries.size(), 3U);
  for (std::size_t index = 0; index < entries.size(); ++index) {
    constexpr std::array mnemonics{"GTMSECSHRDMNSTARTED", "GTMSECSHRTMPPATH", "GTMSECSHRSHUTDN"};
    EXPECT_TRUE(entries[index].at("MESSAGE").starts_with("%GTM-I-" + std::string(mnemonics.at(index)) + ", "));
    EXPECT_EQ(keys_of(entries[index]), LogRecord{});
  }
  EXPECT_EQ(broker_messages(), std::vector<std::string>{});
}

TEST_F(BrokerJournal, has_a_clients_strings_in_its_own_bytes_and_nothing_that_they_forge) {
  const JournalListener journal;
  const std::vector<std::string> names{"x\nPRIORITY=0",
                                       "\nMESSAGE=x\n",
                                       "a\x1b[2J\x7f",
                                       "\xc2\x9b[2J\xff\xfe",
                                       "\xe2\x80\xae\xe2\x80\xa8",
                                       "%s%n%1000000s",
                                       "{}{0}{",
                                       "a\r\tb = c",
                                       "\\n\n\\\\"};
  for (const std::string& name : names) {
    SCOPED_TRACE(testing::PrintToString(name));
    const Text comm(name);
    ASSERT_EQ(asker_->run([comm] { return ::prctl(PR_SET_NAME, comm.text); }), 0);
    // With a control byte it is no path at all.
    std::string in_path = name;
    std::erase_if(in_path, [](char c) { return std::iscntrl(static_cast<unsigned char>(c)) != 0; });
    const std::string path = path_of(in_path);
    make_database(path);
    EXPECT_EQ(answer(*asker_, datagram(*asker_, FlushHeader{closed_ids, path})), 0);
    const auto entries = journal.take();
    ASSERT_EQ(entries.size(), 1U);
    EXPECT_EQ(keys_of(entries[0]), keys_of_last_record());
    EXPECT_EQ(entries[0].at("SECSHR_COMM"), name.substr(0, 15)) << "as much as a process's name holds";
    EXPECT_EQ(entries[0].at("SECSHR_OBJ"), path);
    EXPECT_EQ(entries[0].at("PRIORITY"), "6");
    EXPECT_TRUE(std::ranges::all_of(entries[0].at("MESSAGE"), [](char c) { return c >= ' ' && c <= '~'; }));
    // And the path with what makes it none.
    EXPECT_EQ(answer(*asker_, datagram(*asker_, FlushHeader{closed_ids, path + "\n"})), EINVAL);
    EXPECT_EQ(journal.take().size(), 1U);
  }
  EXPECT_EQ(broker_messages(), std::vector<std::string>{});
}

}  // namespace
}  // namespace secshr::test
