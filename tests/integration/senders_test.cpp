// Who asks is who the kernel says it is: senders in other namespaces, senders that state ids themselves, and such
// that have become somebody else since they asked.
#include <sched.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "tests/integration/namespaces.h"
#include "tests/integration/targets_fixture.h"

namespace secshr::test {
namespace {

constexpr auto forged = "peer.namespace";

Bytes with_pid(Bytes bytes, pid_t pid) {
  for (unsigned byte = 0; byte < 4; ++byte)
    bytes.at(12 + byte) = static_cast<std::byte>(static_cast<unsigned>(pid) >> (8 * byte));
  return bytes;
}

class BrokerSenders : public BrokerTargets {
 protected:
  // Sends every target's request, and expects that each is dropped for this reason.
  void expect_all_dropped(Client& client, pid_t claimed) {
    const std::size_t before = records().size();
    for (const Target& target : targets_) {
      ASSERT_EQ(client.send(server_in(), with_pid(datagram(client, target.request), claimed)), 0);
    }
    ASSERT_TRUE(eventually([&] { return records().size() == before + targets_.size(); }));
    const auto after = records();
    for (std::size_t index = before; index < after.size(); ++index) {
      EXPECT_EQ(after[index].at("verdict"), "dropped");
      EXPECT_EQ(after[index].at("rule"), forged);
    }
    EXPECT_FALSE(client.receive(std::chrono::milliseconds(0)).has_value());
    expect_unchanged();
  }
};

// --- Namespaces ---

// A broker in a pid namespace of its own is told pid 0 of whoever is outside of it.
class BrokerInsidePidNamespace : public BrokerSenders {
 protected:
  void begin() override {
    inside_ = std::make_unique<Namespaces>(CLONE_NEWPID | CLONE_NEWNS);
    EXPECT_EQ(inside_->run(first_user, start_command()), exited(0));
  }
  void TearDown() override {
    inside_.reset();
    BrokerSenders::TearDown();
  }
  std::unique_ptr<Namespaces> inside_;
};

TEST_F(BrokerInsidePidNamespace, drops_all_that_a_sender_outside_of_it_asks_whatever_pid_it_claims) {
  arrange();
  const auto inside = inside_->client(first_user);
  const pid_t inner = innermost_pid(inside->pid());
  ASSERT_NE(inner, inside->pid());
  ASSERT_EQ(inside->bind(tmp + "/" + Client::name_of(inner)), 0);
  for (const Identity& identity : {first_user, second_user, Identity{0, 0, {}}}) {
    SCOPED_TRACE(identity.uid);
    // Under its own number, and as the process that has the number inside.
    const auto outside = connect(identity);
    expect_all_dropped(*outside, outside->pid());
    Client impostor(identity);
    ASSERT_EQ(impostor.bind(tmp + "/" + Client::name_of(inner, "a")), 0);
    expect_all_dropped(impostor, inner);
    expect_all_dropped(impostor, 0);
    ASSERT_EQ(::unlink((tmp + "/" + Client::name_of(inner, "a")).c_str()), 0);
  }
  EXPECT_FALSE(inside->receive(std::chrono::milliseconds(0)).has_value());
  // What needs no process that the broker cannot see is done for a sender inside.
  for (const Target& target : targets_) {
    if (target.decided_by == DecidedBy::target) continue;
    SCOPED_TRACE(target.what);
    EXPECT_EQ(answer(*inside, with_pid(datagram(*inside, target.request), inner)), 0);
    EXPECT_TRUE(target.changed());
  }
}

TEST_F(BrokerSenders, a_sender_in_a_pid_namespace_of_its_own_is_known_by_its_number_outside_only) {
  const Namespaces inside(CLONE_NEWPID);
  const auto client = inside.client(first_user);
  const pid_t inner = innermost_pid(client->pid());
  ASSERT_NE(inner, client->pid());
  arrange();
  // As it sees itself, there is another process of that number, or none.
  ASSERT_EQ(client->bind(tmp + "/" + Client::name_of(inner)), 0);
  (void)expect_dropped(*client, with_pid(datagram(*client, targets_[0].request), inner), "sock.name");
  const auto by_inner = inside.client(first_user);
  ASSERT_EQ(by_inner->bind(tmp + "/" + by_inner->socket_name()), 0);
  (void)expect_answer(*by_inner, with_pid(datagram(*by_inner, targets_[0].request), innermost_pid(by_inner->pid())),
                      refused(EPERM, "peer.pid"));
  expect_unchanged();
  (void)expect_answer(*by_inner, targets_[0].request, served);
}

// A broker in a user namespace is told the overflow id of whoever has no id in it.
class BrokerInsideUserNamespace : public BrokerSenders {
 protected:
  static constexpr unsigned mapped_ids = 74000;
  void begin() override {
    inside_ = std::make_unique<Namespaces>(CLONE_NEWUSER, mapped_ids);
    EXPECT_EQ(inside_->run(first_user, start_command()), exited(0));
  }
  void TearDown() override {
    inside_.reset();
    BrokerSenders::TearDown();
  }
  std::unique_ptr<Namespaces> inside_;
};

TEST_F(BrokerInsideUserNamespace, drops_all_that_a_sender_asks_whose_uid_or_gid_it_does_not_have) {
  arrange();
  const Identity strangers[] = {{mapped_ids, g1, {}},
                                {u1, mapped_ids, {}},
                                {90001, 90001, {}},
                                // The overflow ids themselves: it may be anybody.
                                {65534, g1, {}},
                                {u1, 65534, {}}};
  for (const Identity& identity : strangers) {
    SCOPED_TRACE(testing::Message() << identity.uid << ":" << identity.gid);
    const auto stranger = connect(identity);
    expect_all_dropped(*stranger, stranger->pid());
  }
  // Inside are those that have one: the last, an ordinary one.
  std::size_t index = 0;
  for (const Identity& identity : {Identity{mapped_ids - 1, mapped_ids - 1, {}}, first_user}) {
    Client inside([&] {
      inside_->enter();
      become(identity);
    });
    ASSERT_EQ(inside.bind(tmp + "/" + inside.socket_name()), 0);
    const Target& target = targets_.at(index++);
    EXPECT_EQ(answer(inside, datagram(inside, target.request)), 0);
    EXPECT_TRUE(target.changed());
  }
}

TEST_F(BrokerSenders, where_every_id_is_mapped_nobody_is_a_user_like_any_other) {
  arrange();
  const auto nobody = connect({65534, 65534, {}});
  (void)expect_answer(*nobody, targets_[0].request, served);
}

TEST_F(BrokerSenders, a_client_in_another_ipc_namespace_is_refused_all_that_its_own_rights_decide) {
  arrange();
  for (const Identity& identity : {first_user, second_user}) {
    Client foreign([&] {
      if (::unshare(CLONE_NEWIPC) != 0) ::_exit(126);
      become(identity);
    });
    ASSERT_EQ(foreign.bind(tmp + "/" + foreign.socket_name()), 0);
    for (const Target& target : targets_) {
      SCOPED_TRACE(target.what);
      if (target.decided_by == DecidedBy::target) continue;
      (void)expect_answer(foreign, target.request, refused(EPERM, forged));
    }
    expect_unchanged();
    // Whom anybody may have continued, it may, too.
    if (identity.uid == first_user.uid) continue;
    for (const Target& target : targets_) {
      if (target.decided_by == DecidedBy::target) (void)expect_answer(foreign, target.request, served);
    }
  }
  arrange();
  expect_each_can_be_changed();
}

// --- What a sender says of itself ---

// Sends with credentials that the sender states itself, in place of the kernel's own; 0 or an errno.
int send_as(Client& client, const std::string& server, const Bytes& bytes, const ucred& stated) {
  std::array<std::byte, 256> copy{};
  EXPECT_LE(bytes.size(), copy.size());
  std::memcpy(copy.data(), bytes.data(), bytes.size());
  return client.run([socket = client.socket(), server = Text(server), copy, size = bytes.size(), stated] {
    const sockaddr_un address = address_of(server.text);
    iovec data{const_cast<std::byte*>(copy.data()), size};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof stated)> control{};
    msghdr message{};
    message.msg_name = const_cast<sockaddr_un*>(&address);
    message.msg_namelen = sizeof address;
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    cmsghdr* const header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_CREDENTIALS;
    header->cmsg_len = CMSG_LEN(sizeof stated);
    std::memcpy(CMSG_DATA(header), &stated, sizeof stated);
    return ::sendmsg(socket, &message, MSG_NOSIGNAL) >= 0 ? 0 : errno;
  });
}

TEST_F(BrokerSenders, credentials_of_another_that_a_user_states_are_not_even_sent) {
  arrange();
  const auto client = connect(first_user);
  const auto other = connect(second_user);
  const std::size_t before = records().size();
  for (const Target& target : targets_) {
    const Bytes bytes = datagram(*client, target.request);
    for (const ucred& stated : {ucred{other->pid(), u1, g1}, ucred{1, 0, 0}, ucred{client->pid(), 0, g1},
                                ucred{client->pid(), u2, g1}, ucred{client->pid(), u1, 0}, ucred{0, u1, g1}}) {
      EXPECT_NE(send_as(*client, server_in(), bytes, stated), 0)
          << stated.pid << " " << stated.uid << " " << stated.gid;
    }
  }
  EXPECT_EQ(records().size(), before);
  expect_unchanged();
  // Its own are as good as those that the kernel adds.
  ASSERT_EQ(send_as(*client, server_in(), datagram(*client, targets_[0].request), {client->pid(), u1, g1}), 0);
  EXPECT_TRUE(client->receive().has_value());
  EXPECT_TRUE(targets_[0].changed());
  expect_sender(records().back(), *client, first_user);
}

// A program that runs setuid may state either of its ids.
TEST_F(BrokerSenders, a_client_whose_ids_differ_is_refused_whichever_of_them_it_states) {
  arrange();
  for (const uid_t stated : {u1, u2}) {
    SCOPED_TRACE(stated);
    Client client([] { become_mixed({u1, u2, u2, g1, g1, g1}); });
    const std::string path = tmp + "/" + client.socket_name();
    ASSERT_EQ(client.bind(path), 0);
    ASSERT_EQ(::chown(path.c_str(), stated, g1), 0);
    for (const Target& target : targets_) {
      SCOPED_TRACE(target.what);
      if (target.decided_by == DecidedBy::target) continue;
      const std::size_t before = records().size();
      ASSERT_EQ(send_as(client, server_in(), datagram(client, target.request), {client.pid(), stated, g1}), 0);
      EXPECT_TRUE(client.receive().has_value());
      ASSERT_EQ(records().size(), before + 1);
      EXPECT_EQ(records().back().at("rule"), "peer.mixed");
      EXPECT_EQ(records().back().at("uid"), std::to_string(stated));
    }
    expect_unchanged();
  }
  expect_each_can_be_changed();
}

// --- What a sender has become since ---

// Documented: no right of the client's own is needed for these two, so that the ids which came with the datagram are
// enough for the record.
TEST_F(BrokerSenders, to_wake_and_to_continue_is_decided_without_a_look_at_a_client_whose_ids_differ) {
  arrange();
  Client client([] { become_mixed({u1, u2, u2, g1, g1, g1}); });
  const std::string path = tmp + "/" + client.socket_name();
  ASSERT_EQ(client.bind(path), 0);
  ASSERT_EQ(::chown(path.c_str(), u1, g1), 0);
  for (const Target& target : targets_) {
    if (target.decided_by == DecidedBy::client) continue;
    SCOPED_TRACE(target.what);
    const auto record = expect_answer(client, target.request, served);
    EXPECT_EQ(record.at("uid"), std::to_string(u1));
    EXPECT_TRUE(eventually([&] { return target.changed(); }));
  }
}

TEST_F(BrokerSenders, a_client_that_has_executed_a_setuid_program_since_it_asked_is_refused_what_its_rights_decide) {
  write_file("/mnt/test/wait", read_file("/bin/sleep"), 0755);
  write_file("/mnt/test/wait-as-other", read_file("/bin/sleep"), 04755, u2, g2);
  write_file("/mnt/test/wait-as-root", read_file("/bin/sleep"), 04755);
  for (const std::string& file : {std::string("/mnt/test/wait"), std::string("/mnt/test/wait-as-other"),
                                  std::string("/mnt/test/wait-as-root")}) {
    SCOPED_TRACE(file);
    const bool is_setuid = file != "/mnt/test/wait";
    arrange();
    const std::size_t before = records().size();
    std::vector<std::unique_ptr<Client>> clients;
    stop({broker_});
    for (std::size_t index = 0; index < targets_.size(); ++index) {
      clients.push_back(connect(index % 2 == 0 ? first_user : third_user));
      Client& client = *clients.back();
      ASSERT_EQ(client.send(server_in(), datagram(client, targets_[index].request)), 0);
      client.start([path = Text(file)] {
        char name[] = "wait";
        char seconds[] = "60";
        char* arguments[] = {name, seconds, nullptr};
        char* environment[] = {nullptr};
        return ::execve(path.text, arguments, environment);
      });
      ASSERT_TRUE(eventually([&] { return status_of(client.pid()).at("Name").starts_with("wait"); }));
    }
    resume({broker_});
    for (std::size_t index = 0; index < targets_.size(); ++index) {
      SCOPED_TRACE(targets_[index].what);
      EXPECT_TRUE(clients[index]->receive().has_value());
      const bool wanted = !is_setuid || targets_[index].decided_by == DecidedBy::target;
      if (wanted) {
        EXPECT_TRUE(eventually([&] { return targets_[index].changed(); }));
      } else {
        EXPECT_FALSE(targets_[index].changed());
      }
    }
    const auto after = records();
    ASSERT_EQ(after.size(), before + targets_.size());
    std::size_t mixed = 0;
    for (std::size_t index = before; index < after.size(); ++index) {
      if (after[index].at("rule") == "peer.mixed") ++mixed;
    }
    EXPECT_EQ(mixed, is_setuid ? targets_.size() - 2 : 0);
  }
}

TEST_F(BrokerSenders, what_clients_asked_that_died_while_the_broker_was_stopped_for_seconds_is_dropped) {
  arrange();
  const auto living = connect(third_user);
  const auto maker = connect(second_user);
  const int semid = make_set(*maker);
  const std::size_t before = records().size();
  stop({broker_});
  std::vector<pid_t> dead;
  for (std::size_t index = 0; index < targets_.size(); ++index) {
    const auto doomed = connect(index % 2 == 0 ? first_user : third_user);
    ASSERT_EQ(doomed->send(server_in(), datagram(*doomed, targets_[index].request)), 0);
    dead.push_back(doomed->pid());
  }
  ASSERT_EQ(living->send(server_in(), datagram(*living, protocol::RemoveSemaphoreSet{semid})), 0);
  ::usleep(2'000'000);
  resume({broker_});
  // Last in the queue.
  EXPECT_TRUE(living->receive().has_value());
  EXPECT_FALSE(set_exists(semid));
  const auto after = records();
  ASSERT_EQ(after.size(), before + dead.size() + 1);
  for (std::size_t index = 0; index < dead.size(); ++index) {
    EXPECT_EQ(after[before + index].at("verdict"), "dropped");
    EXPECT_EQ(after[before + index].at("errno"), "ESRCH");
    EXPECT_EQ(after[before + index].at("pid"), std::to_string(dead[index]));
  }
  EXPECT_EQ(after.back().at("verdict"), "done");
  expect_unchanged();
  expect_each_can_be_changed();
}

}  // namespace
}  // namespace secshr::test
