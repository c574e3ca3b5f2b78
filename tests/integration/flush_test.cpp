// Flushing ids into a database header: what is written, for whom, and whose ids.
#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "secshr/audit/logfmt.h"
#include "tests/integration/flush_fixture.h"
#include "tests/integration/process_state.h"

namespace secshr::test {
namespace {

// --- Open and close ---

TEST_F(BrokerFlush, opens_and_closes_a_read_only_database_for_a_reader_and_changes_just_the_24_bytes_of_the_ids) {
  for (const std::string& label : {label_v6, label_v7}) {
    SCOPED_TRACE(label);
    put({.label = label, .size = 8192 + 511});
    const FileState original = state_of(database);
    const IpcIds ids = ids_of(make_set(*reader_), make_segment(*reader_));
    auto record = expect_answer(*reader_, FlushHeader{ids, database}, served);
    expect_ids(original, ids);
    EXPECT_EQ(record.at("req"), "flush-header-open");
    EXPECT_EQ(record.at("obj"), database);
    EXPECT_EQ(record.at("owner"), std::to_string(u3));
    EXPECT_EQ(record.at("mode"), "0444");
    expect_sender(record, *reader_, first_user);

    record = expect_answer(*reader_, FlushHeader{closed_ids, database}, served);
    EXPECT_EQ(record.at("req"), "flush-header-close");
    EXPECT_EQ(state_of(database), original);
  }
}

TEST_F(BrokerFlush, one_audit_record_has_exactly_the_pinned_keys_in_their_order) {
  const IpcIds ids = ids_of(make_set(*reader_), make_segment(*reader_));
  (void)expect_answer(*reader_, FlushHeader{ids, database}, served);
  const std::string log = read_file(log_file);
  const std::string line = log.substr(log.rfind('\n', log.size() - 2) + 1);
  const auto fields = parse_log_line(std::string_view(line).substr(0, line.size() - 1));
  ASSERT_TRUE(fields.has_value()) << line;
  std::vector<std::string> keys;
  for (const auto& [key, value] : *fields) keys.push_back(key);
  const std::vector<std::string> pinned{"ts",  "seq",   "pid",  "uid",     "gid",  "comm",  "req",
                                        "obj", "owner", "mode", "verdict", "rule", "errno", "us"};
  EXPECT_EQ(keys, pinned) << line;
}

TEST_F(BrokerFlush, opens_for_stand_alone_access_with_a_set_and_no_segment) {
  expect_done(*reader_, ids_of(make_set(*reader_)));
}

TEST_F(BrokerFlush, opens_for_the_owner_of_the_file_and_for_a_reader_who_may_write_it) {
  const auto owner = connect(third_user);
  expect_done(*owner, ids_of(make_set(*owner), make_segment(*owner)));
  put({}, 0666);
  (void)expect_answer(*reader_, FlushHeader{ids_of(make_set(*reader_)), database}, served);
}

TEST_F(BrokerFlush, a_second_open_with_the_ids_that_are_there_already_is_served_for_any_reader) {
  const IpcIds ids = ids_of(make_set(*reader_), make_segment(*reader_));
  (void)expect_answer(*reader_, FlushHeader{ids, database}, served);
  const FileState before = state_of(database);
  (void)expect_answer(*other_, FlushHeader{ids, database}, served);
  EXPECT_EQ(state_of(database), before);
}

TEST_F(BrokerFlush, a_retry_takes_the_next_sequence_number_and_gets_its_own_answer) {
  const FlushHeader request{ids_of(make_set(*reader_), make_segment(*reader_)), database};
  (void)expect_answer(*reader_, datagram(*reader_, request, 1), served);
  (void)expect_answer(*reader_, datagram(*reader_, request, 2), served);
  (void)expect_answer(*reader_, datagram(*reader_, request, 0xffffffffffffffff), served);
}

TEST_F(BrokerFlush, two_readers_of_two_databases_at_once_are_both_served) {
  const std::string second = data + "/second.dat";
  write_file(second, DatabaseImage{}.text(), 0444, u3, g3);
  for (std::uint64_t round = 1; round <= 50; ++round) {
    const IpcIds first_ids = ids_of(make_set(*reader_), make_segment(*reader_));
    const IpcIds second_ids = ids_of(make_set(*other_), make_segment(*other_));
    ASSERT_EQ(reader_->send(server_in(), datagram(*reader_, FlushHeader{first_ids, database}, round)), 0);
    ASSERT_EQ(other_->send(server_in(), datagram(*other_, FlushHeader{second_ids, second}, round)), 0);
    ASSERT_TRUE(reader_->receive().has_value());
    ASSERT_TRUE(other_->receive().has_value());
    EXPECT_EQ(read_file(database), DatabaseImage{.ids = first_ids}.text());
    EXPECT_EQ(read_file(second), DatabaseImage{.ids = second_ids}.text());
    for (const IpcIds& ids : {first_ids, second_ids}) {
      remove_set(ids.semid);
      remove_segment(ids.shmid);
    }
  }
}

TEST_F(BrokerFlush, two_readers_who_open_one_database_at_once_with_different_ids_get_one_winner) {
  for (int round = 0; round < 50; ++round) {
    put({});
    const IpcIds ids[] = {ids_of(make_set(*reader_), make_segment(*reader_)),
                          ids_of(make_set(*other_), make_segment(*other_))};
    ASSERT_EQ(reader_->send(server_in(), datagram(*reader_, FlushHeader{ids[0], database})), 0);
    ASSERT_EQ(other_->send(server_in(), datagram(*other_, FlushHeader{ids[1], database})), 0);
    int winner = -1;
    for (const int index : {0, 1}) {
      const auto reply = (index == 0 ? reader_ : other_)->receive();
      ASSERT_TRUE(reply.has_value());
      const int code = static_cast<int>(reply->at(0));
      EXPECT_TRUE(code == 0 || code == EBUSY) << code;
      if (code == 0) winner = winner == -1 ? index : 2;
    }
    ASSERT_TRUE(winner == 0 || winner == 1) << "both or none";
    EXPECT_EQ(read_file(database), DatabaseImage{.ids = ids[winner]}.text());
    for (const IpcIds& made : ids) {
      remove_set(made.semid);
      remove_segment(made.shmid);
    }
  }
}

// --- Whose ids may be put into a header ---

TEST_F(BrokerFlush, refuses_to_open_with_a_semaphore_set_or_segment_that_is_not_there) {
  const IpcIds good = ids_of(make_set(*reader_), make_segment(*reader_));
  const IpcIds gone = ids_of(make_set(*reader_), make_segment(*reader_));
  remove_set(gone.semid);
  remove_segment(gone.shmid);
  expect_refusal(*reader_, {gone.semid, good.shmid, gone.sem_ctime, good.shm_ctime}, refused(EPERM, "hdr.ids"));
  expect_refusal(*reader_, {good.semid, gone.shmid, good.sem_ctime, gone.shm_ctime}, refused(EPERM, "hdr.ids"));
  expect_refusal(*reader_, {INT32_MAX, good.shmid, 1, good.shm_ctime}, refused(EPERM, "hdr.ids"));
  expect_refusal(*reader_, {good.semid, INT32_MAX, good.sem_ctime, 1}, refused(EPERM, "hdr.ids"));
  expect_done(*reader_, good);
}

TEST_F(BrokerFlush, refuses_to_open_with_a_segments_id_in_the_sets_place) {
  // Ids that exist on one side only.
  std::vector<int> sets{make_set(*reader_), make_set(*reader_), make_set(*reader_)};
  const IpcIds good = ids_of(sets[0], make_segment(*reader_));
  const IpcIds last = ids_of(sets[2]);
  ASSERT_FALSE(segment_exists(last.semid));
  expect_refusal(*reader_, {good.semid, last.semid, good.sem_ctime, last.sem_ctime}, refused(EPERM, "hdr.ids"));
  expect_done(*reader_, good);
}

TEST_F(BrokerFlush, refuses_to_open_with_what_another_user_made) {
  const IpcIds own = ids_of(make_set(*reader_), make_segment(*reader_));
  const IpcIds foreign = ids_of(make_set(*other_), make_segment(*other_));
  expect_refusal(*reader_, foreign, refused(EPERM, "hdr.ids"));
  expect_refusal(*reader_, {foreign.semid, own.shmid, foreign.sem_ctime, own.shm_ctime}, refused(EPERM, "hdr.ids"));
  expect_refusal(*reader_, {own.semid, foreign.shmid, own.sem_ctime, foreign.shm_ctime}, refused(EPERM, "hdr.ids"));
  Client root(Identity{0, 0, {}});
  expect_refusal(*reader_, ids_of(make_set(root), make_segment(root)), refused(EPERM, "hdr.ids"));
  expect_done(*reader_, own);
  expect_done(*other_, foreign);
}

TEST_F(BrokerFlush, refuses_to_open_with_a_time_that_is_not_the_objects) {
  const IpcIds own = ids_of(make_set(*reader_), make_segment(*reader_));
  for (const std::int64_t off : {-1, 1}) {
    expect_refusal(*reader_, {own.semid, own.shmid, own.sem_ctime + off, own.shm_ctime}, refused(EPERM, "hdr.ids"));
    expect_refusal(*reader_, {own.semid, own.shmid, own.sem_ctime, own.shm_ctime + off}, refused(EPERM, "hdr.ids"));
  }
  expect_done(*reader_, own);
}

TEST_F(BrokerFlush, refuses_to_open_over_ids_of_others_that_are_still_alive) {
  const IpcIds own = ids_of(make_set(*reader_), make_segment(*reader_));
  const IpcIds there = ids_of(make_set(*other_), make_segment(*other_));
  put_ids(there);
  expect_refusal(*reader_, own, refused(EBUSY, "hdr.live"));
  // The set alone, the segment alone: neither is forgotten.
  put_ids({there.semid, -1, there.sem_ctime, 0});
  expect_refusal(*reader_, own, refused(EBUSY, "hdr.live"));
  put_ids({-1, there.shmid, 0, there.shm_ctime});
  expect_refusal(*reader_, own, refused(EBUSY, "hdr.live"));
  // The time tells a live object from one of a former life: id reused, or gone altogether.
  put_ids({there.semid, there.shmid, there.sem_ctime - 1, there.shm_ctime - 1});
  expect_done(*reader_, own);
  put_ids(there);
  remove_set(there.semid);
  expect_refusal(*reader_, own, refused(EBUSY, "hdr.live"));
  remove_segment(there.shmid);
  expect_done(*reader_, own);
}

TEST_F(BrokerFlush, a_segment_added_to_a_set_that_the_header_names_is_served_only_if_the_set_stays) {
  const IpcIds set_only = ids_of(make_set(*other_));
  put_ids(set_only);
  const IpcIds own = ids_of(make_set(*reader_), make_segment(*reader_));
  // Who opens holds the set: somebody else may be at work stand-alone.
  expect_refusal(*reader_, {set_only.semid, own.shmid, set_only.sem_ctime, own.shm_ctime}, refused(EPERM, "hdr.ids"));
  ASSERT_EQ(operate_on(*reader_, set_only.semid), 0);
  expect_done(*reader_, {set_only.semid, own.shmid, set_only.sem_ctime, own.shm_ctime});
  put_ids(set_only);
  expect_refusal(*reader_, own, refused(EBUSY, "hdr.live"));
}

// --- Who may take ids out of a header ---

TEST_F(BrokerFlush, refuses_to_close_while_another_process_is_attached) {
  const IpcIds ids = ids_of(make_set(*reader_), make_segment(*reader_));
  put_ids(ids);
  const FileState open = state_of(database);
  ASSERT_EQ(attach(*other_, ids.shmid), 0);
  expect_refusal(*reader_, closed_ids, refused(EBUSY, "hdr.live"));
  ASSERT_EQ(attach(*reader_, ids.shmid), 0);
  expect_refusal(*reader_, closed_ids, refused(EBUSY, "hdr.live"));
  expect_refusal(*other_, closed_ids, refused(EBUSY, "hdr.live"));
  ASSERT_EQ(detach(*other_), 0);
  expect_refusal(*other_, closed_ids, refused(EBUSY, "hdr.live"));
  // Attached only by the requester itself, as its own maps show.
  (void)expect_answer(*reader_, FlushHeader{closed_ids, database}, served);
  expect_ids(open, closed_ids);
}

TEST_F(BrokerFlush, closes_when_nobody_is_attached_and_when_the_segment_is_gone) {
  const IpcIds ids = ids_of(make_set(*reader_), make_segment(*reader_));
  put_ids(ids);
  // The set is the reader's: others close when they hold it.
  expect_refusal(*other_, closed_ids, refused(EBUSY, "hdr.live"));
  ASSERT_EQ(operate_on(*other_, ids.semid), 0);
  expect_done(*other_, closed_ids);
  put_ids(ids);
  remove_segment(ids.shmid);
  ASSERT_EQ(operate_on(*reader_, ids.semid), 0);
  // The set is the reader's and alive: it is the reader's to say.
  put_ids(ids);
  expect_refusal(*other_, closed_ids, refused(EBUSY, "hdr.live"));
  expect_done(*reader_, closed_ids);
  put_ids(ids);
  remove_set(ids.semid);
  expect_done(*other_, closed_ids);
}

TEST_F(BrokerFlush, a_file_that_looks_like_a_segment_in_the_maps_does_not_make_its_user_the_one_attached) {
  const IpcIds ids = ids_of(make_set(*reader_), make_segment(*reader_));
  put_ids(ids);
  ASSERT_EQ(attach(*other_, ids.shmid), 0);
  // Shown as "/SYSV00000000 (deleted)", and as a segment's mapping is: shared.
  make_directory("/mnt/test/loot", 0777);
  ASSERT_EQ(reader_->run([] {
    const int root = ::open("/mnt/test/loot/SYSV00000000", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    const bool grown = ::ftruncate(root, 4096) == 0;
    void* const page = ::mmap(nullptr, 4096, PROT_READ, MAP_SHARED, root, 0);
    (void)::unlink("/mnt/test/loot/SYSV00000000");
    const int memory = static_cast<int>(::memfd_create("SYSV00000000", MFD_CLOEXEC));
    const bool second = ::ftruncate(memory, 4096) == 0;
    void* const other = ::mmap(nullptr, 4096, PROT_READ, MAP_SHARED, memory, 0);
    return grown && second && page != MAP_FAILED && other != MAP_FAILED ? 0 : 1;
  }),
            0);
  expect_refusal(*reader_, closed_ids, refused(EBUSY, "hdr.live"));
}

TEST_F(BrokerFlush, without_a_segment_closes_for_the_sets_creator_and_for_its_last_user_only) {
  const IpcIds ids = ids_of(make_set(*reader_));
  put_ids(ids);
  expect_refusal(*other_, closed_ids, refused(EBUSY, "hdr.live"));
  expect_done(*reader_, closed_ids);
  put_ids(ids);
  ASSERT_EQ(operate_on(*other_, ids.semid), 0);
  expect_done(*other_, closed_ids);
  put_ids(ids);
  ASSERT_EQ(operate_on(*reader_, ids.semid), 0);
  expect_refusal(*other_, closed_ids, refused(EBUSY, "hdr.live"));
}

TEST_F(BrokerFlush, a_close_of_what_is_closed_is_served_and_changes_nothing) {
  expect_done(*reader_, closed_ids);
}

// --- Who asks ---

TEST_F(BrokerFlush, refuses_a_client_in_another_ipc_namespace) {
  Client foreign([] {
    if (::unshare(CLONE_NEWIPC) != 0) ::_exit(126);
    become(first_user);
  });
  ASSERT_EQ(foreign.bind(tmp + "/" + foreign.socket_name()), 0);
  // It knows the ids of what its own user has made on our side.
  const IpcIds ours = ids_of(make_set(*reader_));
  expect_refusal(foreign, ours, refused(EPERM, "peer.namespace"));
  put_ids(ours);
  expect_refusal(foreign, closed_ids, refused(EPERM, "peer.namespace"));
  put_ids(closed_ids);
  expect_done(*reader_, ours);
}

TEST_F(BrokerFlush, refuses_a_client_whose_ids_differ_among_themselves) {
  const MixedIds cases[] = {{u1, u2, u1, g1, g1, g1}, {u1, u1, u2, g1, g1, g1}, {u1, u1, 0, g1, g1, g1},
                            {u1, u1, u1, g1, g2, g1}, {u1, u1, u1, g1, g1, g2}, {u1, u1, u1, g1, g1, 0},
                            {u1, u1, u1, g1, g1, g1}};
  const IpcIds ids = ids_of(make_set(*reader_));
  for (const MixedIds& mixed : cases) {
    Client client([&] { become_mixed(mixed); });
    ASSERT_EQ(client.bind(tmp + "/" + client.socket_name()), 0);
    // The reply goes to a socket of the real user's, which the effective user's is not.
    ASSERT_EQ(::chown((tmp + "/" + client.socket_name()).c_str(), u1, g1), 0);
    if (&mixed == &cases[std::size(cases) - 1]) {
      expect_done(client, ids);
    } else {
      expect_refusal(client, ids, refused(EPERM, "peer.mixed"));
    }
  }
}

TEST_F(BrokerFlush, refuses_a_client_that_has_executed_a_setuid_program_since_it_asked) {
  // Copies of a program that only waits: one of them setuid to another user.
  write_file("/mnt/test/wait", read_file("/bin/sleep"), 0755);
  write_file("/mnt/test/wait-as-other", read_file("/bin/sleep"), 04755, u2, g2);
  for (const bool other : {false, true}) {
    SCOPED_TRACE(other);
    const auto client = connect(first_user);
    const IpcIds ids = ids_of(make_set(*client));
    const FileState before = state_of(database);
    const std::size_t records_before = records().size();
    stop({broker_});
    ASSERT_EQ(client->send(server_in(), datagram(*client, FlushHeader{ids, database})), 0);
    client->start([other] {
      char name[] = "wait";
      char seconds[] = "60";
      char* arguments[] = {name, seconds, nullptr};
      char* environment[] = {nullptr};
      return ::execve(other ? "/mnt/test/wait-as-other" : "/mnt/test/wait", arguments, environment);
    });
    ASSERT_TRUE(eventually([&] { return status_of(client->pid()).at("Name").starts_with("wait"); }));
    resume({broker_});
    ASSERT_TRUE(eventually([&] { return records().size() == records_before + 1; }));
    const auto record = records().back();
    EXPECT_EQ(record.at("verdict"), other ? "refused" : "done");
    EXPECT_EQ(record.at("rule"), other ? "peer.mixed" : "-");
    if (other) {
      EXPECT_EQ(state_of(database), before);
    }
    put({});
  }
}

TEST_F(BrokerFlush, a_client_that_hides_its_proc_files_is_refused_and_not_believed) {
  // Not dumpable, so that its root and its maps are closed to its own user.
  const IpcIds ids = ids_of(make_set(*reader_));
  ASSERT_EQ(reader_->run([] { return ::prctl(PR_SET_DUMPABLE, 0); }), 0);
  const FileState before = state_of(database);
  const auto code = answer(*reader_, datagram(*reader_, FlushHeader{ids, database}));
  EXPECT_EQ(code, EPERM);
  EXPECT_EQ(state_of(database), before);
  ASSERT_EQ(reader_->run([] { return ::prctl(PR_SET_DUMPABLE, 1); }), 0);
  expect_done(*reader_, ids);
}

// --- What happens to the file meanwhile ---

TEST_F(BrokerFlush, a_leased_file_is_busy_and_nobody_waits_for_the_lease) {
  const auto owner = connect(third_user);
  const IpcIds ids = ids_of(make_set(*reader_));
  for (const int type : {F_WRLCK, F_RDLCK}) {
    SCOPED_TRACE(type);
    put({}, type == F_WRLCK ? 0644 : 0444);
    const int file = owner->run([path = Text(database), type] {
      (void)::signal(SIGIO, SIG_IGN);
      const int opened = ::open(path.text, type == F_WRLCK ? O_RDWR : O_RDONLY);
      return ::fcntl(opened, F_SETLEASE, type) == 0 ? opened : -1;
    });
    ASSERT_GE(file, 0);
    const auto started = std::chrono::steady_clock::now();
    EXPECT_EQ(answer(*reader_, datagram(*reader_, FlushHeader{ids, database})), EBUSY);
    EXPECT_LT(std::chrono::steady_clock::now() - started, std::chrono::seconds(1));
    ASSERT_EQ(owner->run([file] { return ::close(file); }), 0);
    EXPECT_EQ(read_file(database), DatabaseImage{}.text());
    expect_done(*reader_, ids);
  }
}

TEST_F(BrokerFlush, a_file_on_a_read_only_file_system_stays_and_the_client_is_told_so) {
  const IpcIds ids = ids_of(make_set(*reader_));
  ASSERT_EQ(::mount(data.c_str(), data.c_str(), nullptr, MS_BIND, nullptr), 0);
  ASSERT_EQ(::mount(nullptr, data.c_str(), nullptr, MS_BIND | MS_REMOUNT | MS_RDONLY, nullptr), 0);
  expect_refusal(*reader_, ids, failed(EROFS));
  ASSERT_EQ(::umount2(data.c_str(), MNT_DETACH), 0);
  expect_done(*reader_, ids);
}

TEST_F(BrokerFlush, a_reader_that_has_the_database_open_for_writing_elsewhere_is_not_disturbed) {
  // Others have it open with every kind of access, and keep their position and their locks.
  const auto owner = connect(third_user);
  put({}, 0644);
  ASSERT_EQ(owner->run([path = Text(database)] {
    const int file = ::open(path.text, O_RDWR | O_CLOEXEC);
    struct flock whole{};
    whole.l_type = F_WRLCK;
    return file >= 0 && ::fcntl(file, F_SETLK, &whole) == 0 ? 0 : errno;
  }),
            0);
  const IpcIds ids = ids_of(make_set(*reader_));
  (void)expect_answer(*reader_, FlushHeader{ids, database}, served);
  EXPECT_EQ(read_file(database), DatabaseImage{.ids = ids}.text());
}

}  // namespace
}  // namespace secshr::test
