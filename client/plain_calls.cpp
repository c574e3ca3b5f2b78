#include "client/plain_calls.h"

#include <fcntl.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <span>

#include "client/explanation.h"
#include "protocol/database_header.h"
#include "protocol/socket_names.h"
#include "system/descriptor.h"
#include "system/reopen.h"

namespace secshr::client {
namespace {

static_assert(needs_the_owner(-EPERM) && needs_the_owner(-EACCES));

int result_of(long returned, const char* what) noexcept {
  if (returned >= 0) return 0;
  return fail(-errno, "%s: %s", what, std::strerror(errno));
}

bool is_gone(int error) noexcept {
  return error == EINVAL || error == EIDRM;
}

// Through the descriptor, so that it is the socket that was looked at.
bool is_bound(int file) noexcept {
  const Descriptor probe(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!probe) return true;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  (void)std::snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d", file);
  return ::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ||
         (errno != ECONNREFUSED && errno != EACCES);
}

// Whoever may open the file for writing needs nobody's leave; but what is no database is not made one.
int write_ids(int file, const protocol::IpcIds& ids) noexcept {
  std::array<std::byte, protocol::inspected_size> start{};
  const ssize_t size = ::pread(file, start.data(), start.size(), 0);
  if (size < 0) return -errno;
  if (!protocol::parse_database_header(std::span(start).first(static_cast<std::size_t>(size)))) {
    return fail(-EINVAL, "the file is no database of a format that is known");
  }
  const auto bytes = protocol::encode_ids(ids);
  const ssize_t written = ::pwrite(file, bytes.data(), bytes.size(), protocol::ids_offset);
  if (written == static_cast<ssize_t>(bytes.size())) return 0;
  const int error = written < 0 ? errno : EIO;
  // Cut short: the old ones again, so that the header is never a mixture.
  if (written > 0)
    (void)!::pwrite(file, start.data() + protocol::ids_offset, static_cast<std::size_t>(written),
                    protocol::ids_offset);
  return fail(-error, "the header cannot be written: %s", std::strerror(error));
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
  const Descriptor file(::open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC));
  struct stat facts{};
  if (!file || ::fstat(file.get(), &facts) != 0) return result_of(-1, "the socket file cannot be looked at");
  if (!S_ISSOCK(facts.st_mode)) return fail(-ENOTSOCK, "%s is no socket", path);
  if (is_bound(file.get())) return fail(-EBUSY, "somebody is bound to %s", path);
  return result_of(::unlink(path), "the socket file cannot be removed");
}

int flush_ids(const char* path, const protocol::IpcIds& ids) noexcept {
  // First only named, so that nothing blocks on what is no regular file, nor is disturbed by being opened.
  const Descriptor named(::open(path, O_PATH | O_CLOEXEC));
  struct stat facts{};
  if (!named || ::fstat(named.get(), &facts) != 0) return result_of(-1, "the database file cannot be looked at");
  if (!S_ISREG(facts.st_mode)) return fail(-EINVAL, "%s is no regular file", path);
  const Descriptor file = reopen(named.get(), O_RDWR | O_NONBLOCK);
  if (!file) return result_of(-1, "the database file cannot be opened for writing");
  return write_ids(file.get(), ids);
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
  return ::faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) != 0 && errno == ENOENT;
}

}  // namespace secshr::client
