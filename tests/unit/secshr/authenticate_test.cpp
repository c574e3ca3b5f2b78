// Who sent a datagram is the kernel's word or nothing; each refusal with the control that differs in just that.
#include "secshr/authenticate.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <string>

#include "tests/support/simulated_machine.h"

namespace secshr {
namespace {

constexpr pid_t pid = 3090;

class Authenticate : public testing::Test {
 protected:
  Authenticate() { machine.start(pid, {.uid = 2001, .gid = 3001}); }

  // What the kernel says of an ordinary datagram of that process.
  Received received() {
    Received result;
    result.size = 24;
    result.credentials = Credentials{pid, 2001, 3001};
    result.pidfd = machine.pidfd_of(pid);
    std::string("/t/gtm_secshr00000C12").copy(result.sender, sizeof result.sender - 1);
    return result;
  }
  std::expected<Peer, Denied> identify(Received from) { return secshr::identify(machine.kernel(), from, overflow); }

  void expect_refused(Received from, std::string_view rule, std::int32_t code) {
    const auto peer = identify(std::move(from));
    ASSERT_FALSE(peer);
    EXPECT_EQ(peer.error().rule, rule);
    EXPECT_EQ(peer.error().code, code);
  }

  SimulatedMachine machine;
  OverflowIds overflow{65534, 65533};
};

TEST_F(Authenticate, takes_the_kernels_word) {
  Received from = received();
  const int pidfd = from.pidfd.get();
  const auto peer = identify(std::move(from));
  ASSERT_TRUE(peer);
  EXPECT_EQ(peer->credentials.pid, pid);
  EXPECT_EQ(peer->credentials.uid, 2001U);
  EXPECT_EQ(peer->credentials.gid, 3001U);
  EXPECT_EQ(peer->pidfd.get(), pidfd);
}

TEST_F(Authenticate, refuses_a_datagram_without_credentials) {
  Received from = received();
  from.credentials.reset();
  expect_refused(std::move(from), "peer.namespace", EPERM);
}

TEST_F(Authenticate, refuses_truncated_control_data_though_credentials_came_through) {
  Received from = received();
  from.control_truncated = true;
  expect_refused(std::move(from), "peer.namespace", EPERM);
}

TEST_F(Authenticate, refuses_pids_of_senders_outside_our_pid_namespace) {
  for (const pid_t outside : {0, -1}) {
    Received from = received();
    from.credentials->pid = outside;
    expect_refused(std::move(from), "peer.namespace", EPERM);
  }
}

TEST_F(Authenticate, refuses_overflow_ids_and_only_those) {
  Received from = received();
  from.credentials->uid = 65534;
  expect_refused(std::move(from), "peer.namespace", EPERM);
  from = received();
  from.credentials->gid = 65533;
  expect_refused(std::move(from), "peer.namespace", EPERM);

  from = received();
  from.credentials->uid = 65533;
  from.credentials->gid = 65534;
  EXPECT_TRUE(identify(std::move(from)));
}

TEST_F(Authenticate, knows_the_overflow_ids_of_this_machine_not_the_usual_ones) {
  overflow = {1234, 5678};
  Received from = received();
  from.credentials->uid = 1234;
  expect_refused(std::move(from), "peer.namespace", EPERM);
  from = received();
  from.credentials->uid = 65534;
  EXPECT_TRUE(identify(std::move(from)));
}

TEST_F(Authenticate, takes_nobody_for_nobody_where_every_id_is_mapped) {
  overflow = {};
  Received from = received();
  from.credentials->uid = 65534;
  from.credentials->gid = 65533;
  EXPECT_TRUE(identify(std::move(from)));
}

TEST_F(Authenticate, refuses_a_sender_that_has_ended) {
  Received from = received();
  machine.processes.at(pid).alive = false;
  expect_refused(std::move(from), "-", ESRCH);
}

TEST_F(Authenticate, refuses_a_sender_whose_pid_is_by_now_another_processs) {
  Received from = received();
  machine.start(pid, {.uid = 2001, .gid = 3001});
  expect_refused(std::move(from), "-", ESRCH);
}

TEST_F(Authenticate, refuses_a_sender_without_a_pidfd) {
  Received from = received();
  from.pidfd.reset();
  expect_refused(std::move(from), "-", ESRCH);
}

class ReplyName : public Authenticate {
 protected:
  // The name a reply to this address would go to.
  std::string name(std::string_view sender, pid_t sender_pid = pid) {
    Received from = received();
    std::ranges::fill(from.sender, '\0');
    sender.copy(from.sender, sizeof from.sender - 1);
    const Peer peer{{sender_pid, 2001, 3001}, Descriptor()};
    const auto found = reply_name(protocol::profile(protocol::ProfileId::gtm), from, peer);
    return found ? std::string(found->view()) : "-";
  }
};

TEST_F(ReplyName, is_the_last_component_of_the_senders_address) {
  EXPECT_EQ(name("/t/gtm_secshr00000C12"), "gtm_secshr00000C12");
  EXPECT_EQ(name("/gtm_secshr00000C12"), "gtm_secshr00000C12");
  EXPECT_EQ(name("/elsewhere/./../x//gtm_secshr00000C12"), "gtm_secshr00000C12");
  EXPECT_EQ(name("/t/gtm_secshr00000C12a"), "gtm_secshr00000C12a");
  EXPECT_EQ(name("/t/gtm_secshr00000C12z"), "gtm_secshr00000C12z");
}

TEST_F(ReplyName, is_none_for_unbound_autobound_and_abstract_senders) {
  EXPECT_EQ(name(""), "-");
}

TEST_F(ReplyName, is_none_for_what_is_not_of_the_grammar) {
  for (const char* sender :
       {"/", "/t/", "/t/gtm_secshr00000C12/", "/t/gtm_secshr00000C12A", "/t/gtm_secshr00000C12aa",
        "/t/gtm_secshr00000c12", "/t/gtm_secshr0000C12", "/t/gtm_secshr000000C12", "/t/ydb_secshr00000C12",
        "/t/gtm_secshr2E9E59CB", "/t/gtm_secshr00000C12\n", "/t/.gtm_secshr00000C12", "/t/gtm_mutex00000C12",
        "/t/gtm_secshr 0000C12", "/t/gtm_secshr+0000C12", "/t/.."}) {
    EXPECT_EQ(name(sender), "-") << sender;
  }
}

TEST_F(ReplyName, is_none_where_the_name_is_another_processs) {
  EXPECT_EQ(name("/t/gtm_secshr00000C13"), "-");
  EXPECT_EQ(name("/t/gtm_secshr00000C12", pid + 1), "-");
  EXPECT_EQ(name("/t/gtm_secshr00000C13", pid + 1), "gtm_secshr00000C13");
}

TEST_F(ReplyName, survives_an_address_of_108_bytes_without_a_nul) {
  const std::string name_part = "/gtm_secshr00000C12";
  EXPECT_EQ(name(std::string(108 - name_part.size(), '/') + name_part), "gtm_secshr00000C12");
  EXPECT_EQ(name(std::string(108, 'x')), "-");
}

TEST(Contradiction, is_a_message_of_another_pid) {
  const Peer peer{{pid, 2001, 3001}, Descriptor()};
  for (const std::int32_t other : {0, -1, pid - 1, pid + 1, -pid, 1}) {
    const auto denied = contradiction(peer, {.pid = other});
    ASSERT_TRUE(denied) << other;
    EXPECT_STREQ(denied->rule, "peer.pid");
    EXPECT_EQ(denied->code, EPERM);
  }
  EXPECT_FALSE(contradiction(peer, {.pid = pid}));
}

}  // namespace
}  // namespace secshr
