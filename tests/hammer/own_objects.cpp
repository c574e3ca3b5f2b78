#include "tests/hammer/own_objects.h"

#include <fcntl.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>

#include "tests/integration/broker_fixture.h"
#include "tests/support/semaphore_argument.h"

namespace secshr::test {
namespace {

constexpr std::array<unsigned, 9> modes{0600, 0660, 0666, 0620, 0602, 0622, 0644, 0664, 0400};

std::string in_served_directory(const std::string& name) {
  return tmp + "/" + name;
}

}  // namespace

ObjectRights OwnObjects::some_rights() {
  const gid_t group = random_.one_in(3) ? shared_group : identity_.gid;
  return {identity_.uid, identity_.gid, group, random_.pick(modes)};
}

int OwnObjects::make_set() {
  if (sets_.size() == most) remove_set(sets_.front().id);
  ObjectRights rights = some_rights();
  const int semid = ::semget(IPC_PRIVATE, 3, IPC_CREAT | static_cast<int>(rights.mode));
  if (semid < 0) return -1;
  // Where the broker was faster there is nothing to be changed any more, and nothing was.
  semid_ds set{};
  SemaphoreArgument argument{};
  argument.set = &set;
  set.sem_perm.uid = rights.uid;
  set.sem_perm.gid = rights.group;
  set.sem_perm.mode = static_cast<decltype(set.sem_perm.mode)>(rights.mode);
  (void)::semctl(semid, 0, IPC_SET, argument);
  (void)::semctl(semid, 0, IPC_STAT, argument);
  arena_.note(Thing::set, true, semid, rights, {});
  sets_.push_back({semid, set.sem_ctime});
  return semid;
}

int OwnObjects::make_segment() {
  if (segments_.size() == most) remove_segment(segments_.front().id);
  ObjectRights rights = some_rights();
  const int shmid = ::shmget(IPC_PRIVATE, 4096, IPC_CREAT | static_cast<int>(rights.mode));
  if (shmid < 0) return -1;
  shmid_ds segment{};
  segment.shm_perm.uid = rights.uid;
  segment.shm_perm.gid = rights.group;
  segment.shm_perm.mode = static_cast<decltype(segment.shm_perm.mode)>(rights.mode);
  (void)::shmctl(shmid, IPC_SET, &segment);
  (void)::shmctl(shmid, IPC_STAT, &segment);
  arena_.note(Thing::segment, true, shmid, rights, {});
  segments_.push_back({shmid, segment.shm_ctime});
  return shmid;
}

void OwnObjects::remove_set(int semid) {
  if (::semctl(semid, 0, IPC_RMID) == 0) arena_.note(Thing::set, false, semid, {}, {});
  std::erase_if(sets_, [&](const Object& object) { return object.id == semid; });
}

void OwnObjects::remove_segment(int shmid) {
  if (::shmctl(shmid, IPC_RMID, nullptr) == 0) arena_.note(Thing::segment, false, shmid, {}, {});
  std::erase_if(segments_, [&](const Object& object) { return object.id == shmid; });
}

protocol::IpcIds OwnObjects::some_ids() {
  if (sets_.empty() || segments_.empty()) return protocol::closed_ids;
  const Object& set = random_.pick(sets_);
  if (random_.one_in(4)) return {set.id, -1, set.ctime, 0};
  const Object& segment = random_.pick(segments_);
  return {set.id, segment.id, set.ctime, segment.ctime};
}

int OwnObjects::some_set() {
  return sets_.empty() ? -1 : random_.pick(sets_).id;
}

int OwnObjects::some_segment() {
  return segments_.empty() ? -1 : random_.pick(segments_).id;
}

bool OwnObjects::note_name(bool done, bool made, const std::string& name) {
  if (done) arena_.note(Thing::name, made, -1, {}, name);
  return done;
}

bool OwnObjects::bind_name(int socket, const std::string& name) {
  const sockaddr_un address = address_of(in_served_directory(name).c_str());
  return note_name(::bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0, true, name);
}

bool OwnObjects::make_file(const std::string& name) {
  const std::string path = in_served_directory(name);
  return note_name(Descriptor(::open(path.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0666)) ? true : false,
                   true, name);
}

bool OwnObjects::make_fifo(const std::string& name) {
  return note_name(::mkfifo(in_served_directory(name).c_str(), 0666) == 0, true, name);
}

bool OwnObjects::make_link(const std::string& name, const std::string& target) {
  return note_name(::symlink(target.c_str(), in_served_directory(name).c_str()) == 0, true, name);
}

bool OwnObjects::unlink_name(const std::string& name) {
  return note_name(::unlink(in_served_directory(name).c_str()) == 0, false, name);
}

bool OwnObjects::exchange(const std::string& one, const std::string& other) {
  return ::renameat2(AT_FDCWD, in_served_directory(one).c_str(), AT_FDCWD, in_served_directory(other).c_str(),
                     RENAME_EXCHANGE) == 0;
}

}  // namespace secshr::test
