// What of the kernel secshr is built on, asked of the kernel that runs.
#pragma once

#include <array>
#include <string_view>

#include "admin/doctor/report.h"

namespace secshr::admin {

struct KernelFeature {
  std::string_view name;
  Severity severity;             // of its absence
  std::string_view consequence;  // of its absence
  bool (*is_there)() noexcept;
};

bool has_landlock() noexcept;
bool has_scm_pidfd() noexcept;
bool has_seccomp_filters() noexcept;
bool has_pidfds() noexcept;
bool has_openat2() noexcept;

inline constexpr std::array<KernelFeature, 5> kernel_features{{
    {"Landlock", Severity::warning,
     "a broker in somebody's hands is kept from files by its uid alone (see lsm= of "
     "the kernel's command line)",
     has_landlock},
    {"SCM_PIDFD", Severity::notice, "senders are told apart by their times of start instead (Linux 6.5 has it)",
     has_scm_pidfd},
    {"seccomp filters", Severity::error, "no broker starts", has_seccomp_filters},
    {"pidfds", Severity::error, "no broker starts", has_pidfds},
    {"openat2", Severity::error, "no path of a client's can be opened", has_openat2},
}};

}  // namespace secshr::admin
