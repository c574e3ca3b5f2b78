#include "tests/hammer/protected_objects.h"

#include <gtest/gtest.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "tests/integration/database_file.h"
#include "tests/integration/ipc_objects.h"
#include "tests/integration/process_state.h"
#include "tests/integration/socket_files.h"

namespace secshr::test {

ProtectedObjects::ProtectedObjects(GoodClient& good, Accounting& accounting, const std::string& program,
                                   const std::string& other_program) {
  make_objects(good, accounting);
  make_names(good, accounting);
  make_databases(good);
  make_processes(program, other_program);
}

void ProtectedObjects::make_objects(GoodClient& good, Accounting& accounting) {
  Client& colleague = good.colleague();
  const uid_t owner = colleague_user.uid;
  const auto add_set = [&](int semid, const ObjectRights& rights) {
    sets_.push_back(semid);
    accounting.made(Thing::set, semid, rights);
  };
  const auto add_segment = [&](int shmid, const ObjectRights& rights) {
    segments_.push_back(shmid);
    accounting.made(Thing::segment, shmid, rights);
  };
  add_set(make_set(colleague, 0600), {owner, team, team, 0600});
  good.is_refused({protocol::RemoveSemaphoreSet{sets_.back()}, EPERM, "sem.alter"});
  add_set(make_set(colleague, 0644), {owner, team, team, 0644});
  // Anybody may alter it, but its user lives.
  add_set(make_set(colleague, 0666), {owner, team, team, 0666});
  EXPECT_EQ(operate_on(colleague, sets_.back()), 0);
  good.is_refused({protocol::RemoveSemaphoreSet{sets_.back()}, EBUSY, "sem.lastop"});
  add_set(::semget(IPC_PRIVATE, 3, IPC_CREAT | 0666), {0, 0, 0, 0666});
  good.is_refused({protocol::RemoveSemaphoreSet{sets_.back()}, EPERM, "ipc.root"});

  add_segment(make_segment(colleague, 0600), {owner, team, team, 0600});
  good.is_refused({protocol::RemoveSegment{segments_.back()}, EPERM, "shm.rw"});
  add_segment(make_segment(colleague, 0644), {owner, team, team, 0644});
  add_segment(make_segment(colleague, 0666), {owner, team, team, 0666});
  EXPECT_EQ(attach(colleague, segments_.back()), 0);
  good.is_refused({protocol::RemoveSegment{segments_.back()}, EBUSY, "shm.attached"});
  add_segment(::shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0666), {0, 0, 0, 0666});
  good.is_refused({protocol::RemoveSegment{segments_.back()}, EPERM, "ipc.root"});
}

void ProtectedObjects::make_names(GoodClient& good, Accounting& accounting) {
  const auto add = [&](const std::string& name) {
    accounting.made_name(name);
    names_.push_back(name);
    keep(tmp + "/" + name);
    paths_.push_back(tmp + "/" + name);
  };
  // Names of no process: all that keeps them is what they are.
  bound_.push_back(write_live_socket(tmp + "/gtm_mutex003C9990", SOCK_DGRAM, colleague_user.uid, team));
  add("gtm_mutex003C9990");
  good.is_refused({protocol::RemoveFile{paths_.back()}, EBUSY, "sock.live"});
  bound_.push_back(write_live_socket(tmp + "/gtm_secshr003C9991", SOCK_DGRAM, 0, 0));
  add("gtm_secshr003C9991");
  write_file(tmp + "/gtm_mutex003C9992", "no socket\n", 0666, colleague_user.uid, team);
  add("gtm_mutex003C9992");
  good.is_refused({protocol::RemoveFile{paths_.back()}, EPERM, "sock.name"});
  EXPECT_EQ(::mkfifo((tmp + "/gtm_mutex003C9993").c_str(), 0666), 0);
  add("gtm_mutex003C9993");
  std::filesystem::create_symlink(tmp + "/gtm_mutex003C9992", tmp + "/gtm_secshr003C9994");
  add("gtm_secshr003C9994");
  make_directory(tmp + "/gtm_secshr003C9995", 0777);
  add("gtm_secshr003C9995");
  // A leftover, but of no grammar.
  write_dead_socket(tmp + "/gtm_mutex003c9996", colleague_user.uid, team);
  add("gtm_mutex003c9996");
  // A leftover, but in another directory.
  paths_.push_back(data + "/gtm_mutex003C9997");
  write_dead_socket(paths_.back(), colleague_user.uid, team);
  keep(paths_.back());
}

void ProtectedObjects::make_databases(GoodClient& good) {
  const std::string image = DatabaseImage{}.text();
  const auto add = [&](const std::string& name, const std::string& contents, mode_t mode, uid_t uid, gid_t gid) {
    paths_.push_back(data + "/" + name);
    write_file(paths_.back(), contents, mode, uid, gid);
    keep(paths_.back());
    files_[paths_.back()] = state_of(paths_.back());
  };
  const auto refuse = [&](const std::string& rule) {
    good.is_refused({protocol::FlushHeader{protocol::closed_ids, paths_.back()}, EPERM, rule});
  };
  add("private.dat", image, 0600, colleague_user.uid, team);
  refuse("hdr.read");
  add("root.dat", image, 0600, 0, 0);
  add("text.dat", std::string(8192, 'x'), 0444, colleague_user.uid, team);
  refuse("hdr.type");
  add("short.dat", image.substr(0, 500), 0444, colleague_user.uid, team);
  make_directory(data + "/closed", 0700, colleague_user.uid, team);
  add("closed/within.dat", image, 0444, colleague_user.uid, team);
}

// Another program, stopped; the installation's, as root, stopped; the installation's, which an alarm would end.
void ProtectedObjects::make_processes(const std::string& program, const std::string& other_program) {
  const Identity root{0, 0, {}};
  processes_.push_back(start_as(colleague_user, {other_program, {"mumps", "caught"}, {}, {}}).pid());
  processes_.push_back(start_as(root, {program, {"mumps", "caught"}, {}, {}}).pid());
  processes_.push_back(start_as(colleague_user, {program, {"mumps", "default"}, {}, {}}).pid());
  for (const pid_t pid : processes_) {
    EXPECT_TRUE(eventually([pid] {
      const auto status = status_of(pid);
      return status.contains("State") && status.at("State").starts_with('T');
    }));
  }
}

void ProtectedObjects::keep(const std::string& path) {
  struct stat status{};
  EXPECT_EQ(::lstat(path.c_str(), &status), 0) << path;
  inodes_[path] = status.st_ino;
}

void ProtectedObjects::tell(Battlefield& field) const {
  field.sets = sets_;
  field.segments = segments_;
  field.socket_names = names_;
  field.files.assign(paths_.begin(), paths_.end());
  field.processes = processes_;
}

void ProtectedObjects::expect_untouched() const {
  for (const auto& [path, inode] : inodes_) {
    struct stat status{};
    EXPECT_EQ(::lstat(path.c_str(), &status), 0) << path;
    EXPECT_EQ(status.st_ino, inode) << path;
  }
  for (const auto& [path, state] : files_) EXPECT_EQ(state_of(path), state) << path;
  EXPECT_TRUE(::access((data + "/closed").c_str(), F_OK) == 0);
  for (std::size_t index = 0; index < processes_.size(); ++index) {
    const auto status = status_of(processes_[index]);
    ASSERT_TRUE(status.contains("State")) << "process " << index << " has ended";
    // The last one is of the installation, so that anybody may have it continued.
    const std::string states = index < 2 ? "T" : "TS";
    EXPECT_NE(states.find(status.at("State").front()), std::string::npos)
        << "process " << index << ": " << status.at("State");
  }
}

}  // namespace secshr::test
