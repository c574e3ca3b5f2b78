// What the tests of secshrctl start from: secshr installed, and an installation of GT.M as its package lays it out,
// with a text in place of the helper and of the library.
#pragma once

#include <sys/stat.h>

#include <string>
#include <vector>

#include "secshr_paths.h"
#include "tests/support/private_world.h"
#include "tests/support/run_as.h"

namespace secshr::test {

class AdminTest : public PrivateWorldTest {
 protected:
  static inline const std::string distribution = "/mnt/test/gtm";
  static inline const std::string helper = distribution + "/gtmsecshr";
  static inline const std::string utf8_helper = distribution + "/utf8/gtmsecshr";
  static inline const std::string original = helper + ".secshr-original";
  static inline const std::string record = std::string(paths::installations) + "/gtm.toml";
  static inline const std::string stock_helper = "a stock helper, which executes /gtmsecshrdir/gtmsecshr";

  void SetUp() override;

  // A second installation, or a first one anew.
  static void make_installation(const std::string& directory, mode_t mode = 04755, gid_t group = 0);

  // Runs secshrctl as root and keeps what it said; returns the exit status.
  int run(const std::vector<std::string>& arguments);
  int run_unprivileged(const std::vector<std::string>& arguments);
  [[nodiscard]] const std::string& said() const { return said_; }  // on standard output
  [[nodiscard]] const std::string& complaint() const { return complaint_; }

  // Starts a stand-in for a broker, with this program, that holds the installation's lock.
  static Running hold_lock(const std::string& program, const std::string& installation);
  static bool runs(pid_t pid);

  // Every file that adopt and restore may touch: name, inode, owner, group, mode, links, contents.
  static std::string snapshot(const std::string& directory = distribution);

 private:
  int keep(const Outcome& outcome);
  std::string said_;
  std::string complaint_;
};

struct stat status_of(const std::string& path);

}  // namespace secshr::test
