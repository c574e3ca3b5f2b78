// What the administrator does not let everybody have, the table [restrict]: which requests are served, to which
// groups, and how often.
#pragma once

#include <sys/types.h>

#include <expected>
#include <string_view>
#include <vector>

#include "installation/configuration_error.h"

namespace secshr {

// Whether one kind of request is served, and to whom.
struct Restriction {
  bool served = true;
  std::vector<gid_t> groups;  // members only; empty: everybody
};

struct Restrictions {
  Restriction wake;
  Restriction remove_semaphore_set;
  Restriction remove_segment;
  Restriction remove_file;
  Restriction continue_process;
  Restriction flush_header;
  unsigned requests_per_second_per_uid = 2000;
  unsigned requests_per_second = 20000;
  unsigned refusals_per_second_per_uid = 100;  // more, again and again: a growing pause for that uid
};

struct TomlEntry;
// Takes the table's keys and refuses every other one.
std::expected<void, ConfigurationError> take_restrictions(const TomlEntry& entry, Restrictions& restrictions);
std::vector<std::string_view> restriction_keys();

}  // namespace secshr
