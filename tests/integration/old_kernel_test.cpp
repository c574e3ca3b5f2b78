// Kernels before Linux 6.5, which pass no pidfd of the sender along, and before 6.16, which deliver the descriptors
// that somebody attaches to a datagram: a broker that is started under a filter has such a kernel. It serves what it
// serves elsewhere, and it takes nobody for the sender who came after the datagram.
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "counters/read_counters.h"
#include "tests/integration/targets_fixture.h"

// Newer than glibc 2.36.
#ifndef SO_PASSPIDFD
#define SO_PASSPIDFD 76
#endif
#ifndef SO_PASSRIGHTS
#define SO_PASSRIGHTS 83
#endif

namespace secshr::test {
namespace {

const Identity root_user{0, 0, {}};

// From here on the kernel knows neither option. For whoever is root, or has no new privileges.
void forget_socket_options(int first, int second) {
  sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_setsockopt, 0, 4),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args[2])),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<unsigned>(first), 1, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<unsigned>(second), 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOPROTOOPT),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  sock_fprog program{std::size(code), code};
  if (::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) != 0) ::_exit(126);
}

// The filters of one kernel each: the second forgets the same option twice.
void before_6_5() {
  forget_socket_options(SO_PASSPIDFD, SO_PASSRIGHTS);
}
void before_6_16() {
  forget_socket_options(SO_PASSRIGHTS, SO_PASSRIGHTS);
}

// A kernel without Landlock, one that has it switched off, and a container's filter that knows no call so new.
template <int error>
void without_landlock_by() {
  sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_landlock_create_ruleset, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  sock_fprog program{std::size(code), code};
  if (::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) != 0) ::_exit(126);
}

// Longer than a clock tick, which is as exactly as the kernel says when a process started.
void let_a_tick_pass() {
  ::usleep(30'000);
}

class BrokerOldKernel : public BrokerTargets {
 protected:
  void begin() override { broker_ = serve_under(before_6_5); }
  static pid_t serve_under(void (*filter)()) {
    Command command = start_command();
    command.before_exec = filter;
    EXPECT_EQ(run_as(root_user, command).ending, ending_of(StartStatus::serving));
    const auto holder = lock_holder();
    EXPECT_TRUE(holder.has_value());
    return holder.value_or(-1);
  }
  void end_broker() const {
    ASSERT_EQ(::kill(broker_, SIGTERM), 0);
    ASSERT_TRUE(eventually([] { return find_broker_processes().all().empty(); }));
  }
  // What the log says of how it is degraded, since the test began.
  static std::vector<std::string> degradations() {
    // The lines of a start are there when that of somebody who asked afterwards is.
    const std::size_t before = records().size();
    expect_serving();
    EXPECT_TRUE(eventually([&] { return records().size() > before; }));
    std::vector<std::string> details;
    for (const LogRecord& event : events()) {
      if (event.at("event") == "degraded") details.push_back(event.at("detail"));
    }
    return details;
  }

  // Another process of that number, bound to its socket's name. It begins with nothing of the first one's but that.
  static std::unique_ptr<Client> reborn(pid_t pid, const Identity& identity) {
    const Descriptor file(::open("/proc/sys/kernel/ns_last_pid", O_WRONLY | O_CLOEXEC));
    const std::string text = std::to_string(pid - 1);
    EXPECT_EQ(::write(file.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
    auto client = std::make_unique<Client>(identity);
    EXPECT_EQ(client->pid(), pid) << "the number went to somebody else";
    const std::string path = tmp + "/" + client->socket_name();
    (void)::unlink(path.c_str());
    EXPECT_EQ(client->bind(path), 0);
    return client;
  }
  // While the broker is stopped, one sends and dies, and another gets its pid; then the broker goes on, and makes one
  // record.
  LogRecord ask_and_be_replaced(const Identity& sender, const protocol::Request& request, const Identity& successor) {
    const std::size_t before = records().size();
    stop({broker_});
    auto client = connect(sender);
    const pid_t pid = client->pid();
    EXPECT_EQ(client->send(server_in(), datagram(*client, request)), 0);
    client.reset();
    let_a_tick_pass();
    const auto other = reborn(pid, successor);
    resume({broker_});
    EXPECT_TRUE(eventually([&] { return records().size() == before + 1; }));
    const auto after = records();
    if (after.size() != before + 1) return {};
    EXPECT_EQ(after.back().at("pid"), std::to_string(pid));
    return after.back();
  }
};

// --- What it says of itself ---

TEST_F(BrokerOldKernel, is_said_at_the_start) {
  EXPECT_EQ(degradations(), std::vector<std::string>{"no SCM_PIDFD"});
  // A start without the filter says it where the kernel really is such.
  end_broker();
  const Descriptor socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const int on = 1;
  const bool has_it = ::setsockopt(socket.get(), SOL_SOCKET, SO_PASSPIDFD, &on, sizeof on) == 0;
  broker_ = serve();
  EXPECT_EQ(degradations().size(), has_it ? 1U : 2U);
  end_broker();
  broker_ = serve_under(before_6_16);
  EXPECT_EQ(degradations().size(), has_it ? 1U : 3U);
}

TEST_F(BrokerOldKernel, without_landlock_says_so_and_serves) {
  const std::pair<void (*)(), std::string> kernels[] = {
      {without_landlock_by<ENOSYS>, "no Landlock: version: Function not implemented"},
      {without_landlock_by<EOPNOTSUPP>, "no Landlock: version: Operation not supported"},
      {without_landlock_by<EPERM>, "no Landlock: version: Operation not permitted"},
  };
  std::size_t before = degradations().size();
  for (const auto& [filter, wanted] : kernels) {
    end_broker();
    broker_ = serve_under(filter);
    const auto said = degradations();
    EXPECT_TRUE(std::ranges::find(said.begin() + static_cast<std::ptrdiff_t>(before), said.end(), wanted) !=
                said.end());
    before = said.size();
    const auto counters = read_counters("/run/secshr/test/counters");
    ASSERT_TRUE(counters.has_value());
    EXPECT_EQ(counters->degraded & without_landlock, without_landlock);
  }
  arrange();
  expect_each_can_be_changed();
  // The control: this kernel has it.
  end_broker();
  broker_ = serve_under([] {});
  EXPECT_EQ(read_counters("/run/secshr/test/counters")->degraded & without_landlock, 0U);
}

// --- What it serves ---

TEST_F(BrokerOldKernel, serves_every_kind_of_request) {
  arrange();
  expect_each_can_be_changed();
}

// Whoever has just begun is not taken for one that came later, though its start is told in ticks and the time of
// sending by another clock.
TEST_F(BrokerOldKernel, serves_clients_that_have_only_just_started) {
  const auto maker = connect(second_user);
  for (int round = 0; round < 100; ++round) {
    const int shmid = make_segment(*maker);
    const auto client = connect(first_user);
    (void)expect_answer(*client, protocol::RemoveSegment{shmid}, served);
    EXPECT_FALSE(segment_exists(shmid));
  }
}

TEST_F(BrokerOldKernel, serves_what_waited_in_the_queue) {
  arrange();
  std::vector<std::unique_ptr<Client>> clients;
  stop({broker_});
  for (const Target& target : targets_) {
    clients.push_back(connect(first_user));
    ASSERT_EQ(clients.back()->send(server_in(), datagram(*clients.back(), target.request)), 0);
  }
  ::usleep(500'000);
  resume({broker_});
  for (const auto& client : clients) EXPECT_TRUE(client->receive().has_value());
  for (const Target& target : targets_) EXPECT_TRUE(eventually([&] { return target.changed(); })) << target.what;
}

// --- What it refuses ---

TEST_F(BrokerOldKernel, refuses_what_the_clients_own_rights_do_not_reach) {
  const auto asker = connect(first_user);
  const auto maker = connect(second_user);
  const int semid = make_set(*maker, 0600);
  const int shmid = make_segment(*maker, 0600);
  const std::string unreadable = data + "/private.dat";
  const std::string image = DatabaseImage{}.text();
  write_file(unreadable, image, 0400, u2, g2);
  (void)expect_answer(*asker, protocol::RemoveSemaphoreSet{semid}, refused(EPERM, "sem.alter"));
  (void)expect_answer(*asker, protocol::RemoveSegment{shmid}, refused(EPERM, "shm.rw"));
  (void)expect_answer(*asker, protocol::FlushHeader{protocol::closed_ids, unreadable}, refused(EPERM, "hdr.read"));
  (void)expect_answer(*asker, protocol::ContinueProcess{maker->pid()}, refused(EPERM, "proc.install"));
  EXPECT_TRUE(set_exists(semid));
  EXPECT_TRUE(segment_exists(shmid));
  EXPECT_EQ(read_file(unreadable), image);
  // Their owner may.
  (void)expect_answer(*maker, protocol::RemoveSemaphoreSet{semid}, served);
  (void)expect_answer(*maker, protocol::RemoveSegment{shmid}, served);
  (void)expect_answer(*maker, protocol::FlushHeader{protocol::closed_ids, unreadable}, served);
}

TEST_F(BrokerOldKernel, refuses_senders_that_cannot_be_established) {
  arrange();
  const auto client = connect(first_user);
  const auto other = connect(second_user);
  const protocol::Request& request = targets_[0].request;
  (void)expect_answer(*client, header(2, release_key, client->pid()), malformed);
  // A pid that is another's, a socket that is nobody's, a process that is two users.
  Bytes forged = datagram(*client, request);
  const pid_t another = other->pid();
  std::memcpy(forged.data() + 12, &another, sizeof another);
  ASSERT_EQ(client->send(server_in(), forged), 0);
  EXPECT_TRUE(client->receive().has_value());
  EXPECT_EQ(records().back().at("rule"), "peer.pid");
  Client unbound(first_user);
  (void)expect_dropped(unbound, datagram(unbound, request), "sock.name");
  Client mixed([] { become_mixed({u1, u2, u2, g1, g1, g1}); });
  const std::string path = tmp + "/" + mixed.socket_name();
  ASSERT_EQ(mixed.bind(path), 0);
  ASSERT_EQ(::chown(path.c_str(), u1, g1), 0);
  (void)expect_answer(mixed, request, refused(EPERM, "peer.mixed"));
  expect_unchanged();
  (void)expect_answer(*client, request, served);
}

TEST_F(BrokerOldKernel, drops_what_a_sender_asked_that_has_died_since) {
  arrange();
  const std::size_t before = records().size();
  stop({broker_});
  for (const Target& target : targets_) {
    const auto doomed = connect(first_user);
    ASSERT_EQ(doomed->send(server_in(), datagram(*doomed, target.request)), 0);
  }
  resume({broker_});
  ASSERT_TRUE(eventually([&] { return records().size() == before + targets_.size(); }));
  const auto after = records();
  for (std::size_t index = before; index < after.size(); ++index) {
    EXPECT_EQ(after[index].at("verdict"), "dropped");
    EXPECT_EQ(after[index].at("errno"), "ESRCH");
  }
  expect_unchanged();
  expect_each_can_be_changed();
}

// --- The sender's pid is another process's by now ---

TEST_F(BrokerOldKernel, a_process_that_got_the_pid_of_the_sender_lends_it_no_group) {
  const Identity poor{u1, g1, {}};
  const auto maker = connect(second_user);
  const int shmid = make_segment(*maker, 0600);
  give_segment(shmid, u2, shared_group, 0660);
  const auto living = connect(poor);
  (void)expect_answer(*living, protocol::RemoveSegment{shmid}, refused(EPERM, "shm.rw"));
  const auto record = ask_and_be_replaced(poor, protocol::RemoveSegment{shmid}, first_user);
  EXPECT_EQ(record.at("errno"), "ESRCH");
  EXPECT_TRUE(segment_exists(shmid));
  // With the group, and asking by itself, it may.
  const auto rich = connect(first_user);
  (void)expect_answer(*rich, protocol::RemoveSegment{shmid}, served);
}

TEST_F(BrokerOldKernel, nothing_that_the_clients_rights_decide_is_done_for_a_process_that_got_the_pid_of_the_sender) {
  arrange();
  for (const Target& target : targets_) {
    if (target.decided_by == DecidedBy::target) continue;
    for (const Identity& successor : {first_user, second_user, root_user}) {
      SCOPED_TRACE(testing::Message() << target.what << ", then uid " << successor.uid);
      const auto record = ask_and_be_replaced(first_user, target.request, successor);
      ASSERT_FALSE(record.empty());
      EXPECT_NE(record.at("verdict"), "done");
      EXPECT_EQ(record.at("uid"), std::to_string(u1));
      if (successor.uid == u1) {
        EXPECT_EQ(record.at("errno"), "ESRCH");
      }
    }
  }
  expect_unchanged();
  expect_each_can_be_changed();
}

// Documented: nothing of the client's own is needed for these two, and the ids on the record are the sender's.
TEST_F(BrokerOldKernel, to_wake_and_to_continue_is_decided_by_the_target_whoever_has_the_pid_of_the_sender) {
  arrange();
  for (const Target& target : targets_) {
    if (target.decided_by == DecidedBy::client) continue;
    SCOPED_TRACE(target.what);
    const auto record = ask_and_be_replaced(first_user, target.request, first_user);
    ASSERT_FALSE(record.empty());
    EXPECT_EQ(record.at("verdict"), "done");
    EXPECT_EQ(record.at("uid"), std::to_string(u1));
    EXPECT_TRUE(eventually([&] { return target.changed(); }));
  }
}

// --- Descriptors that come with datagrams ---

class BrokerDelivers : public BrokerOldKernel, public testing::WithParamInterface<void (*)()> {
 protected:
  static constexpr int own_socket = 200;  // the broker's, in the sender
  static constexpr int most = 253;        // what the kernel takes in one datagram

  void begin() override { broker_ = serve_under(GetParam()); }

  // A user that has got hold of the broker's own server socket.
  static std::unique_ptr<Client> thief(pid_t broker) {
    auto client = std::make_unique<Client>([broker] {
      const int process = static_cast<int>(::syscall(SYS_pidfd_open, broker, 0));
      bool found = false;
      for (int number = 0; number < own_socket && !found; ++number) {
        const int copy = static_cast<int>(::syscall(SYS_pidfd_getfd, process, number, 0));
        sockaddr_un address{};
        socklen_t size = sizeof address;
        const bool is_it = ::getsockname(copy, reinterpret_cast<sockaddr*>(&address), &size) == 0 &&
                           address.sun_family == AF_UNIX && std::strstr(address.sun_path, ".secshr-") != nullptr;
        found = is_it && ::dup2(copy, own_socket) == own_socket;
        (void)::close(copy);
      }
      (void)::close(process);
      if (!found) ::_exit(126);
      become(first_user);
    });
    EXPECT_EQ(client->bind(tmp + "/" + client->socket_name()), 0);
    return client;
  }

  // Sends the same ping that often, with that many descriptors: of FIFOs and of sockets, the broker's own among them.
  // Where the kernel's limit of a user's descriptors under way is met, it waits. 0 or an errno.
  static int send_attached(Client& client, const std::string& fifo, int attached, int times) {
    return client.run([server = Text(server_in()), path = Text(fifo), socket = client.socket(), pid = client.pid(),
                       attached, times] {
      const sockaddr_un address = address_of(server.text);
      const int kinds[] = {::open(path.text, O_RDWR | O_NONBLOCK | O_CLOEXEC), own_socket,
                           ::open(server.text, O_PATH | O_CLOEXEC), socket};
      unsigned char ping[24] = {0, 1, 0, 0, 0xab, 0x36, 0x45, 0xb5};
      std::memcpy(ping + 12, &pid, 4);
      iovec bytes{ping, sizeof ping};
      alignas(cmsghdr) std::array<char, CMSG_SPACE(most * sizeof(int))> control{};
      msghdr message{};
      message.msg_name = const_cast<sockaddr_un*>(&address);
      message.msg_namelen = sizeof address;
      message.msg_iov = &bytes;
      message.msg_iovlen = 1;
      message.msg_control = control.data();
      message.msg_controllen = CMSG_SPACE(static_cast<std::size_t>(attached) * sizeof(int));
      cmsghdr* const header = CMSG_FIRSTHDR(&message);
      header->cmsg_level = SOL_SOCKET;
      header->cmsg_type = SCM_RIGHTS;
      header->cmsg_len = CMSG_LEN(static_cast<std::size_t>(attached) * sizeof(int));
      for (int index = 0; index < attached; ++index) {
        std::memcpy(CMSG_DATA(header) + static_cast<std::size_t>(index) * sizeof(int), &kinds[index % 4],
                    sizeof(int));
      }
      int error = 0;
      for (int time = 0; time < times && error == 0; ++time) {
        while ((error = ::sendmsg(socket, &message, MSG_NOSIGNAL) >= 0 ? 0 : errno) == ETOOMANYREFS) ::usleep(1000);
      }
      (void)::close(kinds[0]);
      (void)::close(kinds[2]);
      return error;
    });
  }
  static std::string make_fifo() {
    const std::string fifo = data + "/fifo";
    EXPECT_EQ(::mkfifo(fifo.c_str(), 0666), 0);
    EXPECT_EQ(::chmod(fifo.c_str(), 0666), 0);
    return fifo;
  }
};

TEST_P(BrokerDelivers, descriptors_in_their_thousands_and_keeps_none) {
  const auto client = thief(broker_);
  const std::string fifo = make_fifo();
  expect_serving();
  // Numbers alone: what they stand for may be gone before it is asked.
  const auto count = [path = "/proc/" + std::to_string(broker_) + "/fd"] {
    return std::distance(std::filesystem::directory_iterator(path), std::filesystem::directory_iterator());
  };
  ::usleep(100'000);  // what served that is closed after the answer
  const auto before = count();
  for (const int attached : {1, 2, 3, 4, 5, 8, 100, most}) {
    SCOPED_TRACE(attached);
    ASSERT_EQ(send_attached(*client, fifo, attached, attached == most ? 3000 : 100), 0) << "not even sent";
    while (client->receive(std::chrono::milliseconds(0)).has_value()) continue;
    expect_serving();
    ASSERT_TRUE(eventually([&] { return count() <= before; })) << count() << " descriptors, not " << before;
  }
  EXPECT_TRUE(is_running(broker_));
  arrange();
  expect_each_can_be_changed();
}

// One has room beside what the kernel says of the sender; where more were cut, that may be cut, too.
TEST_P(BrokerDelivers, a_datagram_whose_descriptors_were_cut_counts_for_nothing) {
  const auto client = thief(broker_);
  const std::string fifo = make_fifo();
  for (const int attached : {8, 100, most}) {
    SCOPED_TRACE(attached);
    const std::size_t before = records().size();
    ASSERT_EQ(send_attached(*client, fifo, attached, 1), 0);
    expect_serving();
    const auto after = records();
    ASSERT_EQ(after.size(), before + 2);
    EXPECT_EQ(after[before].at("verdict"), "dropped");
    EXPECT_EQ(after[before].at("rule"), "peer.namespace");
    EXPECT_FALSE(client->receive(std::chrono::milliseconds(0)).has_value());
  }
  ASSERT_EQ(send_attached(*client, fifo, 1, 1), 0);
  EXPECT_TRUE(client->receive().has_value());
  EXPECT_EQ(records().back().at("verdict"), "done");
}

std::string kernel_name(const testing::TestParamInfo<void (*)()>& kernel) {
  return kernel.index == 0 ? "before_6_5" : "before_6_16";
}
INSTANTIATE_TEST_SUITE_P(OldKernels, BrokerDelivers, testing::Values(before_6_5, before_6_16), kernel_name);

}  // namespace
}  // namespace secshr::test
