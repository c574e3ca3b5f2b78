// secshrctl audit, on logs as a broker writes them, and as others may have left them.
#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "tests/integration/admin/admin_fixture.h"

namespace secshr::test {
namespace {

namespace fs = std::filesystem;

const std::string log_directory = std::string(paths::log) + "/gtm";
const std::string audit_log = log_directory + "/gtm_secshr_log";
const std::string shown_file = "/mnt/test/shown";

const std::string started_line =
    "ts=2026-11-22T09:59:59.000000Z seq=1 event=started detail=\"installation gtm directories /tmp\"\n";
const std::string removed_line =
    "ts=2026-11-22T10:00:00.000001Z seq=2 pid=4711 uid=71001 gid=72001 comm=mumps req=remove-semaphore-set obj=32769 "
    "owner=71001 mode=0600 verdict=done rule=- errno=0 us=130\n";
const std::string refused_set =
    "ts=2026-11-22T10:00:01.000000Z seq=3 pid=4712 uid=71002 gid=72002 comm=\"\\x1b[2J\" req=remove-semaphore-set "
    "obj=32769 owner=71001 mode=0600 verdict=refused rule=sem.alter errno=EPERM us=95\n";
const std::string refused_file =
    "ts=2026-11-22T10:00:02.000000Z seq=4 pid=4712 uid=71002 gid=72002 comm=mumps req=remove-file "
    "obj=\"/tmp/a\\x9b31mb\" objlen=300 owner=- mode=- verdict=refused rule=sock.name errno=EPERM us=80\n";
const std::string failed_wake =
    "ts=2026-11-22T10:00:03.000000Z seq=5 pid=4713 uid=0 gid=0 comm=mumps req=wake obj=99 owner=- mode=- "
    "verdict=failed rule=- errno=ESRCH us=20\n";
const std::string served_some =
    "ts=2026-11-22T10:01:00.000000Z seq=6 event=served count=7 detail=\"wake 3 ping 4\"\n";
const std::string withheld_some =
    "ts=2026-11-22T10:01:00.000001Z seq=7 event=withheld uid=71002 count=12 detail=\"sem.alter 11 failed 1\"\n";
const std::string all_of_it =
    started_line + removed_line + refused_set + refused_file + failed_wake + served_some + withheld_some;

// As text.
const std::string removed_text =
    "2026-11-22T10:00:00.000001Z  done     remove-semaphore-set  uid 71001  pid 4711     mumps     object 32769 "
    "owner "
    "71001 mode 0600  130 us\n";
const std::string refused_set_text =
    "2026-11-22T10:00:01.000000Z  refused  remove-semaphore-set  uid 71002  pid 4712     \"\\x1b[2J\"  object 32769 "
    "owner 71001 mode 0600  rule sem.alter  EPERM  95 us\n";
const std::string refused_file_text =
    "2026-11-22T10:00:02.000000Z  refused  remove-file           uid 71002  pid 4712     mumps     object "
    "\"/tmp/a\\x9b31mb\" of 300 bytes  rule sock.name  EPERM  80 us\n";
const std::string failed_wake_text =
    "2026-11-22T10:00:03.000000Z  failed   wake                  uid 0      pid 4713     mumps     object 99  ESRCH  "
    "20 "
    "us\n";
const std::string served_text = "2026-11-22T10:01:00.000000Z  event    served  count 7  \"wake 3 ping 4\"\n";
const std::string withheld_text =
    "2026-11-22T10:01:00.000001Z  event    withheld  uid 71002  count 12  \"sem.alter 11 failed 1\"\n";
const std::string started_text =
    "2026-11-22T09:59:59.000000Z  event    started  \"installation gtm directories /tmp\"\n";

class Audit : public AdminTest {
 protected:
  void SetUp() override {
    AdminTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    ASSERT_EQ(run({"adopt", distribution}), 0) << complaint();
    write_file(audit_log, all_of_it, 0640);
  }
  std::string shown(std::vector<std::string> arguments, int status = 0) {
    arguments.insert(arguments.begin(), "audit");
    EXPECT_EQ(run(arguments), status) << testing::PrintToString(arguments) << complaint();
    return said();
  }
};

TEST_F(Audit, shows_the_log_as_text) {
  EXPECT_EQ(shown({"gtm"}), started_text + removed_text + refused_set_text + refused_file_text + failed_wake_text +
                                served_text + withheld_text);
  EXPECT_EQ(complaint(), "");
  EXPECT_EQ(shown({"gtm"}), shown({})) << "there is no other one";
}

TEST_F(Audit, shows_the_log_as_objects_of_json) {
  const std::string json =
      R"({"installation":"gtm","ts":"2026-11-22T09:59:59.000000Z","seq":1,"event":"started","detail":"installation gtm directories /tmp"}
{"installation":"gtm","ts":"2026-11-22T10:00:00.000001Z","seq":2,"pid":4711,"uid":71001,"gid":72001,"comm":"mumps","req":"remove-semaphore-set","obj":"32769","owner":71001,"mode":"0600","verdict":"done","rule":null,"errno":"0","us":130}
{"installation":"gtm","ts":"2026-11-22T10:00:01.000000Z","seq":3,"pid":4712,"uid":71002,"gid":72002,"comm":"\\x1b[2J","req":"remove-semaphore-set","obj":"32769","owner":71001,"mode":"0600","verdict":"refused","rule":"sem.alter","errno":"EPERM","us":95}
{"installation":"gtm","ts":"2026-11-22T10:00:02.000000Z","seq":4,"pid":4712,"uid":71002,"gid":72002,"comm":"mumps","req":"remove-file","obj":"/tmp/a\\x9b31mb","objlen":300,"owner":null,"mode":null,"verdict":"refused","rule":"sock.name","errno":"EPERM","us":80}
{"installation":"gtm","ts":"2026-11-22T10:00:03.000000Z","seq":5,"pid":4713,"uid":0,"gid":0,"comm":"mumps","req":"wake","obj":"99","owner":null,"mode":null,"verdict":"failed","rule":null,"errno":"ESRCH","us":20}
{"installation":"gtm","ts":"2026-11-22T10:01:00.000000Z","seq":6,"event":"served","count":7,"detail":"wake 3 ping 4"}
{"installation":"gtm","ts":"2026-11-22T10:01:00.000001Z","seq":7,"event":"withheld","uid":71002,"count":12,"detail":"sem.alter 11 failed 1"}
)";
  EXPECT_EQ(shown({"gtm", "--json"}), json);
}

TEST_F(Audit, shows_what_is_asked_for) {
  EXPECT_EQ(shown({"--uid", "71001"}), removed_text);
  EXPECT_EQ(shown({"--uid", "71002"}), refused_set_text + refused_file_text + withheld_text);
  EXPECT_EQ(shown({"--uid", "root"}), failed_wake_text);
  EXPECT_EQ(shown({"--pid", "4712"}), refused_set_text + refused_file_text);
  EXPECT_EQ(shown({"--request", "wake"}), failed_wake_text + served_text);
  EXPECT_EQ(shown({"--verdict", "refused"}), refused_set_text + refused_file_text);
  EXPECT_EQ(shown({"--rule", "sem.alter"}), refused_set_text + withheld_text);
  EXPECT_EQ(shown({"--rule", "sem.alter", "--request", "remove-semaphore-set"}), refused_set_text);
  EXPECT_EQ(shown({"--since", "2026-11-22T10:00:03Z", "--until", "2026-11-22T10:01"}), failed_wake_text);
  EXPECT_EQ(shown({"--until", "2026-11-22"}), "");
  EXPECT_EQ(complaint(), "");
}

TEST_F(Audit, knows_ages_by_the_clock) {
  const auto ago = [](int seconds) {
    const std::time_t then = std::time(nullptr) - seconds;
    std::tm parts{};
    EXPECT_NE(gmtime_r(&then, &parts), nullptr);
    char text[32];
    EXPECT_GT(std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts), 0U);
    return "ts=" + std::string(text) + ".000000Z seq=1 event=started\n";
  };
  write_file(audit_log, ago(10000) + ago(5000), 0640);
  const auto lines = [&](const std::string& age) { return std::ranges::count(shown({"--since", age}), '\n'); };
  EXPECT_EQ(lines("1h"), 0);
  EXPECT_EQ(lines("2h"), 1);
  EXPECT_EQ(lines("90m"), 1);
  EXPECT_EQ(lines("1d"), 2);
}

TEST_F(Audit, summarises_the_log_as_text) {
  ASSERT_EQ(::getpwuid(71001), nullptr) << "the control";
  EXPECT_EQ(shown({"--summary"}),
            "gtm\n"
            "  from               2026-11-22T09:59:59.000000Z\n"
            "  to                 2026-11-22T10:01:00.000001Z\n"
            "  requests           23 (4 with a line each, 19 only counted)\n"
            "    done             8\n"
            "    failed           2\n"
            "    refused          2\n"
            "    withheld         11: refused or dropped by a rule, and only counted\n"
            "\n"
            "  count  uid       request               verdict   why\n"
            "     11  71002     -                     withheld  sem.alter: this user has no alter permission on the "
            "set: who owns it must give it, or remove the set\n"
            "      4  -         ping                  done\n"
            "      3  -         wake                  done\n"
            "      1  0 (root)  wake                  failed    ESRCH: the operating system said no\n"
            "      1  71001     remove-semaphore-set  done\n"
            "      1  71002     -                     failed\n"
            "      1  71002     remove-file           refused   sock.name: only leftover sockets of clients, in the "
            "directory that was asked through, are removed\n"
            "      1  71002     remove-semaphore-set  refused   sem.alter: this user has no alter permission on the "
            "set: who owns it must give it, or remove the set\n");
}

TEST_F(Audit, summarises_what_is_asked_for_as_json) {
  EXPECT_EQ(shown({"--summary", "--json", "--request", "wake"}), R"({
  "installations": [
    {
      "installation": "gtm",
      "from": "2026-11-22T09:59:59.000000Z",
      "to": "2026-11-22T10:01:00.000001Z",
      "requests": {
        "lines": 1,
        "counted": 3
      },
      "verdicts": {
        "done": {
          "lines": 0,
          "counted": 3
        },
        "failed": {
          "lines": 1,
          "counted": 0
        }
      },
      "undecided": 12,
      "failed_starts": {
        "lines": 0,
        "counted": 0
      },
      "late_writes": 0,
      "repeated_lines": 0,
      "lost_lines": 0,
      "odd_lines": 0,
      "groups": [
        {
          "uid": null,
          "account": null,
          "request": "wake",
          "verdict": "done",
          "rule": null,
          "errno": null,
          "lines": 0,
          "counted": 3
        },
        {
          "uid": 0,
          "account": "root",
          "request": "wake",
          "verdict": "failed",
          "rule": null,
          "errno": "ESRCH",
          "lines": 1,
          "counted": 0
        }
      ],
      "other_groups": {
        "lines": 0,
        "counted": 0
      }
    }
  ]
}
)");
}

TEST_F(Audit, begins_with_what_was_rotated_last) {
  write_file(audit_log + ".1", started_line + removed_line, 0640);
  write_file(audit_log + ".2", refused_file, 0640);
  write_file(audit_log, refused_set, 0640);
  EXPECT_EQ(shown({}), started_text + removed_text + refused_set_text);
  fs::remove(audit_log);
  EXPECT_EQ(shown({}), started_text + removed_text);
  const auto summary = nlohmann::json::parse(shown({"--summary", "--json"}));
  EXPECT_EQ(summary["installations"][0]["requests"]["lines"], 1);
}

TEST_F(Audit, names_the_installation_where_there_are_several) {
  make_installation("/mnt/test/other");
  ASSERT_EQ(run({"adopt", "/mnt/test/other", "--name", "other"}), 0) << complaint();
  EXPECT_EQ(shown({"other"}), "");
  EXPECT_EQ(complaint(), "other: there is no log yet: " + std::string(paths::log) + "/other/gtm_secshr_log\n");
  write_file(std::string(paths::log) + "/other/gtm_secshr_log", served_some, 0640);
  EXPECT_EQ(shown({"other"}), served_text);
  write_file(audit_log, served_some, 0640);
  EXPECT_EQ(shown({}),
            "2026-11-22T10:01:00.000000Z  gtm  event    served  count 7  \"wake 3 ping 4\"\n"
            "2026-11-22T10:01:00.000000Z  other  event    served  count 7  \"wake 3 ping 4\"\n");
  const auto summary = nlohmann::json::parse(shown({"--summary", "--json"}));
  ASSERT_EQ(summary["installations"].size(), 2U);
  EXPECT_EQ(summary["installations"][1]["installation"], "other");
  EXPECT_EQ(summary["installations"][1]["requests"]["counted"], 7);
}

TEST_F(Audit, reads_where_the_configuration_says) {
  write_file(paths::configuration, read_file(paths::configuration) + "log_directory = '/mnt/test/logs'\n");
  write_file("/mnt/test/logs/gtm/gtm_secshr_log", removed_line, 0640);
  EXPECT_EQ(shown({}), removed_text);
  write_file(paths::configuration, "broker_uid = 1\n");
  EXPECT_EQ(shown({}, 4), "");
  EXPECT_TRUE(complaint().contains("looker_uid")) << complaint();
}

// --- What is not the log's. ---

TEST_F(Audit, shows_what_is_not_of_the_logs_form_escaped_and_counts_it) {
  const std::string cut = refused_file.substr(0, 90);
  write_file(audit_log,
             removed_line + "\x1b]0;owned\x07 \x9b\n\n" + cut + "\n" + std::string(40000, '\xff') + "\n" +
                 served_some + removed_line.substr(0, removed_line.size() - 1),
             0640);
  const std::string dash = "-                            ?        ";
  std::string longest;
  for (int count = 0; count < 32768; ++count) longest += "\\xff";
  std::string escaped_cut;
  for (const char c : cut) escaped_cut += (c == '"' || c == '\\') ? std::string("\\") + c : std::string(1, c);
  std::string escaped_removed = removed_line.substr(0, removed_line.size() - 1);
  EXPECT_EQ(shown({}, 1), removed_text + dash + "\"\\x1b]0;owned\\x07 \\x9b\"\n" + dash + "\"\"\n" + dash + "\"" +
                              escaped_cut + "\"\n" + dash + "\"" + longest + "\"  of 40000 bytes\n" + served_text +
                              dash + "\"" + escaped_removed + "\"  without its end\n");
  EXPECT_EQ(complaint(),
            "secshrctl: lines that are not of the log's form: 5 (a disk was full, or somebody else wrote them)\n");
  // No filter hides them: nobody can tell what they are.
  EXPECT_EQ(std::ranges::count(shown({"--uid", "0"}, 1), '\n'), 5);
  EXPECT_EQ(std::ranges::count(shown({"--until", "2000-01-01"}, 1), '\n'), 5);
  const auto summary = nlohmann::json::parse(shown({"--summary", "--json"}, 1))["installations"][0];
  EXPECT_EQ(summary["odd_lines"], 5);
  EXPECT_EQ(summary["requests"], (nlohmann::json{{"lines", 1}, {"counted", 7}}));
  EXPECT_TRUE(shown({"--summary"}, 1).contains("  odd lines          5: not of the log's form\n")) << said();
  for (const std::vector<std::string>& arguments : std::vector<std::vector<std::string>>{{}, {"--json"}}) {
    EXPECT_TRUE(std::ranges::all_of(shown(arguments, 1), [](char c) { return (c >= ' ' && c <= '~') || c == '\n'; }));
  }
}

TEST_F(Audit, is_for_root) {
  for (const std::vector<std::string>& arguments : std::vector<std::vector<std::string>>{
           {"audit"}, {"audit", "--json"}, {"audit", "--summary"}, {"audit", "--follow"}}) {
    EXPECT_EQ(run_unprivileged(arguments), 4);
    EXPECT_EQ(said(), "");
    EXPECT_EQ(complaint(), "secshrctl: this must be run as root (for example with sudo)\n");
  }
}

TEST_F(Audit, reads_no_log_that_is_not_roots_own) {
  ASSERT_EQ(::chmod(audit_log.c_str(), 0666), 0);
  EXPECT_EQ(shown({}, 4), "");
  EXPECT_TRUE(complaint().contains(audit_log + ": writable-by-others")) << complaint();
  fs::remove(audit_log);
  write_file("/mnt/test/elsewhere", removed_line);
  fs::create_symlink("/mnt/test/elsewhere", audit_log);
  EXPECT_EQ(shown({}, 4), "");
  EXPECT_TRUE(complaint().contains("symbolic-link")) << complaint();
  fs::remove(audit_log);
  ASSERT_EQ(::mkfifo(audit_log.c_str(), 0640), 0);
  EXPECT_EQ(shown({"--follow"}, 4), "");
}

TEST_F(Audit, a_wrong_command_line_is_a_usage_error) {
  for (const std::vector<std::string>& arguments :
       std::vector<std::vector<std::string>>{{"--uid", "nobody-of-this-name"},
                                             {"--pid", "x"},
                                             {"--request", "remove"},
                                             {"--verdict", "allowed"},
                                             {"--rule", "sem"},
                                             {"--since", "yesterday"},
                                             {"--until", "2026-11-22T10:00+01:00"},
                                             {"--follow", "--summary"},
                                             {"--follow", "--until", "1h"},
                                             {"gtm", "ydb"}}) {
    EXPECT_EQ(shown(arguments, 2), "");
    EXPECT_NE(complaint(), "");
  }
  EXPECT_EQ(shown({"ydb"}, 1), "");
  EXPECT_EQ(complaint(), "secshrctl: ydb: no installation is adopted under this name\n");
}

// --- Following. ---

void append(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::app) << text;
}

class AuditFollow : public Audit {
 protected:
  void TearDown() override {
    if (follower_) (void)end();
    Audit::TearDown();
  }
  // What it shows comes into a file.
  void follow(const std::string& options = {}) {
    write_file(shown_file, "");
    follower_ = std::make_unique<Running>(
        start_as({}, {"/bin/sh",
                      {"sh", "-c", "exec /usr/bin/secshrctl audit gtm --follow " + options + " >" + shown_file},
                      // What is freed is used again at once, so that its memory can be compared.
                      {"ASAN_OPTIONS=quarantine_size_mb=0:detect_leaks=0"},
                      {}}));
  }
  static void expect_shown(const std::string& text) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (read_file(shown_file) != text && std::chrono::steady_clock::now() < until) {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    EXPECT_EQ(read_file(shown_file), text);
  }
  Outcome end(int signal = SIGINT) {
    EXPECT_EQ(::kill(follower_->pid(), signal), 0);
    Outcome outcome = follower_->wait();
    follower_.reset();
    return outcome;
  }
  [[nodiscard]] std::string status_value(const std::string& key) const {
    std::ifstream status("/proc/" + std::to_string(follower_->pid()) + "/status");
    for (std::string line; std::getline(status, line);) {
      if (line.starts_with(key + ":")) return line.substr(key.size() + 1);
    }
    ADD_FAILURE() << "no " << key;
    return "0";
  }

  std::unique_ptr<Running> follower_;
};

std::string numbered(int first, int count) {
  std::string lines;
  for (int number = first; number < first + count; ++number) {
    lines += "ts=2026-11-22T10:00:00.000000Z seq=" + std::to_string(number) + " event=started\n";
  }
  return lines;
}
std::string numbered_json(int first, int count) {
  std::string lines;
  for (int number = first; number < first + count; ++number) {
    lines += R"({"installation":"gtm","ts":"2026-11-22T10:00:00.000000Z","seq":)" + std::to_string(number) +
             R"(,"event":"started"})" + "\n";
  }
  return lines;
}

TEST_F(AuditFollow, begins_with_the_last_ten_lines_and_goes_on_with_what_comes) {
  write_file(audit_log, numbered(1, 11), 0640);
  write_file(audit_log + ".1", removed_line, 0640);
  follow("--json");
  expect_shown(numbered_json(2, 10));
  append(audit_log, numbered(12, 1));
  expect_shown(numbered_json(2, 11));
  // A line is shown when it is whole.
  append(audit_log, numbered(13, 1).substr(0, 30));
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  expect_shown(numbered_json(2, 11));
  append(audit_log, numbered(13, 1).substr(30));
  expect_shown(numbered_json(2, 12));
  const Outcome outcome = end();
  EXPECT_EQ(outcome.ending, exited(0));
  EXPECT_EQ(outcome.errors, "");
}

TEST_F(AuditFollow, begins_where_it_is_told_to_and_shows_what_is_asked_for) {
  write_file(audit_log, refused_set + numbered(1, 50) + refused_set, 0640);
  follow("--since 2026-11-22 --rule sem.alter");
  expect_shown(refused_set_text + refused_set_text);
  append(audit_log, removed_line + refused_file + withheld_some);
  expect_shown(refused_set_text + refused_set_text + withheld_text);
  EXPECT_EQ(end(SIGTERM).ending, exited(0));
}

TEST_F(AuditFollow, waits_for_a_log_that_is_not_there_yet) {
  fs::remove_all(log_directory);
  follow("--json");
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  write_file(audit_log, numbered(1, 3), 0640);
  expect_shown(numbered_json(1, 3));
  EXPECT_EQ(end().ending, exited(0));
}

TEST_F(AuditFollow, misses_no_line_while_the_log_is_rotated) {
  write_file(audit_log, numbered(1, 1), 0640);
  follow("--json");
  expect_shown(numbered_json(1, 1));
  int next = 2;
  for (int rotation = 0; rotation < 3; ++rotation) {
    fs::rename(audit_log, audit_log + ".1");
    // Until it is told to, a broker goes on with the file that it has.
    append(audit_log + ".1", numbered(next, 2));
    expect_shown(numbered_json(1, next + 1));
    write_file(audit_log, numbered(next + 2, 1), 0640);
    expect_shown(numbered_json(1, next + 2));
    // Its last words come when the next one has begun.
    append(audit_log + ".1", numbered(next + 3, 1));
    expect_shown(numbered_json(1, next + 3));
    append(audit_log, numbered(next + 4, 1));
    expect_shown(numbered_json(1, next + 4));
    next += 5;
  }
  EXPECT_EQ(end().ending, exited(0));
}

TEST_F(AuditFollow, begins_anew_where_the_log_was_emptied) {
  write_file(audit_log, numbered(1, 3) + "rest", 0640);
  follow("--json");
  expect_shown(numbered_json(1, 3));
  fs::resize_file(audit_log, 0);
  const std::string rest = R"({"installation":"gtm","odd_line":"rest","bytes":4,"has_ended":false})"
                           "\n";
  expect_shown(numbered_json(1, 3) + rest);
  append(audit_log, numbered(4, 1));
  expect_shown(numbered_json(1, 3) + rest + numbered_json(4, 1));
  const Outcome outcome = end();
  EXPECT_EQ(outcome.ending, exited(1));
  EXPECT_TRUE(outcome.errors.contains("lines that are not of the log's form: 1 (")) << outcome.errors;
}

TEST_F(AuditFollow, ends_when_the_log_becomes_another_ones) {
  follow("--json --since 2027-01-01");
  expect_shown("");
  write_file("/mnt/test/elsewhere", removed_line);
  fs::create_symlink("/mnt/test/elsewhere", audit_log + ".new");
  fs::rename(audit_log + ".new", audit_log);
  const Outcome outcome = follower_->wait();
  follower_.reset();
  EXPECT_EQ(outcome.ending, exited(4));
  EXPECT_TRUE(outcome.errors.contains("symbolic-link")) << outcome.errors;
}

TEST_F(AuditFollow, ends_when_nobody_reads_it_any_more) {
  const Outcome outcome = run_as(
      0, 0, {}, {"/bin/sh", "-c", "( /usr/bin/secshrctl audit --follow; echo $? >/mnt/test/status ) | head -n 1"},
      {"PATH=/usr/bin:/bin"});
  EXPECT_EQ(outcome.ending, exited(0));
  EXPECT_EQ(outcome.output, started_text);
  for (int attempt = 0; attempt < 1000 && !exists("/mnt/test/status"); ++attempt) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_EQ(read_file("/mnt/test/status"), "0\n");
}

TEST_F(AuditFollow, waits_without_work) {
  follow();
  expect_shown(started_text + removed_text + refused_set_text + refused_file_text + failed_wake_text + served_text +
               withheld_text);
  const auto waits = [&] { return std::stol(status_value("voluntary_ctxt_switches")); };
  const long before = waits();
  std::this_thread::sleep_for(std::chrono::seconds(2));
  EXPECT_LE(waits() - before, 30) << "five times a second";
  EXPECT_GE(waits() - before, 2) << "it looks at all";
  std::ifstream stat("/proc/" + std::to_string(follower_->pid()) + "/stat");
  std::string field;
  for (int number = 1; number <= 14; ++number) stat >> field;
  EXPECT_LT(std::stol(field), 100) << "ticks of the processor's";
  EXPECT_EQ(end().ending, exited(0));
}

// --- Logs that are big. ---

// So many megabytes of records, and a line that does not end for a megabyte. How many records.
std::uint64_t write_big_log(std::size_t megabytes) {
  std::ofstream file(audit_log);
  const auto behind_seq = removed_line.find(" pid=");
  const std::string end = removed_line.substr(behind_seq);
  std::uint64_t lines = 0;
  while (static_cast<std::size_t>(file.tellp()) < megabytes << 20) {
    file << "ts=2026-11-22T10:00:00.000001Z seq=" << ++lines << end;
  }
  file << std::string(1 << 20, 'x') << "\n";
  return lines;
}

TEST_F(AuditFollow, takes_no_more_memory_for_a_big_log) {
  std::vector<long> peaks;
  for (const std::size_t megabytes : {1U, 20U}) {
    (void)write_big_log(megabytes);
    append(audit_log, refused_file);
    follow("--since 2026-01-01 --rule sock.name --json");
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (!read_file(shown_file).ends_with("\"us\":80}\n") && std::chrono::steady_clock::now() < until) {
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    EXPECT_TRUE(read_file(shown_file).ends_with("\"us\":80}\n"));
    peaks.push_back(std::stol(status_value("VmHWM")));
    EXPECT_EQ(end().ending, exited(1));
  }
  EXPECT_LT(peaks[1] - peaks[0], 1500) << "kilobytes";
}

TEST_F(Audit, summarises_a_big_log) {
  const std::uint64_t lines = write_big_log(20);
  const auto summary = nlohmann::json::parse(shown({"--summary", "--json"}, 1))["installations"][0];
  EXPECT_EQ(summary["odd_lines"], 1);
  EXPECT_EQ(summary["repeated_lines"], 0);
  EXPECT_EQ(summary["requests"]["lines"], lines);
  EXPECT_GT(lines, 100000U);
}

}  // namespace
}  // namespace secshr::test
