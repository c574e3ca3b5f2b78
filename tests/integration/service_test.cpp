// secshrctl with a broker that serves: start and stop, and all that status, metrics and the live view show of it.
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <regex>

#include "tests/integration/process_state.h"
#include "tests/integration/removal_fixture.h"

namespace secshr::test {
namespace {

Outcome secshrctl(const std::vector<std::string>& arguments) {
  std::vector<std::string> all{"secshrctl"};
  all.insert(all.end(), arguments.begin(), arguments.end());
  return run_as(Identity{0, 0, {}}, {"/usr/bin/secshrctl", all, {}, {}});
}

// What differs from run to run, in a form that does not.
std::string usual(std::string text) {
  const std::pair<const char*, const char*> varying[] = {
      {R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?Z)", "TIME"},
      {R"(process \d+)", "process PID"},
      {R"("pid": \d+)", "\"pid\": PID"},
      {R"(  pid \d+ *)", "  pid PID  "},
      {R"(object \d+)", "object ID"},
      {R"("obj": "\d+")", "\"obj\": \"ID\""},
      {R"(\d+ us)", "MICROSECONDS us"},
      {R"("us": \d+)", "\"us\": MICROSECONDS"},
      {R"(0x[0-9a-f]{8})", "0xKEY"},
      {R"(gtm_secshr[0-9A-F]{8})", "gtm_secshrKEY"},
      {R"([0-9a-f]{16})", "HASH"},
      {R"(start_time_seconds\{installation="test"\} \d+)", "start_time_seconds{installation=\"test\"} TIME"},
      {R"(secshr \d+\.\d+\.\d+)", "secshr VERSION"},
      {R"("version": "\d+\.\d+\.\d+")", "\"version\": \"VERSION\""},
  };
  for (const auto& [pattern, word] : varying) text = std::regex_replace(text, std::regex(pattern), word);
  return text;
}

std::string golden(const std::string& name) {
  const std::string copy = "/mnt/test/" + name;
  install_built("tests/golden/" + name, copy, 0644);
  return read_file(copy);
}

class Service : public BrokerRemoval {
 protected:
  void SetUp() override {
    BrokerRemoval::SetUp();
    // As adopt leaves it.
    if (!IsSkipped()) write_file(wrapper + ".secshr-original", "", 0755);
  }
  // Three requests of which one is refused, and a kernel of which we know nothing.
  void ask_for_something() {
    expect_removed<SemaphoreSets>(*asker_, make_set(*maker_));
    expect_kept<Segments>(*asker_, make_segment(*maker_, 0600), refused(EPERM, "shm.rw"));
    (void)expect_answer(*asker_, protocol::Ping{}, served);
    // The counters page follows.
    EXPECT_TRUE(eventually(
        [] { return secshrctl({"metrics"}).output.contains("datagrams_total{installation=\"test\"} 3\n"); }));
  }
};

TEST_F(Service, is_started_and_stopped) {
  EXPECT_EQ(secshrctl({"start"}).output, "test: process " + std::to_string(broker_) + " serves already\n");
  const Outcome stopped = secshrctl({"stop", "test"});
  EXPECT_EQ(stopped.ending, exited(0)) << stopped.errors;
  EXPECT_EQ(stopped.output, "test: ended\n");
  EXPECT_FALSE(lock_holder().has_value());
  EXPECT_EQ(secshrctl({"stop"}).ending, exited(3));
  const Outcome started = secshrctl({"start", "test"});
  EXPECT_EQ(started.ending, exited(0)) << started.errors;
  ASSERT_TRUE(lock_holder().has_value());
  EXPECT_EQ(started.output, "test: process " + std::to_string(*lock_holder()) + " serves\n");
  EXPECT_EQ(secshrctl({"start", "other"}).ending, exited(1));
  EXPECT_EQ(secshrctl({"stop", "other"}).ending, exited(1));
  for (const char* const command : {"start", "stop"}) {
    EXPECT_EQ(as_user(first_user, [&] { return ::execl("/usr/bin/secshrctl", "secshrctl", command, nullptr); }),
              exited(4));
  }
}

TEST_F(Service, that_cannot_be_started_says_why) {
  ASSERT_EQ(secshrctl({"stop"}).ending, exited(0));
  ASSERT_EQ(::chmod(wrapper.c_str(), 04777), 0);
  const Outcome started = secshrctl({"start"});
  EXPECT_EQ(started.ending, exited(4));
  EXPECT_NE(started.errors.find("failed with status 2: the installation's path"), std::string::npos)
      << started.errors;
  (void)system_log();
}

TEST_F(Service, shows_its_status) {
  ask_for_something();
  const Outcome shown = secshrctl({"status"});
  EXPECT_EQ(shown.ending, exited(0)) << shown.errors;
  EXPECT_EQ(usual(shown.output), golden("status.txt"));
  const Outcome json = secshrctl({"status", "--json"});
  EXPECT_EQ(usual(json.output), golden("status.json"));
}

TEST_F(Service, shows_its_metrics) {
  ask_for_something();
  const Outcome shown = secshrctl({"metrics"});
  EXPECT_EQ(shown.ending, exited(0)) << shown.errors;
  EXPECT_EQ(usual(shown.output), golden("metrics.txt"));
  ASSERT_EQ(secshrctl({"stop"}).ending, exited(0));
  const std::string without = secshrctl({"metrics"}).output;
  EXPECT_TRUE(without.contains("secshr_up{installation=\"test\"} 0\n")) << without;
  EXPECT_FALSE(without.contains("secshr_datagrams_total{")) << without;
}

// In a terminal, as a person would have it.
class LiveView : public Service {
 protected:
  void SetUp() override {
    if (::access("/usr/bin/tmux", X_OK) != 0) SECSHR_SKIP("no tmux");
    Service::SetUp();
    // Where it is missing a helper of tmux's complains to the system log.
    if (!IsSkipped()) write_file("/run/utmp", "");
  }
  void TearDown() override {
    if (!IsSkipped()) (void)tmux({"kill-server"});
    Service::TearDown();
  }
  static Outcome tmux(const std::vector<std::string>& arguments) {
    std::vector<std::string> all{"tmux", "-S", "/mnt/test/tmux", "-f", "/dev/null"};
    all.insert(all.end(), arguments.begin(), arguments.end());
    return run_as(Identity{0, 0, {}}, {"/usr/bin/tmux", all, {"TERM=screen", "LANG=C.UTF-8"}, {}});
  }
  static std::string screen() { return tmux({"capture-pane", "-p", "-t", "0"}).output; }
};

TEST_F(LiveView, follows_what_happens_and_leaves_the_terminal_as_it_was) {
  ASSERT_EQ(tmux({"new-session", "-d", "-x", "130", "-y", "50", "/bin/sh"}).ending, exited(0));
  ASSERT_EQ(tmux({"send-keys", "-t", "0",
                  "PS1='before> '; /usr/bin/secshrctl status --watch --interval 1; echo ended=$?", "Enter"})
                .ending,
            exited(0));
  ASSERT_TRUE(eventually([] { return screen().contains("datagrams 0, done 0"); })) << screen();
  EXPECT_TRUE(screen().starts_with("secshr ")) << screen();
  EXPECT_TRUE(screen().contains("q ends")) << screen();
  ask_for_something();
  EXPECT_TRUE(eventually([] { return screen().contains("datagrams 3, done 2, refused 1"); })) << screen();
  ASSERT_EQ(secshrctl({"stop"}).ending, exited(0));
  EXPECT_TRUE(eventually([] { return screen().contains("broker             not running"); })) << screen();
  EXPECT_FALSE(screen().contains("datagrams")) << "something of what was shown before is left: " << screen();
  ASSERT_EQ(tmux({"send-keys", "-t", "0", "q"}).ending, exited(0));
  ASSERT_TRUE(eventually([] { return screen().contains("ended=0"); })) << screen();
  EXPECT_FALSE(screen().contains("q ends")) << screen();
  ASSERT_EQ(tmux({"send-keys", "-t", "0", "echo typed", "Enter"}).ending, exited(0));
  EXPECT_TRUE(eventually([] { return screen().contains("before> echo typed"); }))
      << "the terminal shows what is typed";
}

TEST_F(LiveView, begins_at_the_top_of_a_small_terminal_and_is_coloured) {
  ASSERT_EQ(tmux({"new-session", "-d", "-x", "40", "-y", "10", "/bin/sh"}).ending, exited(0));
  ASSERT_EQ(tmux({"send-keys", "-t", "0", "/usr/bin/secshrctl status --watch --interval 1", "Enter"}).ending,
            exited(0));
  ASSERT_TRUE(eventually([] { return screen().contains("q ends"); })) << screen();
  EXPECT_TRUE(screen().starts_with("secshr ")) << screen();
  EXPECT_TRUE(screen().contains(" more lines; q ends")) << screen();
  ASSERT_EQ(tmux({"resize-window", "-t", "0", "-x", "130", "-y", "50"}).ending, exited(0));
  EXPECT_TRUE(eventually([] { return screen().contains("log lines lost"); })) << screen();
  EXPECT_FALSE(screen().contains("more lines")) << screen();
  EXPECT_TRUE(tmux({"capture-pane", "-p", "-e", "-t", "0"}).output.contains("\033[32mintact")) << screen();
}

TEST_F(LiveView, is_for_a_terminal) {
  const Outcome shown = secshrctl({"status", "--watch"});
  EXPECT_EQ(shown.ending, exited(2));
  EXPECT_EQ(shown.output, "");
  EXPECT_NE(shown.errors.find("--watch is for a terminal"), std::string::npos) << shown.errors;
}

}  // namespace
}  // namespace secshr::test
