// An installation besides the fixture's own, with everything that is its alone: what it is, and where that is.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "protocol/profile.h"
#include "tests/integration/client.h"
#include "tests/support/run_as.h"

namespace secshr::test {

struct OtherInstallation {
  std::string name;
  protocol::ProfileId profile;
  std::string directory;
  std::string release;
  std::uint32_t key;  // of the release

  // By secshrctl, as an administrator would; the directory has its programs already.
  [[nodiscard]] Outcome adopt() const;
  [[nodiscard]] std::string wrapper() const { return directory + "/gtmsecshr"; }
  // As a client executes it, with the first of the profile's variables naming the directory.
  [[nodiscard]] Command start_command(const std::string& tmp_directory) const;

  [[nodiscard]] std::string lock_file() const { return "/run/secshr/" + name + "/lock"; }
  [[nodiscard]] std::string counters_page() const { return "/run/secshr/" + name + "/counters"; }
  [[nodiscard]] std::string log_file() const { return "/var/log/secshr/" + name + "/gtm_secshr_log"; }
  // The names of sockets.
  [[nodiscard]] std::string server_in(const std::string& tmp_directory) const;
  [[nodiscard]] std::string client_name(pid_t pid) const;
  // A client with its socket bound in the directory.
  [[nodiscard]] std::unique_ptr<Client> connect(const Identity& identity, const std::string& tmp_directory) const;
};

}  // namespace secshr::test
