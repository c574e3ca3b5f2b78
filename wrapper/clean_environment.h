// The environment the broker gets: built from nothing out of at most six of the caller's variables.
//   gtm_tmp, ydb_tmp, secshr_tmp  a directory; one that is empty, not absolute, longer than `tmp_limit`, or holds a
//                                 control byte or a ".." component is replaced by "/tmp", as stock servers do: never
//                                 cut into another path.
//   gtm_log, ydb_log, secshr_log  the same with `log_limit`, but an unusable one is dropped: the copy of the log is
//                                 optional.
// What names no variable is refused, but for the remains that stock clients hand on (see is_remains).
// A variable that is absent stays absent. Other bytes pass as they are, bytes that are no UTF-8, "//" and trailing
// slashes included: they are file names, and the starter goes on with the directory it opens, not with its name.
#pragma once

#include <array>
#include <cstddef>

namespace secshr {

inline constexpr std::size_t tmp_limit = 86, log_limit = 4095;

struct CleanEnvironment {
  std::array<char*, 7> entries;  // what execve(2) takes: into `text`, ended by a null pointer
  std::array<std::array<char, sizeof "secshr_log=" + log_limit>, 6> text;
  bool tmp_replaced, log_dropped;
};

// `given` is an environ-style array. Returns nullptr; or, for an environment that no honest program makes, a reason
// to refuse the start. Only `clean` is written.
[[nodiscard]] const char* clean_environment(const char* const* given, CleanEnvironment& clean) noexcept;

}  // namespace secshr
