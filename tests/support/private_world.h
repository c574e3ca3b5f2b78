// A machine of the tests' own, so that they can install programs, write configuration, run daemons and make IPC
// objects in earnest at the real paths, and none of it is there afterwards.
//
// A test program linked with this library runs its cases inside private mount, IPC, pid and network namespaces:
// scratch copies (overlays) of /etc, /usr/bin, /usr/libexec and /var/log; empty /run, /tmp (1777) and /mnt; a fresh
// /proc, and a /dev without a system log. When the program ends, however it ends, all its processes, mounts and IPC
// objects end with it. Network, because the kernel's list of bound socket names is that namespace's, and worlds that
// run at the same time use the same names.
#pragma once

#include <gtest/gtest.h>
#include <sys/types.h>

#include <string>
#include <vector>

#include "system/descriptor.h"
#include "tests/support/run_as.h"

namespace secshr::test {

// Empty inside the private world; else why this process is not in one ("not root", …).
const std::string& why_no_private_world();

// Runs `tests` inside a new private world, or outside where none can be made, and returns its result.
int run_in_private_world(int (*tests)());

// Skips the running case outside of a private world; fails it where the environment has SECSHR_TESTS_MUST_RUN=1. For
// cases that need something else too: SECSHR_SKIP("stock GT.M is not installed").
#define SECSHR_REQUIRES_PRIVATE_WORLD() \
  if (!::secshr::test::why_no_private_world().empty()) SECSHR_SKIP(::secshr::test::why_no_private_world())
#define SECSHR_SKIP(reason)                                       \
  do {                                                            \
    if (::secshr::test::skips_are_failures()) FAIL() << (reason); \
    GTEST_SKIP() << (reason);                                     \
  } while (false)
bool skips_are_failures();

// A case in the private world that starts from nothing: no other process, no IPC object, empty /run, /tmp and
// /mnt/test, nothing of secshr installed, configured or logged.
class PrivateWorldTest : public testing::Test {
 protected:
  void SetUp() override;
  void TearDown() override;
};

// Kills every other process of the private world and waits until they are gone.
void kill_other_processes();

// --- Files. Each of these throws where the path is not on one of the world's own file systems. ---

// Parents are made as needed, root's and 0755. Existing files are replaced, never written into.
void write_file(const std::string& path, const std::string& contents, mode_t mode = 0644, uid_t uid = 0,
                gid_t gid = 0);
void make_directory(const std::string& path, mode_t mode = 0755, uid_t uid = 0, gid_t gid = 0);
void remove_tree(const std::string& path);
// These two read anything.
std::string read_file(const std::string& path);
bool exists(const std::string& path);

// --- What was just built. ---

// Copies a file of the build directory, named relative to it: install_built("gtmsecshr", paths::wrapper, 0755).
void install_built(const std::string& name, const std::string& path, mode_t mode, uid_t uid = 0, gid_t gid = 0);
// `gtmsecshr`, `secshrd` and `secshrctl` at their installed places, as the package would.
void install_programs();
// A directory as stock clients want it: a setuid copy of the wrapper (`gtmsecshr`, 4755), `gtmsecshrdir` (0500) and a
// placeholder for `libgtmshr.so` (0644).
void make_distribution(const std::string& path);

// --- The system log. ---

// Listens at /dev/log while it lives; before and after, nobody does. `type` is SOCK_DGRAM or SOCK_STREAM.
class SystemLog {
 public:
  explicit SystemLog(int type);
  SystemLog();
  SystemLog(const SystemLog&) = delete;
  SystemLog& operator=(const SystemLog&) = delete;
  ~SystemLog();
  // What has arrived since the last call, one string a message, bytes as they came: in a stream each is up to a zero,
  // with that, or to the end.
  std::vector<std::string> take();

 private:
  std::vector<std::string> take_from_streams();
  int type_;
  Descriptor socket_;
  std::vector<Descriptor> peers_;
};

}  // namespace secshr::test
