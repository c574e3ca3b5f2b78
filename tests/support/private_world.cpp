#include "tests/support/private_world.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/ipc.h>
#include <sys/mount.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <stdexcept>
#include <system_error>

#include "secshr_paths.h"
#include "tests/support/fail.h"

namespace secshr::test {
namespace {

namespace fs = std::filesystem;

// Test programs are single-threaded and have one world.
struct State {
  std::string why_not = "not entered";
  Descriptor build_directory;  // opened before anything is covered
  std::set<dev_t> own_devices;
};
State& state() {
  static State instance;
  return instance;
}

void check(bool success, const std::string& what) {
  if (!success) fail(what);
}

dev_t device_of(const std::string& path) {
  struct stat status{};
  check(::stat(path.c_str(), &status) == 0, "stat " + path);
  return status.st_dev;
}

void mount_scratch(const char* target, const char* type, const std::string& options) {
  check(::mount("secshr-tests", target, type, 0, options.c_str()) == 0, std::string("mount ") + target);
  state().own_devices.insert(device_of(target));
}

void cover_with_overlay(const std::string& target) {
  std::string name = target;
  std::replace(name.begin(), name.end(), '/', '-');
  const std::string upper = "/mnt/overlay/upper" + name;
  const std::string work = "/mnt/overlay/work" + name;
  fs::create_directories(upper);
  fs::create_directories(work);
  fs::permissions(upper, fs::status(target).permissions());
  mount_scratch(target.c_str(), "overlay", "lowerdir=" + target + ",upperdir=" + upper + ",workdir=" + work);
}

// The machine's devices, bound one by one: making device nodes is more than some containers allow.
void cover_devices() {
  const std::string staging = "/mnt/dev";
  fs::create_directory(staging);
  mount_scratch(staging.c_str(), "tmpfs", "mode=0755");
  for (const char* const name : {"null", "zero", "full", "random", "urandom", "tty"}) {
    const std::string original = std::string("/dev/") + name;
    const std::string place = staging + "/" + name;
    const Descriptor file(::open(place.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0666));
    check(::mount(original.c_str(), place.c_str(), nullptr, MS_BIND, nullptr) == 0, "bind " + original);
  }
  fs::create_symlink("/proc/self/fd", staging + "/fd");
  fs::create_symlink("/proc/self/fd/0", staging + "/stdin");
  fs::create_symlink("/proc/self/fd/1", staging + "/stdout");
  fs::create_symlink("/proc/self/fd/2", staging + "/stderr");
  for (const char* const name : {"/shm", "/pts"}) fs::create_directory(staging + name);
  mount_scratch((staging + "/shm").c_str(), "tmpfs", "mode=1777");
  check(::mount("devpts", (staging + "/pts").c_str(), "devpts", 0, "newinstance,ptmxmode=0666,mode=0620") == 0,
        "devpts");
  fs::create_symlink("pts/ptmx", staging + "/ptmx");
  check(::mount(staging.c_str(), "/dev", nullptr, MS_MOVE, nullptr) == 0, "move /dev");
}

void build_world() {
  check(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0, "private mounts");
  check(::mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) == 0, "mount /proc");
  mount_scratch("/mnt", "tmpfs", "mode=0755");
  for (const char* const target : {"/etc", "/usr/bin", "/usr/libexec", "/var/log"}) cover_with_overlay(target);
  cover_devices();
  mount_scratch("/run", "tmpfs", "mode=0755");
  mount_scratch("/tmp", "tmpfs", "mode=1777");
  check(::chdir("/") == 0, "chdir");
}

// The world's first process: when the tests are done it ends, and everything that is left in the world with it.
[[noreturn]] void be_init(pid_t tests) {
  int status = 0;
  pid_t ended = 0;
  while ((ended = ::wait(&status)) != tests) {
    if (ended < 0 && errno != EINTR) ::_exit(125);
  }
  ::_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

int run_as_init(int (*tests)()) {
  // Whoever ends the outer process ends the world.
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) ::_exit(125);
  try {
    build_world();
    state().why_not.clear();
  } catch (const std::exception& error) {
    state().why_not = std::string("no private world: ") + error.what();
  }
  const pid_t child = ::fork();
  if (child < 0) ::_exit(125);
  if (child != 0) be_init(child);
  return tests();
}

bool is_own_device(dev_t device) {
  return state().own_devices.contains(device);
}

// The nearest directory that exists must be the world's own, so that a slip never reaches the machine.
void require_own(const fs::path& path) {
  if (!state().why_not.empty()) throw std::logic_error("outside of the private world: " + path.string());
  fs::path existing = path.parent_path();
  while (!fs::exists(existing)) existing = existing.parent_path();
  if (!is_own_device(device_of(existing))) throw std::logic_error("not the private world's: " + path.string());
}

void make_parents(const fs::path& path) {
  const fs::path parent = path.parent_path();
  if (fs::exists(parent)) return;
  make_parents(parent);
  check(::mkdir(parent.c_str(), 0755) == 0, "mkdir " + parent.string());
  check(::chmod(parent.c_str(), 0755) == 0, "chmod " + parent.string());
}

std::string read_all(int descriptor) {
  std::string text;
  std::array<char, 65536> part{};
  ssize_t count = 0;
  while ((count = ::read(descriptor, part.data(), part.size())) > 0) {
    text.append(part.data(), static_cast<std::size_t>(count));
  }
  check(count == 0, "read");
  return text;
}

void empty_directory(const std::string& path) {
  if (!fs::exists(path)) return;
  for (const auto& entry : fs::directory_iterator(path)) remove_tree(entry.path());
}

// What a failed case has left mounted, the innermost first.
void unmount_below(const std::string& directory) {
  std::vector<std::string> targets;
  std::ifstream mounts("/proc/self/mounts");
  for (std::string source, target, rest; mounts >> source >> target && std::getline(mounts, rest);) {
    if (target.starts_with(directory + "/")) targets.push_back(target);
  }
  for (auto target = targets.rbegin(); target != targets.rend(); ++target) {
    check(::umount2(target->c_str(), MNT_DETACH) == 0, "umount " + *target);
  }
}

void remove_ipc_objects() {
  shm_info segments{};
  const int last_segment = ::shmctl(0, SHM_INFO, reinterpret_cast<shmid_ds*>(&segments));
  for (int index = 0; index <= last_segment; ++index) {
    shmid_ds found{};
    const int id = ::shmctl(index, SHM_STAT, &found);
    if (id >= 0) (void)::shmctl(id, IPC_RMID, nullptr);
  }
  seminfo sets{};
  const int last_set = ::semctl(0, 0, SEM_INFO, &sets);
  for (int index = 0; index <= last_set; ++index) {
    semid_ds found{};
    const int id = ::semctl(index, 0, SEM_STAT, &found);
    if (id >= 0) (void)::semctl(id, 0, IPC_RMID);
  }
}

}  // namespace

const std::string& why_no_private_world() {
  return state().why_not;
}

bool skips_are_failures() {
  const char* const value = std::getenv("SECSHR_TESTS_MUST_RUN");
  return value != nullptr && std::string(value) == "1";
}

int run_in_private_world(int (*tests)()) {
  if (::geteuid() != 0) {
    state().why_not = "not root";
    return tests();
  }
  state().build_directory.reset(::open(SECSHR_BUILD_DIR, O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!state().build_directory || ::unshare(CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWPID | CLONE_NEWNET) != 0) {
    state().why_not = "no private world: " + std::generic_category().message(errno);
    return tests();
  }
  const pid_t init = ::fork();
  if (init < 0) return 125;
  if (init == 0) return run_as_init(tests);
  int status = 0;
  while (::waitpid(init, &status, 0) < 0 && errno == EINTR) continue;
  // Without the exit handlers (a sanitizer's report among them), which are the tests' to run.
  ::_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

void PrivateWorldTest::SetUp() {
  SECSHR_REQUIRES_PRIVATE_WORLD();
  kill_other_processes();
  remove_ipc_objects();
  unmount_below("/mnt/test");
  for (const char* const path : {"/run", "/tmp"}) empty_directory(path);
  for (const std::string& path : {fs::path(paths::wrapper).parent_path().string(), std::string(paths::run),
                                  fs::path(paths::configuration).parent_path().string(), std::string(paths::log),
                                  std::string("/usr/bin/secshrctl"), std::string("/mnt/test")}) {
    if (exists(path)) remove_tree(path);
  }
  make_directory("/mnt/test");
}

void PrivateWorldTest::TearDown() {
  if (why_no_private_world().empty()) kill_other_processes();
}

void kill_other_processes() {
  // Never outside: there it would be every process of the machine.
  if (!why_no_private_world().empty()) throw std::logic_error("outside of the private world");
  const auto others = [] {
    std::size_t count = 0;
    for (const auto& entry : fs::directory_iterator("/proc")) {
      const std::string name = entry.path().filename();
      if (!std::all_of(name.begin(), name.end(), [](char c) { return c >= '0' && c <= '9'; })) continue;
      if (name != "1" && name != std::to_string(::getpid())) ++count;
    }
    return count;
  };
  while (others() != 0) {
    (void)::kill(-1, SIGKILL);
    while (::waitpid(-1, nullptr, WNOHANG) > 0) continue;
    ::usleep(1000);
  }
}

void write_file(const std::string& path, const std::string& contents, mode_t mode, uid_t uid, gid_t gid) {
  require_own(path);
  make_parents(path);
  if (exists(path)) remove_tree(path);
  const Descriptor file(::open(path.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600));
  check(static_cast<bool>(file), "open " + path);
  std::size_t written = 0;
  while (written < contents.size()) {
    const ssize_t count = ::write(file.get(), contents.data() + written, contents.size() - written);
    check(count > 0, "write " + path);
    written += static_cast<std::size_t>(count);
  }
  // The mode last: changing the owner clears the setuid bit.
  check(::fchown(file.get(), uid, gid) == 0, "chown " + path);
  check(::fchmod(file.get(), mode) == 0, "chmod " + path);
}

void make_directory(const std::string& path, mode_t mode, uid_t uid, gid_t gid) {
  require_own(path);
  make_parents(path);
  check(::mkdir(path.c_str(), 0700) == 0 || errno == EEXIST, "mkdir " + path);
  check(::chown(path.c_str(), uid, gid) == 0, "chown " + path);
  check(::chmod(path.c_str(), mode) == 0, "chmod " + path);
}

void remove_tree(const std::string& path) {
  require_own(path);
  fs::remove_all(path);
}

std::string read_file(const std::string& path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  check(static_cast<bool>(file), "open " + path);
  return read_all(file.get());
}

bool exists(const std::string& path) {
  struct stat status{};
  return ::lstat(path.c_str(), &status) == 0;
}

void install_built(const std::string& name, const std::string& path, mode_t mode, uid_t uid, gid_t gid) {
  const Descriptor built(::openat(state().build_directory.get(), name.c_str(), O_RDONLY | O_CLOEXEC));
  check(static_cast<bool>(built), "open built " + name);
  write_file(path, read_all(built.get()), mode, uid, gid);
}

void install_programs() {
  install_built("gtmsecshr", paths::wrapper, 0755);
  install_built("secshrd", paths::broker, 0755);
  install_built("secshrctl", "/usr/bin/secshrctl", 0755);
}

void make_distribution(const std::string& path) {
  make_directory(path);
  install_built("gtmsecshr", path + "/gtmsecshr", 04755);
  make_directory(path + "/gtmsecshrdir", 0500);
  write_file(path + "/libgtmshr.so", "placeholder\n", 0644);
}

SystemLog::SystemLog() : SystemLog(SOCK_DGRAM) {}

SystemLog::SystemLog(int type) : type_(type), socket_(::socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
  check(static_cast<bool>(socket_), "socket");
  require_own("/dev/log");
  (void)::unlink("/dev/log");
  const sockaddr_un address{AF_UNIX, "/dev/log"};
  check(::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0, "bind /dev/log");
  check(::chmod("/dev/log", 0666) == 0, "chmod /dev/log");
  if (type == SOCK_STREAM) check(::listen(socket_.get(), 16) == 0, "listen");
}

SystemLog::~SystemLog() {
  (void)::unlink("/dev/log");
}

std::vector<std::string> SystemLog::take() {
  std::vector<std::string> messages;
  std::array<char, 65536> buffer{};
  if (type_ == SOCK_STREAM) return take_from_streams();
  while (true) {
    const ssize_t count = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
    if (count < 0) return messages;
    messages.emplace_back(buffer.data(), static_cast<std::size_t>(count));
  }
}

// Those who have connected may say more later.
std::vector<std::string> SystemLog::take_from_streams() {
  while (true) {
    Descriptor peer(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!peer) break;
    peers_.push_back(std::move(peer));
  }
  std::vector<std::string> messages;
  std::array<char, 65536> buffer{};
  for (const Descriptor& peer : peers_) {
    std::string text;
    for (ssize_t count = 0; (count = ::read(peer.get(), buffer.data(), buffer.size())) > 0;) {
      text.append(buffer.data(), static_cast<std::size_t>(count));
    }
    while (!text.empty()) {
      const auto size = std::min(text.find('\0'), text.size() - 1) + 1;
      messages.push_back(text.substr(0, size));
      text.erase(0, size);
    }
  }
  return messages;
}

}  // namespace secshr::test
