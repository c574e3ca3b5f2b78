#include "admin/leftovers/leftover_sockets.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <string_view>
#include <utility>

#include "admin/leftovers/directory_names.h"
#include "admin/leftovers/process_life.h"
#include "protocol/profile.h"
#include "protocol/socket_names.h"
#include "secshr/datagram_socket.h"
#include "system/descriptor.h"

namespace secshr::admin {
namespace {

using protocol::Profile;
using protocol::ProfileId;

constexpr std::array every_profile{ProfileId::gtm, ProfileId::ydb, ProfileId::generic};

bool begins_like_one(std::string_view name) {
  return std::ranges::any_of(every_profile, [&](ProfileId id) {
    const Profile& profile = protocol::profile(id);
    const std::string_view mutex = profile.mutex_socket_prefix;
    return name.starts_with(profile.socket_prefix) || (!mutex.empty() && name.starts_with(mutex));
  });
}

std::optional<pid_t> pid_in(std::string_view name) {
  for (const ProfileId id : every_profile) {
    if (const auto leftover = protocol::parse_leftover_name(protocol::profile(id), name)) return leftover->pid;
  }
  return std::nullopt;
}

bool is_server_name(std::string_view name) {
  return std::ranges::any_of(every_profile, [&](ProfileId id) {
    return protocol::parse_server_socket_name(protocol::profile(id), name).has_value();
  });
}

enum class Bound : std::uint8_t { no, yes, unknown };
// With errno set where it is unknown. Root may write to every socket file, so that the kernel always tells: it
// refuses a connection where nobody is bound, and otherwise makes it, or says that the other is of another type or
// connected itself.
Bound look_whether_bound(int file) {
  const Descriptor probe = make_datagram_socket();
  if (!probe) return Bound::unknown;
  errno = connect_to_file(probe.get(), file);
  if (errno == ECONNREFUSED) return Bound::no;
  return errno == 0 || errno == EPROTOTYPE || errno == EPERM ? Bound::yes : Bound::unknown;
}

// bind(2) makes the file a moment before anybody is bound to it. A time to come is a clock's or its owner's fault.
bool is_just_made(const struct stat& facts) {
  constexpr std::time_t moment = 2;
  const std::time_t age = std::time(nullptr) - facts.st_mtim.tv_sec;
  return age >= 0 && age < moment;
}

SocketVerdict undecided(SocketFile& socket) {
  socket.fault = std::strerror(errno);
  return SocketVerdict::undecided;
}

// The process first: once it has ended, nothing binds the file any more.
SocketVerdict judge(SocketFile& socket, int file, const struct stat& facts, const AdoptedNames& adopted) {
  if (socket.pid == 0 && !is_server_name(socket.name)) return SocketVerdict::not_a_name;
  if (!S_ISSOCK(facts.st_mode)) return SocketVerdict::not_a_socket;
  const bool process_lives = socket.pid != 0 && lives(socket.pid);
  if (process_lives) socket.process = name_of_process(socket.pid);
  const Bound bound = look_whether_bound(file);
  if (bound == Bound::unknown) return undecided(socket);
  if (bound == Bound::yes) return SocketVerdict::bound;
  if (process_lives) return SocketVerdict::live_process;
  if (socket.pid == 0 && adopted.hold(socket.name)) return SocketVerdict::adopted_server;
  if (is_just_made(facts)) return SocketVerdict::just_made;
  return socket.pid != 0 ? SocketVerdict::dead_process : SocketVerdict::dead_server;
}

// The descriptor keeps the inode, so that no other file can have got its number.
void remove(int directory, SocketFile& socket, const struct stat& judged) {
  struct stat named{};
  const bool is_there = ::fstatat(directory, socket.name.c_str(), &named, AT_SYMLINK_NOFOLLOW) == 0;
  if (is_there && (named.st_dev != judged.st_dev || named.st_ino != judged.st_ino)) {
    socket.fault = "was replaced by another file meanwhile";
    return;
  }
  socket.removed = is_there && ::unlinkat(directory, socket.name.c_str(), 0) == 0;
  if (!socket.removed) socket.fault = std::strerror(errno);
}

// nullopt: it is gone, or of no interest.
std::optional<SocketFile> reap_one(int directory, std::string name, const AdoptedNames& adopted, Reap reap) {
  SocketFile socket;
  socket.pid = pid_in(name).value_or(0);
  socket.name = std::move(name);
  const Descriptor file(::openat(directory, socket.name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  struct stat facts{};
  if (!file || ::fstat(file.get(), &facts) != 0) {
    if (errno == ENOENT) return std::nullopt;
    socket.verdict = undecided(socket);
    return socket;
  }
  socket.owner = facts.st_uid;
  socket.verdict = judge(socket, file.get(), facts, adopted);
  // Of what has neither the name nor the kind nobody could think that it is left over.
  if (socket.verdict == SocketVerdict::not_a_name && !S_ISSOCK(facts.st_mode)) return std::nullopt;
  if (reap == Reap::remove && is_left_over(socket.verdict)) remove(directory, socket, facts);
  return socket;
}

}  // namespace

Result<std::vector<SocketFile>> reap_sockets(int directory, const AdoptedNames& adopted, Reap reap) {
  auto names = names_in_directory(directory);
  if (!names) return std::unexpected(names.error());
  std::erase_if(*names, [](const std::string& name) { return !begins_like_one(name); });
  std::ranges::sort(*names);
  std::vector<SocketFile> sockets;
  for (std::string& name : *names) {
    if (auto socket = reap_one(directory, std::move(name), adopted, reap)) sockets.push_back(*std::move(socket));
  }
  return sockets;
}

}  // namespace secshr::admin
