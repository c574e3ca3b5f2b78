// The broker's own places, in directories that only root can write to: /run/secshr/NAME and the log's directory.
#pragma once

#include <sys/types.h>

#include <expected>
#include <string>

#include "system/descriptor.h"

namespace secshr {

struct PlaceFault {
  std::string path;
  std::string what;
  bool is_the_disks = false;  // full, failing or mounted read-only: nobody has done anything wrong
};

// Makes what is missing of `base`/`name` (0755) and opens it, provided that all of the way is root-controlled:
// otherwise nothing is made. What is above `base` must be there.
[[nodiscard]] std::expected<Descriptor, PlaceFault> open_place(const std::string& base, const std::string& name);

inline constexpr char log_name[] = "gtm_secshr_log";

// Opens the audit log in it, or makes it with that mode, for appending, and for reading how it ends: a regular file
// of root's with one name, which nobody else may write.
[[nodiscard]] std::expected<Descriptor, PlaceFault> open_log(int directory, const char* name, mode_t mode);

// What takes no line, in the place of a log that the disk does not let us have: each is counted as lost.
[[nodiscard]] Descriptor open_full_device() noexcept;

}  // namespace secshr
