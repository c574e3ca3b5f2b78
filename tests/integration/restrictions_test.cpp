// What the administrator keeps from everybody, or from everybody but some groups.
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "tests/integration/process_state.h"
#include "tests/integration/removal_fixture.h"
#include "tests/integration/socket_files.h"

namespace secshr::test {
namespace {

const Expected off = refused(EPERM, "cfg.off");

class BrokerRestrictions : public BrokerRemoval {
 protected:
  inline static const std::string program = distribution + "/mumps";

  void SetUp() override {
    BrokerRemoval::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    install_built("tests/sleeper", program, 0755);
  }
  void restrict(const std::string& lines) {
    end();
    configure({}, "[restrict]\n" + lines + "[log]\nroutine = 'lines'\n");
    begin();
  }
  static pid_t start_sleeper() {
    const pid_t pid = start_as(third_user, {program, {"mumps", "caught"}, {}, [] { (void)::setsid(); }}).pid();
    EXPECT_TRUE(eventually([pid] { return status_of(pid).at("State").starts_with('T'); }));
    return pid;
  }
  static std::string leftover() {
    std::string path = tmp + "/" + Client::name_of(4000000);
    write_dead_socket(path, u3, g3);
    return path;
  }
};

TEST_F(BrokerRestrictions, what_is_switched_off_is_served_to_nobody_and_all_else_is) {
  restrict("remove-segment = false\nwake = false\nremove-file = false\n");
  expect_kept<Segments>(*asker_, make_segment(*maker_), off);
  expect_removed<SemaphoreSets>(*asker_, make_set(*maker_));
  const std::string file = leftover();
  (void)expect_answer(*asker_, protocol::RemoveFile{file}, off);
  EXPECT_TRUE(exists(file));
  const pid_t pid = start_sleeper();
  (void)expect_answer(*asker_, protocol::Wake{pid}, off);
  (void)expect_answer(*asker_, protocol::ContinueProcess{pid}, served);
  (void)expect_answer(*asker_, protocol::Ping{}, served);
}

TEST_F(BrokerRestrictions, the_suffix_scheme_removes_nothing_where_removing_files_is_switched_off) {
  for (const bool on : {false, true}) {
    SCOPED_TRACE(on);
    restrict(on ? "" : "remove-file = false\n");
    Client client(first_user);
    const std::string plain = tmp + "/" + client.socket_name();
    write_dead_socket(plain, u3, g3);
    ASSERT_EQ(client.bind(plain + "a"), 0);
    EXPECT_EQ(answer(client, datagram(client, protocol::RemoveSegment{-1})), EINVAL);
    if (on) {
      EXPECT_TRUE(eventually([&] { return !exists(plain); }));
    } else {
      expect_serving();
      EXPECT_TRUE(exists(plain));
    }
  }
}

TEST_F(BrokerRestrictions, members_of_a_group_are_served_by_their_own_and_by_their_supplementary_groups) {
  restrict("remove-semaphore-set = [" + std::to_string(shared_group) + ", " + std::to_string(g3) + "]\n");
  expect_removed<SemaphoreSets>(*asker_, make_set(*maker_));     // supplementary
  expect_removed<SemaphoreSets>(*stranger_, make_set(*maker_));  // its own
  const auto outsider = connect({71990, 72990, {72991}});
  expect_kept<SemaphoreSets>(*outsider, make_set(*maker_), off);
  expect_removed<Segments>(*outsider, make_segment(*maker_));
}

TEST_F(BrokerRestrictions, each_request_is_for_members_alone_where_their_group_is_a_supplementary_one) {
  const std::string group = " = [" + std::to_string(shared_group) + "]\n";
  std::string lines;
  for (const char* const request :
       {"wake", "remove-semaphore-set", "remove-segment", "remove-file", "continue", "flush-header"}) {
    lines += request + group;
  }
  restrict(lines);
  const std::string database = data + "/mumps.dat";
  const std::string open = DatabaseImage{.ids = {7, 8, 9, 10}}.text();
  write_file(database, open, 0444, u3, g3);
  const protocol::Request flush = protocol::FlushHeader{protocol::closed_ids, database};
  const std::string file = leftover();
  const pid_t pid = start_sleeper();

  const auto outsider = connect({71990, 72990, {72991}});
  for (Client* const other : {stranger_.get(), outsider.get()}) {
    expect_kept<SemaphoreSets>(*other, make_set(*maker_), off);
    expect_kept<Segments>(*other, make_segment(*maker_), off);
    (void)expect_answer(*other, flush, off);
    (void)expect_answer(*other, protocol::RemoveFile{file}, off);
    (void)expect_answer(*other, protocol::ContinueProcess{pid}, off);
    (void)expect_answer(*other, protocol::Wake{pid}, off);
  }
  EXPECT_EQ(read_file(database), open);
  EXPECT_TRUE(exists(file));
  EXPECT_TRUE(status_of(pid).at("State").starts_with('T'));

  expect_removed<SemaphoreSets>(*asker_, make_set(*maker_));
  expect_removed<Segments>(*asker_, make_segment(*maker_));
  (void)expect_answer(*asker_, flush, served);
  EXPECT_EQ(read_file(database), DatabaseImage{}.text());
  (void)expect_answer(*asker_, protocol::RemoveFile{file}, served);
  EXPECT_FALSE(exists(file));
  (void)expect_answer(*asker_, protocol::ContinueProcess{pid}, served);
  (void)expect_answer(*asker_, protocol::Wake{pid}, served);
  EXPECT_TRUE(eventually([pid] { return !is_running(pid); }));
}

TEST_F(BrokerRestrictions, the_suffix_scheme_is_for_members_alone) {
  restrict("remove-file = [" + std::to_string(shared_group) + "]\n");
  for (const Identity& identity : {third_user, first_user}) {
    Client client(identity);
    const std::string plain = tmp + "/" + client.socket_name();
    write_dead_socket(plain, u2, g2);
    ASSERT_EQ(client.bind(plain + "a"), 0);
    EXPECT_EQ(answer(client, datagram(client, protocol::RemoveSegment{-1})), EINVAL);
    if (identity.uid == third_user.uid) {
      expect_serving();
      ::usleep(100'000);
      EXPECT_TRUE(exists(plain));
    } else {
      EXPECT_TRUE(eventually([&] { return !exists(plain); }));
    }
  }
}

TEST_F(BrokerRestrictions, where_the_target_is_looked_at_the_client_is_looked_at_before) {
  const std::string group = "[" + std::to_string(shared_group) + "]\n";
  restrict("continue = " + group + "wake = " + group);
  const pid_t pid = start_sleeper();
  for (const protocol::Request& request :
       {protocol::Request(protocol::ContinueProcess{pid}), protocol::Request(protocol::Wake{pid})}) {
    (void)expect_answer(*stranger_, request, off);
    EXPECT_TRUE(status_of(pid).at("State").starts_with('T'));
  }
  (void)expect_answer(*asker_, protocol::ContinueProcess{pid}, served);
  (void)expect_answer(*asker_, protocol::Wake{pid}, served);
  EXPECT_TRUE(eventually([pid] { return !is_running(pid); }));
  // What is asked about is still judged by itself.
  (void)expect_answer(*asker_, protocol::Wake{asker_->pid()}, refused(EPERM, "proc.install"));
}

// --- How often ---

TEST_F(BrokerRestrictions, who_asks_too_often_is_told_so_and_others_are_served) {
  restrict("requests_per_second_per_uid = 10\n");
  int served_requests = 0;
  int refused_requests = 0;
  for (int count = 0; count < 40; ++count) {
    const auto code = answer(*asker_, datagram(*asker_, protocol::Ping{}, static_cast<std::uint64_t>(count)));
    ++(code == 0 ? served_requests : refused_requests);
    EXPECT_TRUE(code == 0 || code == EBUSY);
  }
  EXPECT_GE(served_requests, 20);  // two seconds' worth
  EXPECT_GT(refused_requests, 0);
  (void)expect_answer(*stranger_, protocol::Ping{}, served);
}

TEST_F(BrokerRestrictions, who_is_refused_again_and_again_is_left_alone_for_a_while_and_then_served) {
  restrict("refusals_per_second_per_uid = 1\n");
  const int id = make_set(*maker_, 0600);
  int paused = 0;
  for (int count = 0; count < 20; ++count) {
    const auto code = answer(*asker_, datagram(*asker_, protocol::RemoveSemaphoreSet{id}));
    if (code == EBUSY) ++paused;
  }
  EXPECT_GT(paused, 0);
  EXPECT_LE(paused, 10);
  (void)expect_answer(*stranger_, protocol::Ping{}, served);
  EXPECT_TRUE(eventually([&] { return answer(*asker_, datagram(*asker_, protocol::Ping{})) == 0; }));
}

}  // namespace
}  // namespace secshr::test
