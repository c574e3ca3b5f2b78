// Database files that change while a flush is under way, and such that cannot be written: the header is the old one
// or the new one, of one file, and the client is told which.
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <functional>
#include <memory>

#include "secshr/limits.h"
#include "tests/integration/flush_fixture.h"
#include "tests/integration/fuse_file.h"
#include "tests/integration/immutable.h"
#include "tests/integration/process_state.h"

namespace secshr::test {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;

class BrokerFile : public BrokerFlush {
 protected:
  void SetUp() override {
    BrokerFlush::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    ids_ = ids_of(make_set(*reader_), make_segment(*reader_));
  }
  static std::optional<int> code_of(const std::optional<Bytes>& reply) {
    if (!reply || reply->size() != 24) return std::nullopt;
    return static_cast<int>(reply->at(0)) | static_cast<int>(reply->at(1)) << 8;
  }
  IpcIds ids_;
};

// --- What changes between the look and the write ---

class BrokerChangedFile : public BrokerFile {
 protected:
  // An open is asked for, and `change` happens when it is permitted and waits for a writer.
  std::optional<int> flush_while(const std::function<void()>& change) {
    put({});
    const auto writers = wait_for_processes().writers;
    stop(writers);
    EXPECT_EQ(reader_->send(server_in(), datagram(*reader_, FlushHeader{ids_, database})), 0);
    EXPECT_TRUE(eventually([&] { return holds_database_open(); })) << "it was never permitted";
    change();
    resume(writers);
    return code_of(reader_->receive());
  }
  [[nodiscard]] bool holds_database_open() const {
    const auto open = descriptors_of(broker_);
    return std::ranges::any_of(open, [](const auto& entry) { return entry.second == database; });
  }
  static void overwrite(off_t offset, const std::string& bytes) {
    const Descriptor file(::open(database.c_str(), O_WRONLY | O_CLOEXEC));
    EXPECT_EQ(::pwrite(file.get(), bytes.data(), bytes.size(), offset), static_cast<ssize_t>(bytes.size()));
  }
  static void expect_last_record(const std::string& verdict, const std::string& rule) {
    ASSERT_FALSE(records().empty());
    EXPECT_EQ(records().back().at("verdict"), verdict);
    EXPECT_EQ(records().back().at("rule"), rule);
  }
};

TEST_F(BrokerChangedFile, that_was_renamed_is_the_one_that_is_written_and_what_took_its_name_is_not) {
  const std::string moved = data + "/moved.dat";
  const std::string roots = data + "/roots.dat";
  const std::string image = DatabaseImage{}.text();
  write_file(roots, image, 0400);
  const std::function<void()> successors[] = {[] { put({}); }, [&] { write_file(database, image, 0400); },
                                              [&] { fs::create_symlink(roots, database); },
                                              [&] { fs::create_hard_link(roots, database); }};
  for (const auto& succeed : successors) {
    EXPECT_EQ(flush_while([&] {
                fs::rename(database, moved);
                succeed();
              }),
              0);
    EXPECT_EQ(read_file(moved), DatabaseImage{.ids = ids_}.text());
    EXPECT_EQ(read_file(database), image);
    EXPECT_EQ(read_file(roots), image);
    fs::remove(moved);
    fs::remove(database);
  }
}

TEST_F(BrokerChangedFile, that_was_deleted_or_whose_directory_was_renamed_comes_to_nothing_else) {
  const auto names = [] {
    std::vector<std::string> found;
    for (const auto& entry : fs::directory_iterator(data)) found.push_back(entry.path());
    return found;
  };
  EXPECT_EQ(flush_while([] { fs::remove(database); }), 0);
  EXPECT_EQ(names(), std::vector<std::string>{});
  const std::string moved = "/mnt/test/moved";
  EXPECT_EQ(flush_while([&] {
              fs::rename(data, moved);
              make_directory(data);
              put({});
            }),
            0);
  EXPECT_EQ(read_file(moved + "/mumps.dat"), DatabaseImage{.ids = ids_}.text());
  EXPECT_EQ(read_file(database), DatabaseImage{}.text());
}

TEST_F(BrokerChangedFile, that_was_truncated_is_not_written_nor_made_any_longer) {
  for (const off_t size : {0, 1, 12, 512, 535}) {
    SCOPED_TRACE(size);
    EXPECT_EQ(flush_while([&] { EXPECT_EQ(::truncate(database.c_str(), size), 0); }), EPERM);
    expect_last_record("refused", "hdr.type");
    EXPECT_EQ(read_file(database), DatabaseImage{}.text().substr(0, static_cast<std::size_t>(size)));
  }
  // Where the ids still are, they are written.
  EXPECT_EQ(flush_while([] { EXPECT_EQ(::truncate(database.c_str(), 536), 0); }), 0);
  EXPECT_EQ(read_file(database), DatabaseImage{.ids = ids_}.text().substr(0, 536));
}

TEST_F(BrokerChangedFile, that_is_no_database_any_more_is_not_written) {
  const std::string image = DatabaseImage{}.text();
  struct Change {
    off_t offset;
    std::string bytes;
  };
  const Change changes[] = {
      {0, "GDSDYNUNX02"}, {11, "x"}, {0, std::string(8192, '\0')}, {112, std::string("\0\0\0\x1b", 4)}};
  for (const Change& change : changes) {
    EXPECT_EQ(flush_while([&] { overwrite(change.offset, change.bytes); }), EPERM);
    expect_last_record("refused", "hdr.type");
    std::string wanted = image;
    EXPECT_EQ(read_file(database),
              wanted.replace(static_cast<std::size_t>(change.offset), change.bytes.size(), change.bytes));
  }
  // What else changes in it meanwhile is none of ours, and stays as it then is.
  EXPECT_EQ(flush_while([] { overwrite(536, "changed"); }), 0);
  std::string wanted = DatabaseImage{.ids = ids_}.text();
  EXPECT_EQ(read_file(database), wanted.replace(536, 7, "changed"));
}

// --- What cannot be written ---

TEST_F(BrokerFile, that_is_immutable_stays_and_the_client_is_told_so) {
  for (const uid_t owner : {u3, uid_t{0}}) {
    write_file(database, DatabaseImage{}.text(), 0444, owner, owner);
    {
      const Immutable kept(database);
      if (!kept.is_set()) SECSHR_SKIP("the file system has no immutable files");
      expect_refusal(*reader_, ids_, failed(EPERM));
      expect_serving();
    }
    (void)expect_answer(*reader_, FlushHeader{ids_, database}, served);
  }
}

// The file of a lower layer is copied to an upper one before it is written, where there is no room.
TEST_F(BrokerFile, for_which_there_is_no_room_stays_and_the_client_is_told_so) {
  const std::string small = "/mnt/test/small";
  const std::string lower = "/mnt/test/lower";
  const std::string merged = "/mnt/test/merged";
  make_directory(small);
  make_directory(merged);
  ASSERT_EQ(::mount("secshr-tests", small.c_str(), "tmpfs", 0, "size=256k,mode=0755"), 0);
  const std::string image = DatabaseImage{.size = 131072}.text();
  write_file(lower + "/mumps.dat", image, 0444, u3, g3);
  for (const char* const part : {"/upper", "/work"}) ASSERT_EQ(::mkdir((small + part).c_str(), 0755), 0);
  const std::string options = "lowerdir=" + lower + ",upperdir=" + small + "/upper,workdir=" + small + "/work";
  ASSERT_EQ(::mount("secshr-tests", merged.c_str(), "overlay", 0, options.c_str()), 0);
  const std::string path = merged + "/mumps.dat";
  const std::string filler = small + "/filler";
  {
    const Descriptor file(::open(filler.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    const std::string page(4096, 'x');
    while (::write(file.get(), page.data(), page.size()) > 0) {
    }
    ASSERT_EQ(errno, ENOSPC);
  }
  (void)expect_answer(*reader_, FlushHeader{ids_, path}, failed(ENOSPC));
  EXPECT_EQ(read_file(path), image);
  expect_serving();
  ASSERT_EQ(::unlink(filler.c_str()), 0);
  (void)expect_answer(*reader_, FlushHeader{ids_, path}, served);
  EXPECT_EQ(read_file(path), with_ids(image, ids_));
}

// A writer that may write no further than into the middle of the ids.
TEST_F(BrokerFile, whose_write_is_cut_short_by_a_limit_gets_its_old_header_back_and_the_client_is_told_so) {
  // By a process of the writers' own user, which needs no capability for it.
  const auto limit = [](rlim_t size) {
    for (const pid_t pid : wait_for_processes().writers) {
      EXPECT_EQ(as_user({writer_uid, writer_uid, {}},
                        [&] {
                          rlimit limits{};
                          if (::prlimit(pid, RLIMIT_FSIZE, nullptr, &limits) != 0) return errno;
                          limits.rlim_cur = size;
                          return ::prlimit(pid, RLIMIT_FSIZE, &limits, nullptr) == 0 ? 0 : errno;
                        }),
                exited(0));
    }
  };
  for (const rlim_t size : {513U, 520U, 524U, 535U}) {
    SCOPED_TRACE(size);
    limit(size);
    expect_refusal(*reader_, ids_, failed(EIO));
  }
  limit(536);
  expect_done(*reader_, ids_);
}

class BrokerFuseFile : public BrokerFile {
 protected:
  void SetUp() override {
    BrokerFile::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    file_ = std::make_unique<FuseFile>("/mnt/test/fuse", old_);
    if (!file_->is_there()) SECSHR_SKIP("no FUSE");
  }
  void TearDown() override {
    file_.reset();
    BrokerFile::TearDown();
  }
  const std::string old_ = DatabaseImage{}.text();
  std::unique_ptr<FuseFile> file_;
};

TEST_F(BrokerFuseFile, whose_write_fails_keeps_its_header_and_the_client_is_told_why) {
  const std::pair<WriteEnd, int> cases[] = {{WriteEnd::no_space, ENOSPC}, {WriteEnd::broken, EIO}};
  for (const auto& [end, code] : cases) {
    SCOPED_TRACE(code);
    file_->end_writes_with(end);
    const unsigned before = file_->writes();
    (void)expect_answer(*reader_, FlushHeader{ids_, file_->path()}, failed(code));
    EXPECT_GT(file_->writes(), before) << "the server was never asked";
    EXPECT_EQ(file_->contents(), old_);
    expect_serving();
    file_->end_writes_with(WriteEnd::done);
    (void)expect_answer(*reader_, FlushHeader{ids_, file_->path()}, served);
    EXPECT_EQ(file_->contents(), with_ids(old_, ids_));
    (void)expect_answer(*reader_, FlushHeader{closed_ids, file_->path()}, served);
    EXPECT_EQ(file_->contents(), old_);
  }
}

TEST_F(BrokerFuseFile, whose_write_is_cut_short_gets_its_old_header_back_and_the_client_is_told_so) {
  file_->end_writes_with(WriteEnd::cut_short);
  (void)expect_answer(*reader_, FlushHeader{ids_, file_->path()}, failed(EIO));
  EXPECT_EQ(file_->writes(), 2U) << "one that was cut, and one that put back what was there";
  EXPECT_EQ(file_->contents(), old_);
  (void)expect_answer(*reader_, FlushHeader{ids_, file_->path()}, served);
  EXPECT_EQ(file_->contents(), with_ids(old_, ids_));
}

// As on a frozen file system: the write itself neither fails nor ends.
TEST_F(BrokerFuseFile, whose_write_hangs_is_answered_at_the_deadline_and_keeps_nobody_else_waiting) {
  file_->end_writes_with(WriteEnd::hung);
  const auto asked = std::chrono::steady_clock::now();
  ASSERT_EQ(reader_->send(server_in(), datagram(*reader_, FlushHeader{ids_, file_->path()})), 0);
  ASSERT_TRUE(eventually([&] { return file_->writes() == 1; }));
  EXPECT_EQ(file_->contents(), old_);
  // Another user's flush, and a removal of this one's own.
  const IpcIds others = ids_of(make_set(*other_), make_segment(*other_));
  expect_done(*other_, others);
  const auto colleague = connect(first_user);
  (void)expect_answer(*colleague, protocol::RemoveSemaphoreSet{make_set(*colleague)}, served);
  EXPECT_LT(std::chrono::steady_clock::now() - asked, limits::request_deadline) << "the machine is too slow to tell";
  EXPECT_EQ(code_of(reader_->receive()), ETIMEDOUT);
  EXPECT_EQ(records().back().at("verdict"), "failed");
  // When the file system goes on, the header is the old one or the new one.
  file_->end_writes_with(WriteEnd::done);
  EXPECT_TRUE(wait_for_processes().complete());
  ::usleep(100'000);  // a write that was done after all has a record of its own
  const std::string now = file_->contents();
  EXPECT_TRUE(now == old_ || now == with_ids(old_, ids_));
  expect_done(*other_, others);
}

}  // namespace
}  // namespace secshr::test
