// The adopted installations: one record each, /etc/secshr/installations.d/NAME.toml, written by `secshrctl adopt`.
//
// A record is trusted because only root can have written it; which installation a wrapper belongs to is decided by
// the wrapper's own device and inode number, never by a name that a caller could choose.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "installation/configuration_error.h"
#include "protocol/profile.h"

namespace secshr {

struct Installation {
  std::string name;
  const protocol::Profile* profile = nullptr;
  std::string directory;  // DIST, as realpath gave it
  std::string release;    // what the communication key is computed from
  std::uint32_t communication_key = 0;
};

// [A-Za-z0-9._-]{1,64}, not starting with '.' or '-': a file name that no shell, option parser or log misreads.
bool is_installation_name(std::string_view name) noexcept;
// 1 to 128 printable ASCII characters.
bool is_release(std::string_view release) noexcept;
// DIST/gtmsecshr, the wrapper of the installation in `directory`.
std::string wrapper_path(std::string_view directory);

// `file` only names the text in errors; `name` is the file's name without ".toml".
std::expected<Installation, ConfigurationError> parse_installation(std::string_view text, std::string_view file,
                                                                   std::string_view name);
std::string format_installation(const Installation& installation);

struct InstallationRecords {
  std::vector<Installation> good;  // by name
  std::vector<ConfigurationError> bad;
};
// Every NAME.toml of `directory`, read by itself. Names that start with '.' are files still being written; other
// names are not records. A missing directory holds none; one that is not root's alone is an error.
std::expected<InstallationRecords, ConfigurationError> read_installations(const char* directory);
// The same, where one bad record is an error.
std::expected<std::vector<Installation>, ConfigurationError> load_installations(const char* directory);

// The installation whose DIST/gtmsecshr is, right now, this very file; nullopt: not adopted.
//
// A bad record never matches, and it does not keep the others from matching: one broken file must not stop every
// database on the machine. It is reported (as the error) only where nothing matched, for then it may be the record
// that was meant. Two records that match are an error: two brokers would answer for one server key.
std::expected<std::optional<Installation>, ConfigurationError> find_installation(const char* directory, dev_t device,
                                                                                 ino_t inode);

}  // namespace secshr
