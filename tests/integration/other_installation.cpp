#include "tests/integration/other_installation.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "protocol/server_key.h"
#include "protocol/socket_names.h"

namespace secshr::test {

Outcome OtherInstallation::adopt() const {
  const std::string profile_name(protocol::profile(profile).name);
  return run_as(
      0, 0, {},
      {"/usr/bin/secshrctl", "adopt", directory, "--name", name, "--profile", profile_name, "--release", release});
}

Command OtherInstallation::start_command(const std::string& tmp_directory) const {
  const std::string variable(protocol::profile(profile).tmp_variables[0]);
  return {wrapper(), {wrapper()}, {variable + "=" + tmp_directory}, {}};
}

std::string OtherInstallation::server_in(const std::string& tmp_directory) const {
  struct stat status{};
  EXPECT_EQ(::stat(wrapper().c_str(), &status), 0);
  const auto key_of_name = protocol::server_key(status.st_dev, status.st_ino);
  return tmp_directory + "/" +
         std::string(protocol::server_socket_name(protocol::profile(profile), key_of_name).view());
}

std::string OtherInstallation::client_name(pid_t pid) const {
  return std::string(protocol::client_socket_name(protocol::profile(profile), pid).view());
}

std::unique_ptr<Client> OtherInstallation::connect(const Identity& identity, const std::string& tmp_directory) const {
  auto client = std::make_unique<Client>(identity);
  EXPECT_EQ(client->bind(tmp_directory + "/" + client_name(client->pid())), 0);
  return client;
}

}  // namespace secshr::test
