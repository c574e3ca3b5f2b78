// Names of sockets in a served directory behind the seam: what one stands for, and removing a leftover.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "secshr/linux_kernel.h"
#include "system/uninterrupted.h"

namespace secshr {
namespace {

struct LookedUp {
  Descriptor file;  // O_PATH
  NamedSocket facts;
};

// With those rights, without following a link.
std::expected<LookedUp, int> look_up(int directory, const char* name, const Rights& rights) noexcept {
  const FileIdentity identity(rights.uid, rights.gid, rights.groups);
  if (!identity.ok()) return std::unexpected(EPERM);
  LookedUp found{
      Descriptor(uninterrupted([&] { return ::openat(directory, name, O_PATH | O_NOFOLLOW | O_CLOEXEC); })), {}};
  if (!found.file) return std::unexpected(errno);
  struct stat facts{};
  if (::fstat(found.file.get(), &facts) != 0) return std::unexpected(errno);
  found.facts.inode = facts.st_ino;
  found.facts.owner = facts.st_uid;
  found.facts.mode = facts.st_mode;
  found.facts.is_socket = S_ISSOCK(facts.st_mode);
  // By the file system ids, as the unlink will be judged.
  found.facts.directory_is_writable = ::faccessat(directory, ".", W_OK | X_OK, AT_EACCESS) == 0;
  return found;
}

}  // namespace

std::expected<NamedSocket, int> LinuxKernel::named_socket(int directory, const char* name, const Rights& rights,
                                                          AskTheList ask) noexcept {
  // First as nobody in particular, who can mostly tell already that there is nothing.
  if (::faccessat(directory, name, F_OK, AT_EACCESS | AT_SYMLINK_NOFOLLOW) != 0 && errno == ENOENT) {
    return std::unexpected(ENOENT);
  }
  auto found = look_up(directory, name, rights);
  if (!found) return std::unexpected(found.error());
  found->facts.is_bound = found->facts.is_socket && bound_names_.is_bound(found->file.get(), name, ask);
  return found->facts;
}

std::expected<void, int> LinuxKernel::remove_socket(int directory, const char* name, const Rights& rights,
                                                    const NamedSocket& seen) noexcept {
  const auto now = named_socket(directory, name, rights, AskTheList::yes);
  if (!now) return std::unexpected(now.error());
  if (now->inode != seen.inode || now->owner != seen.owner || !now->is_socket || now->is_bound) {
    return std::unexpected(EBUSY);
  }
  const FileIdentity identity(rights.uid, rights.gid, rights.groups);
  if (!identity.ok()) return std::unexpected(EPERM);
  constexpr std::array<cap_value_t, 1> past_the_sticky_bit{CAP_FOWNER};
  const RaisedCapabilities raised(past_the_sticky_bit);
  if (!raised.ok()) return std::unexpected(EPERM);
  if (::unlinkat(directory, name, 0) != 0) return std::unexpected(errno);
  return {};
}

}  // namespace secshr
