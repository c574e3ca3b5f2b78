// Datagrams as nobody should send them: whatever comes, nothing changes, one record is made, and the broker goes on.
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>

#include "tests/integration/flush_fixture.h"
#include "tests/integration/process_state.h"

namespace secshr::test {
namespace {

namespace fs = std::filesystem;

class BrokerDatagrams : public BrokerFlush {
 protected:
  Bytes open_request(std::uint64_t sequence = 1) {
    return datagram(*reader_, FlushHeader{ids_of(make_set(*reader_)), database}, sequence);
  }
  static Bytes cut(Bytes bytes, std::size_t size) {
    bytes.resize(size);
    return bytes;
  }
  static Bytes with(Bytes bytes, std::size_t offset, std::uint32_t value) {
    for (unsigned byte = 0; byte < 4; ++byte) bytes.at(offset + byte) = static_cast<std::byte>(value >> (8 * byte));
    return bytes;
  }
};

// --- Lengths ---

TEST_F(BrokerDatagrams, drops_what_is_shorter_than_a_header) {
  const Bytes whole = open_request();
  for (const std::size_t size : {0U, 1U, 3U, 4U, 9U, 23U}) {
    SCOPED_TRACE(size);
    const auto record = expect_dropped(*reader_, cut(whole, size), "-");
    EXPECT_EQ(record.at("req"), "-");
    EXPECT_EQ(record.at("errno"), "EINVAL");
    expect_sender(record, *reader_, first_user);
  }
}

TEST_F(BrokerDatagrams, refuses_every_length_but_the_right_one_of_each_request) {
  const FileState before = state_of(database);
  const protocol::Request requests[] = {protocol::Wake{1}, protocol::RemoveSemaphoreSet{1},
                                        protocol::RemoveSegment{1}, protocol::ContinueProcess{1},
                                        FlushHeader{ids_of(make_set(*reader_)), database}};
  for (const auto& request : requests) {
    const Bytes whole = datagram(*reader_, request);
    for (const std::size_t size : {std::size_t{24}, whole.size() - 1, whole.size() + 1, whole.size() + 4,
                                   std::size_t{4160}, std::size_t{4161}, std::size_t{8192}, std::size_t{150000}}) {
      if (size == whole.size()) continue;
      SCOPED_TRACE(size);
      (void)expect_answer(*reader_, cut(whole, size), malformed);
    }
  }
  (void)expect_answer(*reader_, cut(datagram(*reader_, protocol::Ping{}), 25), malformed);
  (void)expect_answer(*reader_, cut(datagram(*reader_, protocol::RemoveFile{"/tmp/x"}), 24), malformed);
  EXPECT_EQ(state_of(database), before);
  (void)expect_answer(*reader_, requests[4], served);
}

TEST_F(BrokerDatagrams, nothing_of_an_earlier_datagram_shows_in_a_shorter_one) {
  const Bytes whole = open_request();
  const FileState before = state_of(database);
  // All of the name is in the buffer from the last time, and is claimed again.
  (void)expect_answer(*reader_, whole, served);
  write_file(database, before.contents, 0444, u3, g3);
  for (const std::size_t size : {std::size_t{60}, std::size_t{61}, whole.size() - 1}) {
    (void)expect_answer(*reader_, cut(whole, size), malformed);
    EXPECT_EQ(state_of(database), before);
  }
}

TEST_F(BrokerDatagrams, refuses_a_name_length_that_is_not_the_names) {
  const Bytes whole = open_request();
  const auto length = static_cast<std::uint32_t>(database.size());
  for (const std::uint32_t wrong : {0U, 1U, length - 1, length + 1, length + 2, 4099U, 4100U, 0x7fffffffU,
                                    0x80000000U, 0xfffffff0U, 0xffffffffU}) {
    SCOPED_TRACE(wrong);
    (void)expect_answer(*reader_, with(whole, 56, wrong), malformed);
  }
  Bytes not_ended = whole;
  not_ended.back() = std::byte{'x'};
  (void)expect_answer(*reader_, not_ended, malformed);
}

TEST_F(BrokerDatagrams, refuses_ids_that_are_neither_an_opening_nor_a_closing) {
  const IpcIds good = ids_of(make_set(*reader_), make_segment(*reader_));
  const FileState before = state_of(database);
  const IpcIds cases[] = {{-1, -1, 1, 0},
                          {-1, -1, 0, 1},
                          {-1, good.shmid, 0, good.shm_ctime},
                          {-1, good.shmid, good.sem_ctime, good.shm_ctime},
                          {good.semid, -1, 0, 0},
                          {good.semid, -1, good.sem_ctime, 1},
                          {good.semid, good.shmid, good.sem_ctime, 0},
                          {good.semid, good.shmid, 0, good.shm_ctime},
                          {good.semid, -2, good.sem_ctime, 0},
                          {-2, -2, 0, 0},
                          {INT32_MIN, INT32_MIN, good.sem_ctime, good.shm_ctime}};
  for (const IpcIds& ids : cases) {
    (void)expect_answer(*reader_, FlushHeader{ids, database}, malformed);
    EXPECT_EQ(state_of(database), before);
  }
  (void)expect_answer(*reader_, FlushHeader{good, database}, served);
}

// --- Headers ---

TEST_F(BrokerDatagrams, answers_an_unknown_code_with_8000) {
  for (const std::int32_t code :
       {0, -1, 7, 8, 0xff, 0x101, 0x106, 0x8000, 0x8001, 0x0600, 0x06000000, INT32_MAX, INT32_MIN}) {
    SCOPED_TRACE(code);
    const auto record = expect_answer(*reader_, header(code, release_key, reader_->pid()), {0x8000, "refused", "-"});
    EXPECT_EQ(record.at("req"), "unknown");
  }
}

TEST_F(BrokerDatagrams, answers_a_key_of_another_release_with_8001_and_echoes_it) {
  const Bytes good = open_request();
  const FileState before = state_of(database);
  for (const std::uint32_t key : {0U, 1U, 0xd834e1cfU, release_key ^ 1, ~release_key}) {
    (void)expect_answer(*reader_, with(good, 4, key), {0x8001, "refused", "-"});
    // It learns just that, whatever else is wrong.
    (void)expect_answer(*reader_, header(0x7777, key, reader_->pid()), {0x8001, "refused", "-"});
  }
  EXPECT_EQ(state_of(database), before);
}

TEST_F(BrokerDatagrams, refuses_a_message_that_names_another_pid_than_the_senders) {
  const FileState before = state_of(database);
  for (const pid_t pid : {other_->pid(), 0, 1, -1, -reader_->pid(), INT32_MAX}) {
    const Bytes forged = with(open_request(), 12, static_cast<std::uint32_t>(pid));
    (void)expect_answer(*reader_, forged, refused(EPERM, "peer.pid"));
  }
  EXPECT_EQ(state_of(database), before);
  (void)expect_answer(*reader_, open_request(), served);
}

TEST_F(BrokerDatagrams, one_byte_changed_anywhere_changes_no_other_file_and_gets_one_answer) {
  const IpcIds ids = ids_of(make_set(*reader_));
  const Bytes good = datagram(*reader_, FlushHeader{ids, database});
  const std::string before = read_file(database);
  const std::size_t records_before = records().size();
  std::size_t sent = 0;
  for (std::size_t offset = 0; offset < good.size(); ++offset) {
    for (const unsigned flip : {0x01U, 0x80U}) {
      Bytes changed = good;
      changed[offset] ^= static_cast<std::byte>(flip);
      ASSERT_EQ(reader_->send(server_in(), changed), 0);
      ASSERT_TRUE(reader_->receive().has_value()) << offset;
      ++sent;
      // What is not looked at: the flag, the sequence number, o_direct and the padding.
      const bool ignored =
          (offset >= 8 && offset < 12) || (offset >= 16 && offset < 28) || (offset >= 36 && offset < 40);
      const std::string now = read_file(database);
      EXPECT_EQ(now, ignored ? with_ids(before, ids) : before) << offset;
      if (now != before) write_file(database, before, 0444, u3, g3);
    }
  }
  EXPECT_EQ(records().size(), records_before + sent);
}

// --- Senders ---

TEST_F(BrokerDatagrams, drops_what_an_unbound_an_autobound_and_an_abstract_sender_asks) {
  Client unbound(first_user);
  (void)expect_dropped(unbound, datagram(unbound, protocol::Ping{}), "sock.name");

  Client autobound(first_user);
  ASSERT_EQ(autobound.run([socket = autobound.socket()] {
    const sockaddr_un address{AF_UNIX, {}};
    return ::bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof(sa_family_t)) == 0 ? 0 : errno;
  }),
            0);
  (void)expect_dropped(autobound, datagram(autobound, protocol::Ping{}), "sock.name");

  Client abstract(first_user);
  const std::string name = abstract.socket_name();
  ASSERT_EQ(abstract.run([socket = abstract.socket(), name = Text(name), size = name.size()] {
    sockaddr_un address{AF_UNIX, {}};
    std::memcpy(address.sun_path + 1, name.text, size);
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + size);
    return ::bind(socket, reinterpret_cast<const sockaddr*>(&address), length) == 0 ? 0 : errno;
  }),
            0);
  (void)expect_dropped(abstract, datagram(abstract, protocol::Ping{}), "sock.name");
}

TEST_F(BrokerDatagrams, drops_what_a_sender_asks_whose_name_is_not_of_the_grammar) {
  const auto names = [](pid_t pid) {
    const std::string right = Client::name_of(pid);
    std::string lower = right;
    for (char& c : lower) c = static_cast<char>(std::tolower(c));
    std::vector<std::string> wrong{"x",
                                   right + "A",
                                   right + "aa",
                                   right + "1",
                                   right + "\n",
                                   right + " ",
                                   "x" + right,
                                   "gtm_secshr" + right.substr(11),
                                   "gtm_secshr0" + right.substr(10),
                                   "GTM_SECSHR" + right.substr(10),
                                   "ydb_secshr" + right.substr(10),
                                   "gtm_secshr",
                                   "gtm_mutex" + right.substr(10),
                                   "gtm_secshr00000000",
                                   "gtm_secshrFFFFFFFF"};
    if (lower != right) wrong.push_back(lower);
    return wrong;
  };
  const std::size_t count = names(1).size();
  for (std::size_t index = 0; index < count; ++index) {
    Client client(first_user);
    const std::string path = tmp + "/" + names(client.pid())[index];
    SCOPED_TRACE(path);
    ASSERT_EQ(client.bind(path), 0);
    (void)expect_dropped(client, datagram(client, protocol::Ping{}), "sock.name");
    EXPECT_TRUE(exists(path));
  }
  for (const char* const suffix : {"", "a", "m", "z"}) {
    Client client(first_user);
    ASSERT_EQ(client.bind(tmp + "/" + Client::name_of(client.pid(), suffix)), 0);
    EXPECT_EQ(answer(client, datagram(client, protocol::Ping{})), 0) << suffix;
  }
}

TEST_F(BrokerDatagrams, drops_what_comes_from_a_socket_that_is_named_after_another_process) {
  const std::string name = tmp + "/" + Client::name_of(other_->pid(), "q");
  Client impostor(first_user);
  ASSERT_EQ(impostor.bind(name), 0);
  (void)expect_dropped(impostor, datagram(impostor, protocol::Ping{}), "sock.name");
  // Nor does it help to say so in the message.
  Bytes forged = with(datagram(impostor, protocol::Ping{}), 12, static_cast<std::uint32_t>(other_->pid()));
  (void)expect_dropped(impostor, forged, "sock.name");
  EXPECT_FALSE(other_->receive(std::chrono::milliseconds(0)).has_value());
}

TEST_F(BrokerDatagrams, answers_only_in_the_directory_it_serves_whatever_directory_the_sender_names) {
  make_directory("/mnt/test/elsewhere", 01777);
  Client client(first_user);
  ASSERT_EQ(client.bind("/mnt/test/elsewhere/" + client.socket_name()), 0);
  ASSERT_EQ(client.send(server_in(), datagram(client, protocol::Ping{})), 0);
  EXPECT_FALSE(client.receive(silence).has_value());
  EXPECT_TRUE(exists("/mnt/test/elsewhere/" + client.socket_name()));
  // By another name of the served directory it is answered: clients bind the literal $gtm_tmp.
  fs::create_symlink(tmp, "/mnt/test/alias");
  Client other(first_user);
  ASSERT_EQ(other.bind("/mnt/test/alias/" + other.socket_name()), 0);
  EXPECT_EQ(answer(other, datagram(other, protocol::Ping{})), 0);
}

TEST_F(BrokerDatagrams, drops_what_a_sender_asks_that_is_bound_to_a_relative_name) {
  Client client(first_user);
  ASSERT_EQ(client.run([directory = Text(tmp)] { return ::chdir(directory.text); }), 0);
  ASSERT_EQ(client.bind(client.socket_name()), 0);
  (void)expect_dropped(client, datagram(client, protocol::Ping{}), "sock.name");
}

TEST_F(BrokerDatagrams, a_name_that_fills_the_address_to_its_last_byte_is_read_to_its_end_and_no_further) {
  for (const std::size_t size : {107U, 108U}) {
    Client client(first_user);
    std::string path = tmp;
    while (path.size() + 1 + 18 < size) path += path.size() + 1 + 18 + 2 <= size ? "/." : "/";
    path += "/" + client.socket_name();
    ASSERT_EQ(path.size(), size);
    ASSERT_EQ(client.bind(path, offsetof(sockaddr_un, sun_path) + size), 0);
    EXPECT_EQ(answer(client, datagram(client, protocol::Ping{})), 0) << size;
  }
}

TEST_F(BrokerDatagrams, knows_the_real_user_whatever_the_socket_file_says) {
  // A socket of the reader's own, given to somebody else: the answer may go to nobody.
  Client client(first_user);
  const std::string path = tmp + "/" + client.socket_name();
  ASSERT_EQ(client.bind(path), 0);
  ASSERT_EQ(::chown(path.c_str(), u2, g2), 0);
  ASSERT_EQ(::chmod(path.c_str(), 0777), 0);
  const std::size_t before = records().size();
  ASSERT_EQ(client.send(server_in(), datagram(client, protocol::Ping{})), 0);
  EXPECT_FALSE(client.receive(silence).has_value());
  ASSERT_EQ(records().size(), before + 1);
  expect_sender(records().back(), client, first_user);
  expect_serving();
}

TEST_F(BrokerDatagrams, drops_what_a_sender_asked_that_has_died_since) {
  const FileState before = state_of(database);
  const std::size_t records_before = records().size();
  const IpcIds ids = ids_of(make_set(*reader_));
  stop({broker_});
  const auto doomed = connect(first_user);
  const pid_t pid = doomed->pid();
  ASSERT_EQ(doomed->send(server_in(), datagram(*doomed, FlushHeader{ids, database})), 0);
  ASSERT_EQ(::kill(pid, SIGKILL), 0);
  ASSERT_TRUE(eventually([&] { return !is_running(pid); }));
  resume({broker_});
  expect_serving();
  const auto after = records();
  ASSERT_EQ(after.size(), records_before + 2);
  EXPECT_EQ(after[records_before].at("verdict"), "dropped");
  EXPECT_EQ(after[records_before].at("errno"), "ESRCH");
  EXPECT_EQ(state_of(database), before);
}

// --- What comes with a datagram ---

TEST_F(BrokerDatagrams, descriptors_that_come_with_datagrams_stay_nowhere) {
  const auto count = [&] { return descriptors_of(broker_).size(); };
  expect_serving();
  ::usleep(50'000);
  const std::size_t before = count();
  const Bytes ping = datagram(*reader_, protocol::Ping{});
  int accepted = 0;
  for (int round = 0; round < 3000; ++round) {
    const int descriptors = round % 3 == 0 ? 1 : round % 3 == 1 ? 2 : 253;
    const int error = reader_->send_with_descriptors(server_in(), ping, descriptors);
    // A kernel with SO_PASSRIGHTS does not even let it be sent.
    ASSERT_TRUE(error == 0 || error == EPERM) << error;
    if (error == 0) ++accepted;
    while (reader_->receive(std::chrono::milliseconds(0)).has_value()) continue;
  }
  expect_serving();
  EXPECT_TRUE(eventually([&] { return count() == before; })) << count();
  if (accepted == 0) {
    EXPECT_EQ(reader_->send_with_descriptors(server_in(), ping, 0), 0);
    EXPECT_TRUE(reader_->receive().has_value()) << "the same datagram without descriptors is welcome";
  }
}

// What a kernel with SO_PASSRIGHTS does not even let be sent, others deliver: cut, so that the datagram counts for
// nothing.
TEST_F(BrokerDatagrams, ten_thousand_datagrams_with_253_fifos_and_sockets_and_its_own_socket_attached_are_nothing) {
#ifndef SO_PASSRIGHTS
  constexpr int SO_PASSRIGHTS = 83;
#endif
  int passes = 0;
  socklen_t size = sizeof passes;
  const bool kernel_refuses = ::getsockopt(reader_->socket(), SOL_SOCKET, SO_PASSRIGHTS, &passes, &size) == 0;
  expect_serving();
  const auto count = [&] { return descriptors_of(broker_).size(); };
  ::usleep(50'000);
  const std::size_t descriptors_before = count();
  const std::size_t records_before = records().size();
  const std::string fifo = data + "/fifo";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0666), 0);
  ASSERT_EQ(::chmod(fifo.c_str(), 0666), 0);

  constexpr int times = 10'000;
  const auto send = [server = Text(server_in()), path = Text(fifo), pid = reader_->pid(), socket = reader_->socket(),
                     kernel_refuses](int attached) {
    const sockaddr_un address = address_of(server.text);
    const int connected = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (::connect(connected, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return -1;
    const int kinds[] = {::open(path.text, O_RDWR | O_NONBLOCK | O_CLOEXEC), connected,
                         ::open(server.text, O_PATH | O_CLOEXEC), socket};
    unsigned char ping[24] = {0, 1, 0, 0, 0xab, 0x36, 0x45, 0xb5};
    std::memcpy(ping + 12, &pid, 4);
    iovec bytes{ping, sizeof ping};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(253 * sizeof(int))> control{};
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
      std::memcpy(CMSG_DATA(header) + static_cast<std::size_t>(index) * sizeof(int), &kinds[index % 4], sizeof(int));
    }
    int wrong = 0;
    for (int time = 0; time < times; ++time) {
      const int error = ::sendmsg(socket, &message, MSG_NOSIGNAL) >= 0 ? 0 : errno;
      // The kernel's own limit of descriptors that are under way may be met.
      if (kernel_refuses ? error != EPERM : error != 0 && error != ETOOMANYREFS) wrong = error == 0 ? -2 : error;
    }
    for (const int kind : {kinds[0], kinds[1], kinds[2]}) (void)::close(kind);
    return wrong;
  };
  ASSERT_EQ(reader_->run([send] { return send(253); }), 0);
  if (kernel_refuses) {
    ASSERT_EQ(reader_->run([send] { return send(1); }), 0);
  }
  // The same without descriptors, from the same sender and from others.
  EXPECT_EQ(answer(*reader_, datagram(*reader_, protocol::Ping{}, 2)), 0);
  expect_serving();
  const auto after = records();
  for (std::size_t index = records_before; index + 2 < after.size(); ++index) {
    ASSERT_EQ(after[index].at("rule"), "peer.namespace");
    ASSERT_EQ(after[index].at("verdict"), "dropped");
  }
  if (kernel_refuses) {
    EXPECT_EQ(after.size(), records_before + 2);
  }
  EXPECT_TRUE(eventually([&] { return count() == descriptors_before; })) << count();
  EXPECT_TRUE(is_running(broker_));
}

TEST_F(BrokerDatagrams, thousands_of_requests_of_every_kind_leave_no_descriptor_and_no_process_behind) {
  const auto state = [&] {
    std::vector<std::size_t> counts;
    for (const pid_t pid : wait_for_processes().all()) counts.push_back(descriptors_of(pid).size());
    return counts;
  };
  const IpcIds ids = ids_of(make_set(*reader_), make_segment(*reader_));
  const std::string leftover = tmp + "/gtm_mutex00000001";
  // A client under a suffixed name has 26 others looked at after each answer.
  Client suffixed(first_user);
  ASSERT_EQ(suffixed.bind(tmp + "/" + Client::name_of(suffixed.pid(), "a")), 0);
  write_file(tmp + "/" + suffixed.socket_name(), "no socket\n", 0644, u2, g2);
  const auto ask_all = [&](std::uint64_t round) {
    const int semid = make_set(*other_);
    const int shmid = make_segment(*other_);
    for (const protocol::Request& request :
         {protocol::Request(FlushHeader{ids, database}), protocol::Request(FlushHeader{closed_ids, database}),
          protocol::Request(FlushHeader{closed_ids, "/etc/passwd"}),
          protocol::Request(FlushHeader{closed_ids, "/nothing"}), protocol::Request(protocol::RemoveSegment{shmid}),
          protocol::Request(protocol::RemoveSegment{shmid}), protocol::Request(protocol::RemoveSemaphoreSet{semid}),
          protocol::Request(protocol::RemoveSemaphoreSet{semid}), protocol::Request(protocol::RemoveFile{leftover}),
          protocol::Request(protocol::ContinueProcess{reader_->pid()}),
          protocol::Request(protocol::ContinueProcess{INT32_MAX}), protocol::Request(protocol::Wake{other_->pid()}),
          protocol::Request(protocol::Wake{-1}), protocol::Request(protocol::Ping{})}) {
      ASSERT_TRUE(answer(*reader_, datagram(*reader_, request, round)).has_value());
    }
    EXPECT_FALSE(set_exists(semid));
    EXPECT_FALSE(segment_exists(shmid));
    ASSERT_EQ(answer(suffixed, datagram(suffixed, protocol::Ping{}, round)), 0);
  };
  ask_all(1);
  // The answer is sent before everything is closed.
  ::usleep(50'000);
  const auto before = state();
  for (std::uint64_t round = 2; round < 200; ++round) ask_all(round);
  EXPECT_TRUE(eventually([&] { return state() == before; })) << testing::PrintToString(state());
}

}  // namespace
}  // namespace secshr::test
