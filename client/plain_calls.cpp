#include "client/plain_calls.h"

#include <fcntl.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <span>

#include "client/apart.h"
#include "client/bound.h"
#include "client/explanation.h"
#include "protocol/database_header.h"
#include "protocol/socket_names.h"
#include "system/descriptor.h"
#include "system/reopen.h"
#include "system/uninterrupted.h"

namespace secshr::client {
namespace {

static_assert(needs_the_owner(-EPERM) && needs_the_owner(-EACCES));

int result_of(long returned, const char* what) noexcept {
  if (returned >= 0) return 0;
  return fail(-errno, "%s: %s", what, text_of(errno));
}

bool is_gone(int error) noexcept {
  return error == EINVAL || error == EIDRM;
}

// 0 where nobody is bound to it. Through the descriptor, so that it is the socket that was looked at. One that this
// user may not send to could be anybody's: the broker can tell.
int refuse_bound(int file, const char* path) noexcept {
  const int found = look_whether_bound(address_of_file(file));
  if (found == ECONNREFUSED) return 0;
  if (found == 0 || found == EPROTOTYPE) return fail(-EBUSY, "somebody is bound to %s", path);
  return fail(-found, "whether somebody is bound to %s cannot be told: %s", path, text_of(found));
}

// Whoever may open the file for writing needs nobody's leave; but what is no database is not made one.
int write_ids(int file, const protocol::IpcIds& ids) noexcept {
  std::array<std::byte, protocol::inspected_size> start{};
  const ssize_t size = pread_whole(file, std::span(start), 0);
  if (size < 0) return fail(-errno, "the database file cannot be read: %s", text_of(errno));
  if (!protocol::parse_database_header(std::span(start).first(static_cast<std::size_t>(size)))) {
    return fail(-EINVAL, "the file is no database of a format that is known");
  }
  const auto bytes = protocol::encode_ids(ids);
  const auto write = [file](const std::byte* from, std::size_t count) {
    return uninterrupted([&] { return ::pwrite(file, from, count, protocol::ids_offset); });
  };
  const ssize_t written = write(bytes.data(), bytes.size());
  if (written == static_cast<ssize_t>(bytes.size())) return 0;
  const int error = written < 0 ? errno : EIO;
  // Cut short: the old ones again, so that the header is never a mixture.
  if (written > 0) (void)write(start.data() + protocol::ids_offset, static_cast<std::size_t>(written));
  return fail(-error, "the header cannot be written: %s", text_of(error));
}

struct Flush {
  const char* path;
  const protocol::IpcIds& ids;
};

int open_and_write(void* given) noexcept {
  const auto& flush = *static_cast<const Flush*>(given);
  // First only named, so that nothing blocks on what is no regular file, nor is disturbed by being opened.
  const Descriptor named(uninterrupted([&] { return ::open(flush.path, O_PATH | O_CLOEXEC); }));
  struct stat facts{};
  if (!named || ::fstat(named.get(), &facts) != 0) return result_of(-1, "the database file cannot be looked at");
  if (!S_ISREG(facts.st_mode)) return fail(-EINVAL, "%s is no regular file", flush.path);
  const Descriptor file = reopen(named.get(), O_RDWR | O_NONBLOCK);
  if (!file) return result_of(-1, "the database file cannot be opened for writing");
  return write_ids(file.get(), flush.ids);
}

}  // namespace

int signal_process(pid_t pid, int signal) noexcept {
  return result_of(::kill(pid, signal), "the process cannot be signalled");
}

int remove_semaphore_set(int semid) noexcept {
  return result_of(::semctl(semid, 0, IPC_RMID), "the semaphore set cannot be removed");
}

int remove_segment(int shmid) noexcept {
  return result_of(::shmctl(shmid, IPC_RMID, nullptr), "the segment cannot be removed");
}

int remove_socket(const protocol::Profile& profile, const char* path) noexcept {
  // While a socket is being bound its file is there before it can be connected to: a name that is a living process's
  // is no leftover, whatever the file says.
  const auto name = protocol::parse_leftover_name(profile, protocol::last_component(path));
  if (name && name->pid != ::getpid() && (::kill(name->pid, 0) == 0 || errno != ESRCH)) {
    return fail(-EBUSY, "%s is the name of a process that lives", path);
  }
  const Descriptor file(uninterrupted([&] { return ::open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC); }));
  struct stat facts{};
  if (!file || ::fstat(file.get(), &facts) != 0) return result_of(-1, "the socket file cannot be looked at");
  if (!S_ISSOCK(facts.st_mode)) return fail(-ENOTSOCK, "%s is no socket", path);
  if (const int bound = refuse_bound(file.get(), path); bound != 0) return bound;
  if (::unlink(path) != 0 && errno != ENOENT) return result_of(-1, "the socket file cannot be removed");
  return 0;
}

// Apart: to close a database is to give up the program's record locks on it.
int flush_ids(const char* path, const protocol::IpcIds& ids) noexcept {
  Flush flush{path, ids};
  return run_apart(open_and_write, &flush);
}

bool is_semaphore_set_gone(int semid) noexcept {
  // Whoever asks that cannot be told of it gets another error than one to whom there is none.
  return ::semctl(semid, 0, GETPID) < 0 && is_gone(errno);
}

bool is_segment_gone(int shmid) noexcept {
  shmid_ds facts{};
  return ::shmctl(shmid, IPC_STAT, &facts) < 0 && is_gone(errno);
}

bool is_file_gone(const char* path) noexcept {
  struct stat facts{};
  return ::lstat(path, &facts) != 0 && errno == ENOENT;
}

}  // namespace secshr::client
