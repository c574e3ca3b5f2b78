#include "secshr/looker/looker.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

#include "protocol/database_header.h"
#include "secshr/act_as.h"
#include "secshr/descriptor_passing.h"
#include "secshr/limits.h"
#include "secshr/looker/look_message.h"
#include "secshr/looker/proc_status.h"

namespace secshr {
namespace {

// Buffers of one worker, allocated once: nothing is allocated per request.
struct Buffers {
  std::vector<char> text = std::vector<char>(limits::proc_status_size);
  std::vector<gid_t> groups = std::vector<gid_t>(limits::supplementary_groups);
};

Descriptor open_in(int directory, const char* name, int flags) noexcept {
  return Descriptor(::openat(directory, name, flags | O_CLOEXEC | O_NOCTTY));
}

// A path of the form <prefix><number>, in place.
struct NumberedPath {
  NumberedPath(const char* prefix, int number) noexcept {
    (void)std::snprintf(text.data(), text.size(), "%s%d", prefix, number);
  }
  std::array<char, 40> text{};
};

bool is_alive(int pidfd) noexcept {
  pollfd poll_entry{pidfd, POLLIN, 0};
  return ::poll(&poll_entry, 1, 0) == 0;
}

// Calls `line` with each line of the file, without its newline, until it returns true; whether it did. A line longer
// than the buffer ends the search: the kernel's own lines are shorter.
template <typename OnLine>
bool any_line(int file, std::span<char> buffer, OnLine on_line) noexcept {
  std::size_t held = 0;
  while (true) {
    const ssize_t got = ::read(file, buffer.data() + held, buffer.size() - held);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    held += static_cast<std::size_t>(got);
    std::string_view left(buffer.data(), held);
    for (auto end = left.find('\n'); end != std::string_view::npos; end = left.find('\n')) {
      if (on_line(left.substr(0, end))) return true;
      left.remove_prefix(end + 1);
    }
    if (left.size() == buffer.size()) return false;
    std::memmove(buffer.data(), left.data(), left.size());
    held = left.size();
  }
}

bool maps_segment(int process, std::int32_t shmid, const LookerSetup& setup, Buffers& buffers) noexcept {
  if (shmid < 0) return false;
  const Descriptor maps = open_in(process, "maps", O_RDONLY);
  if (!maps) return false;
  return any_line(maps.get(), buffers.text, [&](std::string_view line) {
    const auto mapping = parse_maps_line(line);
    return mapping && shows_segment(*mapping, setup.kernel_tmpfs, shmid);
  });
}

// The client's identity as /proc has it in one read, provided that all of it is what the kernel said of the sender.
std::optional<ProcStatus> read_identity(int process, const Credentials& client, Buffers& buffers) noexcept {
  const Descriptor file = open_in(process, "status", O_RDONLY);
  if (!file) return std::nullopt;
  const ssize_t size = ::read(file.get(), buffers.text.data(), buffers.text.size());
  if (size <= 0 || static_cast<std::size_t>(size) == buffers.text.size()) return std::nullopt;
  const auto status =
      parse_proc_status(std::string_view(buffers.text.data(), static_cast<std::size_t>(size)), buffers.groups);
  if (!status) return std::nullopt;
  for (const uid_t uid : status->uids) {
    if (uid != client.uid) return std::nullopt;
  }
  for (const gid_t gid : status->gids) {
    if (gid != client.gid) return std::nullopt;
  }
  return status;
}

// Opens the path below the client's own root, with the client's rights, without following a magic link, and without
// blocking on or disturbing anything that is not a regular file: the first descriptor only names the object.
LookVerdict open_file(int process, std::string_view path, LookReport& report, Descriptor& file) noexcept {
  const Descriptor root = open_in(process, "root", O_PATH | O_DIRECTORY);
  if (!root) {
    report.error = errno;
    return LookVerdict::unreadable;
  }
  std::array<char, protocol::maximum_path + 1> name{};
  if (path.size() >= name.size()) return LookVerdict::unreadable;
  path.copy(name.data(), path.size());
  open_how how{};
  how.flags = O_PATH | O_CLOEXEC;
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  const Descriptor named(static_cast<int>(::syscall(SYS_openat2, root.get(), name.data(), &how, sizeof how)));
  struct stat facts{};
  if (!named || ::fstat(named.get(), &facts) != 0) {
    report.error = errno;
    return LookVerdict::unreadable;
  }
  report.device = facts.st_dev;
  report.inode = facts.st_ino;
  report.mode = facts.st_mode;
  report.owner = facts.st_uid;
  struct statfs system{};
  if (::fstatfs(named.get(), &system) != 0 || !S_ISREG(facts.st_mode)) return LookVerdict::wrong_type;
  // Files that are made when they are read: of /proc from a process's memory, which may make the reader wait.
  if (system.f_type == PROC_SUPER_MAGIC || system.f_type == SYSFS_MAGIC) return LookVerdict::wrong_type;
  file = open_in(AT_FDCWD, NumberedPath("/proc/self/fd/", named.get()).text.data(), O_RDONLY | O_NONBLOCK);
  if (!file) {
    report.error = errno;
    return LookVerdict::unreadable;
  }
  return LookVerdict::seen;
}

LookVerdict read_header(int file, LookReport& report) noexcept {
  std::array<std::byte, protocol::inspected_size> bytes{};
  const ssize_t size = ::pread(file, bytes.data(), bytes.size(), 0);
  if (size < 0) {
    report.error = errno;
    return LookVerdict::unreadable;
  }
  const auto header = protocol::parse_database_header(std::span(bytes).first(static_cast<std::size_t>(size)));
  if (!header) return LookVerdict::not_a_database;
  report.ids = header->ids;
  return LookVerdict::seen;
}

// What needs the client's rights: its root, its namespaces and maps, and the file.
LookVerdict look_as_client(int process, const LookRequest& request, std::span<const gid_t> groups,
                           const LookerSetup& setup, Buffers& buffers, LookReport& report,
                           Descriptor& file) noexcept {
  const FileIdentity client(request.client.uid, request.client.gid, groups);
  if (!client.ok()) {
    report.error = EPERM;
    return LookVerdict::unreadable;
  }
  struct stat ipc{};
  if (::fstatat(process, "ns/ipc", &ipc, 0) != 0) return LookVerdict::peer_mixed;
  if (ipc.st_dev != setup.ipc_namespace_device || ipc.st_ino != setup.ipc_namespace_inode) {
    return LookVerdict::other_namespace;
  }
  LookVerdict verdict = open_file(process, request.path, report, file);
  if (verdict == LookVerdict::seen) verdict = read_header(file.get(), report);
  if (verdict == LookVerdict::seen) {
    report.maps_header_segment = maps_segment(process, report.ids.shmid, setup, buffers);
  }
  return verdict;
}

// The client's directory in /proc and its identity, read as the client: a /proc that is mounted with hidepid shows it
// to nobody else.
struct Client {
  Descriptor process;
  std::optional<ProcStatus> identity;
};
Client find_client(const LookRequest& request, Buffers& buffers) noexcept {
  const FileIdentity as_client(request.client.uid, request.client.gid);
  if (!as_client.ok()) return {};
  Client client{open_in(AT_FDCWD, NumberedPath("/proc/", request.client.pid).text.data(), O_PATH | O_DIRECTORY), {}};
  if (client.process) client.identity = read_identity(client.process.get(), request.client, buffers);
  return client;
}

LookVerdict look(const LookRequest& request, int pidfd, const LookerSetup& setup, Buffers& buffers,
                 LookReport& report, Descriptor& file) noexcept {
  const Client client = find_client(request, buffers);
  // While the pidfd's process lives its pid is not given to another: so what was opened before is that process's.
  if (!is_alive(pidfd)) return LookVerdict::peer_gone;
  if (!client.identity) return LookVerdict::peer_mixed;
  client.identity->name.copy(report.comm.data(), report.comm.size() - 1);
  const auto groups = std::span(buffers.groups).first(client.identity->group_count);
  const LookVerdict verdict = look_as_client(client.process.get(), request, groups, setup, buffers, report, file);
  return is_alive(pidfd) ? verdict : LookVerdict::peer_gone;
}

}  // namespace

std::optional<LookerSetup> prepare_looker() noexcept {
  LookerSetup setup;
  struct stat ipc{};
  if (::stat("/proc/self/ns/ipc", &ipc) != 0) return std::nullopt;
  setup.ipc_namespace_device = ipc.st_dev;
  setup.ipc_namespace_inode = ipc.st_ino;

  // Segments and shared anonymous pages are files of the same tmpfs that only the kernel can reach.
  constexpr std::size_t page = 4096;
  void* shared = ::mmap(nullptr, page, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) return std::nullopt;
  const Descriptor maps = open_in(AT_FDCWD, "/proc/self/maps", O_RDONLY);
  std::array<char, 32> start{};
  const int length = std::snprintf(start.data(), start.size(), "%lx-", reinterpret_cast<unsigned long>(shared));
  std::array<char, 8192> buffer{};
  const bool found = maps && any_line(maps.get(), buffer, [&](std::string_view line) {
                       if (!line.starts_with(std::string_view(start.data(), static_cast<std::size_t>(length))))
                         return false;
                       const auto mapping = parse_maps_line(line);
                       if (!mapping) return false;
                       setup.kernel_tmpfs = *mapping;
                       setup.kernel_tmpfs.path = {};
                       return true;
                     });
  (void)::munmap(shared, page);
  if (!found) return std::nullopt;
  return setup;
}

void serve_looks(const LookerSetup& setup, int channel, BusyMark& busy) noexcept {
  Buffers buffers;
  std::array<std::byte, look_request_size> bytes{};
  while (true) {
    const auto message = receive_message(channel, bytes, Wait::yes);
    if (!message || message->size == 0) return;
    const auto request = decode_look_request(std::span(bytes).first(message->size));
    if (!request || !message->descriptor) return;
    busy.begin();
    LookReport report;
    report.job = request->job;
    Descriptor file;
    report.verdict = look(*request, message->descriptor.get(), setup, buffers, report, file);
    if (report.verdict != LookVerdict::seen) file.reset();
    const auto sent = send_message(channel, encode_look_report(report), file.get(), Wait::yes);
    busy.end();
    if (!sent) return;
  }
}

}  // namespace secshr
