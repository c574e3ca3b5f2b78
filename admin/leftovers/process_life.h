// Whether the process that a number in a name or in an object stands for still lives.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

namespace secshr::admin {

// That of this pid namespace, and not a zombie, which has nothing open any more. In doubt it lives.
[[nodiscard]] bool lives(pid_t pid);

// Whether it lives and can be the one that did something at `time`, in seconds since the epoch: one that started
// after that has but the number. (A clock that was put forward since can make a process look younger than it is; one
// that was put back, no process.)
[[nodiscard]] bool lives_since(pid_t pid, std::int64_t time);

// What it calls itself, escaped; empty where nobody can tell.
[[nodiscard]] std::string name_of_process(pid_t pid);

}  // namespace secshr::admin
