#include "tests/integration/admin/admin_fixture.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>
#include <thread>

namespace secshr::test {
namespace {

constexpr char secshrctl[] = "/usr/bin/secshrctl";
const std::string configuration = "broker_uid = 64101\nlooker_uid = 64102\nwriter_uid = 64103\n";

void describe_tree(const std::string& directory, std::vector<std::string>& lines) {
  std::error_code missing;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory, missing)) {
    const struct stat status = status_of(entry.path());
    std::ostringstream line;
    line << entry.path().native() << " inode " << status.st_ino << " owner " << status.st_uid << ":" << status.st_gid
         << " mode " << std::oct << status.st_mode << std::dec << " links " << status.st_nlink;
    if (entry.is_regular_file()) line << " contents " << std::hash<std::string>()(read_file(entry.path()));
    lines.push_back(line.str());
  }
}

}  // namespace

struct stat status_of(const std::string& path) {
  struct stat status{};
  if (lstat(path.c_str(), &status) != 0) throw std::system_error(errno, std::generic_category(), path);
  return status;
}

void AdminTest::SetUp() {
  PrivateWorldTest::SetUp();
  if (IsSkipped() || HasFatalFailure()) return;
  install_built("gtmsecshr", paths::wrapper, 0755);
  install_built("secshrctl", secshrctl, 0755);
  install_built("tests/lock_holder", paths::broker, 0755);
  write_file(paths::configuration, configuration);
  make_directory(paths::installations);
  make_installation(distribution);
}

void AdminTest::make_installation(const std::string& directory, mode_t mode, gid_t group) {
  remove_tree(directory);
  make_directory(directory + "/utf8");
  make_directory(directory + "/gtmsecshrdir", 0500);
  write_file(directory + "/gtmsecshr", stock_helper, mode, 0, group);
  std::filesystem::create_hard_link(directory + "/gtmsecshr", directory + "/utf8/gtmsecshr");
  write_file(directory + "/libgtmshr.so", "code, GT.M V7.0-005 Linux x86_64" + std::string(1, '\0') + ", code");
}

int AdminTest::keep(const Outcome& outcome) {
  said_ = outcome.output;
  complaint_ = outcome.errors;
  EXPECT_FALSE(outcome.ending.by_signal) << outcome.ending << complaint_;
  return outcome.ending.code;
}

int AdminTest::run(const std::vector<std::string>& arguments) {
  std::vector<std::string> all{secshrctl};
  all.insert(all.end(), arguments.begin(), arguments.end());
  return keep(run_as(0, 0, {}, all));
}

int AdminTest::run_unprivileged(const std::vector<std::string>& arguments) {
  std::vector<std::string> all{secshrctl};
  all.insert(all.end(), arguments.begin(), arguments.end());
  return keep(run_as(3001, 3001, {}, all));
}

Running AdminTest::hold_lock(const std::string& program, const std::string& installation) {
  const std::string directory = std::string(paths::run) + "/" + installation;
  make_directory(directory);
  Running holder = start_as({}, {program, {program, directory + "/lock"}, {}, {}});
  // Until the lock is seen held by somebody else.
  for (int attempt = 0; attempt < 1000; ++attempt) {
    const Descriptor lock(open((directory + "/lock").c_str(), O_RDWR | O_CLOEXEC));
    struct flock query{};
    query.l_type = F_WRLCK;
    query.l_whence = SEEK_SET;
    if (lock && fcntl(lock.get(), F_GETLK, &query) == 0 && query.l_type != F_UNLCK) return holder;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  ADD_FAILURE() << program << " does not take the lock";
  return holder;
}

bool AdminTest::runs(pid_t pid) {
  // A zombie has no program any more, and its parent, the test, has not waited for it.
  std::error_code gone;
  return !std::filesystem::read_symlink("/proc/" + std::to_string(pid) + "/exe", gone).empty();
}

std::string AdminTest::snapshot(const std::string& directory) {
  std::vector<std::string> lines;
  describe_tree(directory, lines);
  describe_tree(paths::installations, lines);
  std::ranges::sort(lines);
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

}  // namespace secshr::test
