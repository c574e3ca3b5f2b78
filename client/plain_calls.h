// What the process can do by itself: each of these is the plain system call, and what there is to see to before it.
#pragma once

#include <sys/types.h>

#include "protocol/profile.h"
#include "protocol/request.h"

namespace secshr::client {

// 0, or a negative errno value. -EPERM and -EACCES: it takes the owner. Others are explained.
[[nodiscard]] int signal_process(pid_t pid, int signal) noexcept;
[[nodiscard]] int remove_semaphore_set(int semid) noexcept;
[[nodiscard]] int remove_segment(int shmid) noexcept;
[[nodiscard]] int remove_socket(const protocol::Profile& profile, const char* path) noexcept;
[[nodiscard]] int flush_ids(const char* path, const protocol::IpcIds& ids) noexcept;

// Whether that which was to be removed is gone: then it does not matter who has done it.
[[nodiscard]] bool is_semaphore_set_gone(int semid) noexcept;
[[nodiscard]] bool is_segment_gone(int shmid) noexcept;
[[nodiscard]] bool is_file_gone(const char* path) noexcept;

[[nodiscard]] constexpr bool needs_the_owner(int result) noexcept {
  return result == -1 /* EPERM */ || result == -13 /* EACCES */;
}

}  // namespace secshr::client
