// The administrator's configuration, /etc/secshr/secshr.toml: read whole, once per start, or not at all.
//
// Nothing is forgiven: an unknown key, a wrong type, an impossible value or a file that anyone but root could have
// written is an error that names its place, since a restriction that is misspelt and ignored would fail open.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "installation/acknowledgements.h"
#include "installation/configuration_error.h"
#include "installation/log_settings.h"
#include "installation/restrictions.h"
#include "secshr_paths.h"

namespace secshr {

struct Configuration {
  // The ids of the three processes, distinct and used by nothing else; each number is the gid as well.
  uid_t broker_uid = 0;
  uid_t looker_uid = 0;
  uid_t writer_uid = 0;
  std::vector<std::string> pinned_directories;
  std::string log_directory = paths::log;
  std::chrono::seconds idle_timeout{6000};
  bool allow_root_objects = false;
  unsigned max_directories = 16;
  Restrictions restrictions;
  LogSettings log;
  std::vector<Acknowledgement> acknowledged;
  std::string text;        // the file's bytes
  std::uint64_t hash = 0;  // of them, to tell in log and status which text is in force
};

// `file` only names the text in errors.
std::expected<Configuration, ConfigurationError> parse_configuration(std::string_view text, std::string_view file);
std::expected<Configuration, ConfigurationError> load_configuration(const char* path);

// Every key there is, those of a table as "table.key".
std::vector<std::string> configuration_keys();

}  // namespace secshr
