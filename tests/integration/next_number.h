// Numbers that the kernel gives, chosen by the test.
#pragma once

#include <fcntl.h>
#include <sys/types.h>
#include <unistd.h>

#include <string>

#include "system/descriptor.h"

namespace secshr::test {

// These return false where the kernel cannot do that.
inline bool write_next_number(const char* knob, int number) {
  const Descriptor file(::open(knob, O_WRONLY | O_CLOEXEC));
  const std::string text = std::to_string(number);
  return file && ::write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
}
// The next process, semaphore set or segment that is made gets this number.
inline bool choose_next_pid(pid_t pid) {
  return write_next_number("/proc/sys/kernel/ns_last_pid", pid - 1);
}
inline bool choose_next_semid(int semid) {
  return write_next_number("/proc/sys/kernel/sem_next_id", semid);
}
inline bool choose_next_shmid(int shmid) {
  return write_next_number("/proc/sys/kernel/shm_next_id", shmid);
}

}  // namespace secshr::test
