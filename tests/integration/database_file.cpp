#include "tests/integration/database_file.h"

#include <gtest/gtest.h>
#include <sys/sem.h>
#include <sys/shm.h>

#include <cerrno>
#include <cstdint>
#include <cstring>

#include "protocol/database_header.h"
#include "tests/support/semaphore_argument.h"

namespace secshr::test {
namespace {

// Where a client has attached its segment; each process has its own.
void* attached_at = nullptr;

}  // namespace

std::string with_ids(std::string image, const protocol::IpcIds& ids) {
  const auto bytes = protocol::encode_ids(ids);
  std::memcpy(image.data() + protocol::ids_offset, bytes.data(), bytes.size());
  return image;
}

std::string DatabaseImage::text() const {
  std::string image(std::max(size, protocol::inspected_size), '\0');
  for (std::size_t index = 0; index < image.size(); ++index)
    image[index] = static_cast<char>(index * 7 + index / 251);
  image.replace(0, label.size(), label);
  for (unsigned byte = 0; byte < 4; ++byte) image[112 + byte] = static_cast<char>(minor_version >> (8 * byte));
  image = with_ids(std::move(image), ids);
  image.resize(size);
  return image;
}

int make_set(Client& client, int mode) {
  const int semid = client.run([mode] { return ::semget(IPC_PRIVATE, 3, IPC_CREAT | mode); });
  EXPECT_GE(semid, 0);
  return semid;
}

int make_segment(Client& client, int mode) {
  const int shmid = client.run([mode] { return ::shmget(IPC_PRIVATE, 4096, IPC_CREAT | mode); });
  EXPECT_GE(shmid, 0);
  return shmid;
}

protocol::IpcIds ids_of(int semid, int shmid) {
  protocol::IpcIds ids{semid, shmid, 0, 0};
  semid_ds set{};
  SemaphoreArgument argument{};
  argument.set = &set;
  EXPECT_EQ(::semctl(semid, 0, IPC_STAT, argument), 0);
  ids.sem_ctime = set.sem_ctime;
  if (shmid < 0) return ids;
  shmid_ds segment{};
  EXPECT_EQ(::shmctl(shmid, IPC_STAT, &segment), 0);
  ids.shm_ctime = segment.shm_ctime;
  return ids;
}

bool set_exists(int semid) {
  semid_ds set{};
  SemaphoreArgument argument{};
  argument.set = &set;
  return ::semctl(semid, 0, IPC_STAT, argument) == 0;
}

bool segment_exists(int shmid) {
  shmid_ds segment{};
  return ::shmctl(shmid, IPC_STAT, &segment) == 0;
}

void remove_set(int semid) {
  EXPECT_EQ(::semctl(semid, 0, IPC_RMID), 0);
}

void remove_segment(int shmid) {
  EXPECT_EQ(::shmctl(shmid, IPC_RMID, nullptr), 0);
}

int attach(Client& client, int shmid) {
  return client.run([shmid] {
    attached_at = ::shmat(shmid, nullptr, 0);
    return reinterpret_cast<std::intptr_t>(attached_at) != -1 ? 0 : errno;
  });
}

int detach(Client& client) {
  return client.run([] { return ::shmdt(attached_at) == 0 ? 0 : errno; });
}

int operate_on(Client& client, int semid) {
  return client.run([semid] {
    sembuf operation{0, 1, IPC_NOWAIT};
    return ::semop(semid, &operation, 1) == 0 ? 0 : errno;
  });
}

}  // namespace secshr::test
