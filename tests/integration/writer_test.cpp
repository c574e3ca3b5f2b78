// What the writer refuses by itself, whoever tells it to write: here the broker is the test, and it lies.
#include "secshr/writer/writer.h"

#include <fcntl.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>

#include "secshr/descriptor_passing.h"
#include "secshr/privilege/least_privilege.h"
#include "secshr/writer/write_message.h"
#include "tests/integration/broker_fixture.h"
#include "tests/integration/database_file.h"
#include "tests/integration/ipc_objects.h"

namespace secshr::test {
namespace {

using protocol::closed_ids;
using protocol::IpcIds;

const std::string place = "/mnt/test/mumps.dat";

// Root's objects: the writer does not ask whose they are.
int new_set() {
  const int id = ::semget(IPC_PRIVATE, 3, IPC_CREAT | 0600);
  EXPECT_GE(id, 0);
  return id;
}
int new_segment() {
  const int id = ::shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600);
  EXPECT_GE(id, 0);
  return id;
}
struct Attachment {
  explicit Attachment(int shmid) : start(::shmat(shmid, nullptr, 0)) {
    EXPECT_NE(reinterpret_cast<std::intptr_t>(start), -1);
  }
  Attachment(const Attachment&) = delete;
  Attachment& operator=(const Attachment&) = delete;
  ~Attachment() { (void)::shmdt(start); }
  void* start;
};

class Writer : public PrivateWorldTest {
 protected:
  void SetUp() override {
    SECSHR_REQUIRES_PRIVATE_WORLD();
    PrivateWorldTest::SetUp();
    std::array<int, 2> ends{};
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()), 0);
    channel_.reset(ends[0]);
    const Descriptor theirs(ends[1]);
    const pid_t pid = ::fork();
    ASSERT_GE(pid, 0);
    if (pid == 0) {
      channel_.reset();
      if (drop_privileges({"test writer", writer_uid, writer_capabilities}) != nullptr) ::_exit(1);
      BusyMark busy;
      serve_writes(theirs.get(), busy);
      ::_exit(0);
    }
    live_ = ids_of(new_set(), new_segment());
  }
  void TearDown() override {
    channel_.reset();  // the writer leaves
    if (why_no_private_world().empty()) kill_other_processes();
    PrivateWorldTest::TearDown();
  }

  WriteReport tell(const IpcIds& expected, const IpcIds& wanted, Attached attached, int file,
                   std::chrono::seconds time = std::chrono::seconds(10)) {
    const WriteRequest request{++job_, std::chrono::steady_clock::now() + time, expected, wanted, attached};
    EXPECT_TRUE(send_message(channel_.get(), encode_write_request(request), file, Wait::yes));
    std::array<std::byte, write_report_size> bytes{};
    const auto answer = receive_message(channel_.get(), bytes, Wait::yes);
    const auto report = answer ? decode_write_report(std::span(bytes).first(answer->size)) : std::nullopt;
    EXPECT_TRUE(report);
    EXPECT_EQ(report.value_or(WriteReport{}).job, job_);
    return report.value_or(WriteReport{});
  }
  // A file whose header holds `found`; it must hold `wanted` afterwards or be as it was.
  void expect(WriteVerdict verdict, const IpcIds& found, const IpcIds& wanted, Attached attached = Attached::nobody) {
    const std::string before = DatabaseImage{.ids = found}.text();
    write_file(place, before, 0444);
    const Descriptor file(::open(place.c_str(), O_RDONLY | O_CLOEXEC));
    EXPECT_EQ(tell(found, wanted, attached, file.get()).verdict, verdict);
    EXPECT_EQ(read_file(place), verdict == WriteVerdict::written ? with_ids(before, wanted) : before);
  }
  // That this is no file to be written, whatever it is opened as.
  void expect_refused(const std::string& path, int flags) {
    const Descriptor file(::open(path.c_str(), flags | O_CLOEXEC));
    ASSERT_TRUE(file) << errno;
    EXPECT_EQ(tell(closed_ids, live_, Attached::nobody, file.get()).verdict, WriteVerdict::refused) << path;
  }

  IpcIds live_;

 private:
  Descriptor channel_;
  std::uint64_t job_ = 0;
};

TEST_F(Writer, writes_what_holds) {
  expect(WriteVerdict::written, closed_ids, live_);
  expect(WriteVerdict::written, live_, live_);
  expect(WriteVerdict::written, closed_ids, {live_.semid, -1, live_.sem_ctime, 0});
  expect(WriteVerdict::written, live_, closed_ids);
  expect(WriteVerdict::written, closed_ids, closed_ids);
}

TEST_F(Writer, refuses_objects_that_are_not_there_or_have_another_time) {
  const auto [semid, shmid, sem_ctime, shm_ctime] = live_;
  for (const IpcIds& wrong : {IpcIds{semid + 1, shmid, sem_ctime, shm_ctime},
                              {semid, shmid + 1, sem_ctime, shm_ctime},
                              {semid, shmid, sem_ctime + 1, shm_ctime},
                              {semid, shmid, sem_ctime, shm_ctime + 1},
                              {semid, shmid, sem_ctime, 0},
                              {-1, shmid, 0, shm_ctime},
                              {-1, -1, 1, 0},
                              {0x41414141, 0x41414141, 0x4141414141414141, 0x4141414141414141}}) {
    expect(WriteVerdict::changed, closed_ids, wrong);
  }
  remove_segment(shmid);
  expect(WriteVerdict::changed, closed_ids, live_);
  remove_set(semid);
  expect(WriteVerdict::changed, closed_ids, {semid, -1, sem_ctime, 0});
}

TEST_F(Writer, forgets_no_live_object_of_the_header) {
  const IpcIds other = ids_of(new_set(), new_segment());
  expect(WriteVerdict::changed, other, live_);
  expect(WriteVerdict::changed, {other.semid, -1, other.sem_ctime, 0}, live_);
  expect(WriteVerdict::changed, {-1, other.shmid, 0, other.shm_ctime}, live_);
  expect(WriteVerdict::changed, live_, {live_.semid, -1, live_.sem_ctime, 0});
  remove_segment(other.shmid);
  expect(WriteVerdict::changed, other, live_);
  remove_set(other.semid);
  expect(WriteVerdict::written, other, live_);
}

TEST_F(Writer, closes_nothing_that_more_are_attached_to_than_it_was_told) {
  expect(WriteVerdict::written, live_, closed_ids, Attached::nobody);
  const Attachment first(live_.shmid);
  expect(WriteVerdict::changed, live_, closed_ids, Attached::nobody);
  expect(WriteVerdict::written, live_, closed_ids, Attached::requester);
  const Attachment second(live_.shmid);
  expect(WriteVerdict::changed, live_, closed_ids, Attached::requester);
  // Opening takes nothing out.
  expect(WriteVerdict::written, live_, live_, Attached::nobody);
}

TEST_F(Writer, refuses_what_nobody_could_open_for_reading) {
  write_file(place, DatabaseImage().text(), 0644);
  expect_refused(place, O_PATH);
  expect_refused(place, O_WRONLY);
  // The control: the same file, as it must come.
  const Descriptor file(::open(place.c_str(), O_RDONLY | O_CLOEXEC));
  EXPECT_EQ(tell(closed_ids, live_, Attached::nobody, file.get()).verdict, WriteVerdict::written);
}

TEST_F(Writer, refuses_what_is_no_database_file) {
  ASSERT_EQ(::mkfifo((place + ".fifo").c_str(), 0666), 0);
  expect_refused(place + ".fifo", O_RDWR | O_NONBLOCK);
  expect_refused("/mnt/test", O_RDONLY | O_DIRECTORY);
  expect_refused("/dev/zero", O_RDONLY);
  expect_refused("/etc/shadow", O_RDONLY);
  write_file(place, DatabaseImage{.label = "GDSDYNUNX03garbage"}.text());
  expect_refused(place, O_RDONLY);
  write_file(place, DatabaseImage{.minor_version = 0x1b000000}.text());
  expect_refused(place, O_RDONLY);
  write_file(place, DatabaseImage{.size = 535}.text());
  expect_refused(place, O_RDONLY);
}

TEST_F(Writer, writes_nothing_over_ids_that_it_was_not_told_of_or_after_the_deadline) {
  const std::string before = DatabaseImage().text();
  write_file(place, before, 0444);
  const Descriptor file(::open(place.c_str(), O_RDONLY | O_CLOEXEC));
  EXPECT_EQ(tell(live_, closed_ids, Attached::nobody, file.get()).verdict, WriteVerdict::changed);
  EXPECT_EQ(tell(closed_ids, live_, Attached::nobody, file.get(), std::chrono::seconds(0)).verdict,
            WriteVerdict::too_late);
  EXPECT_EQ(read_file(place), before);
  EXPECT_EQ(tell(closed_ids, live_, Attached::nobody, file.get()).verdict, WriteVerdict::written);
}

}  // namespace
}  // namespace secshr::test
