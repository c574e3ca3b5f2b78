// Whether a directory lies on a file system of this machine alone: on another, a server that hangs would hang whoever
// looks, and sockets may be bound by processes of other machines.
#pragma once

#include <linux/magic.h>
#include <sys/vfs.h>

#include <algorithm>
#include <array>

namespace secshr {

// Of those that are known to be; nobody can be asked about the rest.
[[nodiscard]] inline bool is_on_local_file_system(int descriptor) noexcept {
  constexpr auto local = std::to_array<unsigned long>({EXT4_SUPER_MAGIC, XFS_SUPER_MAGIC, BTRFS_SUPER_MAGIC,
                                                       TMPFS_MAGIC, OVERLAYFS_SUPER_MAGIC, F2FS_SUPER_MAGIC,
                                                       RAMFS_MAGIC, 0x2FC12FC1 /* zfs */, 0xCA451A4E /* bcachefs */});
  struct statfs facts{};
  return ::fstatfs(descriptor, &facts) == 0 &&
         std::ranges::find(local, static_cast<unsigned long>(facts.f_type)) != local.end();
}

}  // namespace secshr
