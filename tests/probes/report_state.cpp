// Stands in for the broker: writes what the kernel says about its own process to /run/probe-report, one key=value a
// line, reports ready, and ends. The files that steer it, all optional:
//   /run/probe-status  the status byte as a number, or "none" to end without a byte
//   /run/probe-delay   milliseconds to wait before that
//   /run/probe-linger  when it exists, the process stays after it has reported
// Bytes that are not printable, and backslashes, are written as \xNN.
#include <dirent.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <sched.h>
#include <signal.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace {

std::string report;

std::string escaped(const std::string& text) {
  constexpr char digits[] = "0123456789abcdef";
  std::string result;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte > 0x7e || c == '\\') {
      result += {'\\', 'x', digits[byte >> 4], digits[byte & 15]};
    } else {
      result += c;
    }
  }
  return result;
}

void add(const std::string& key, const std::string& value) {
  report += key + "=" + escaped(value) + "\n";
}
void add(const std::string& key, long long value) {
  add(key, std::to_string(value));
}

std::string contents(const char* path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// The number that a text begins with, or 0.
int number_in(const std::string& text) {
  return static_cast<int>(std::strtol(text.c_str(), nullptr, 10));
}

std::string without_newline(std::string text) {
  if (text.ends_with('\n')) text.pop_back();
  return text;
}

// Numbers in ascending order, as target:access where access is what may be done through the descriptor.
void add_descriptors() {
  std::vector<int> numbers;
  DIR* const directory = ::opendir("/proc/self/fd");
  if (directory == nullptr) return add("descriptors", "unknown");
  while (const dirent* const entry = ::readdir(directory)) {
    if (entry->d_name[0] != '.') numbers.push_back(number_in(entry->d_name));
  }
  const int own = ::dirfd(directory);
  std::string list;
  for (const int number : numbers) {
    if (number == own) continue;
    std::array<char, 4096> target{};
    const std::string link = "/proc/self/fd/" + std::to_string(number);
    (void)!::readlink(link.c_str(), target.data(), target.size() - 1);
    const int flags = ::fcntl(number, F_GETFL);
    const char* const access = (flags & O_PATH) != 0             ? "path"
                               : (flags & O_ACCMODE) == O_RDONLY ? "read"
                               : (flags & O_ACCMODE) == O_WRONLY ? "write"
                                                                 : "both";
    std::string name = target.data();
    if (name.starts_with("socket:")) name = "socket";
    add("descriptor." + std::to_string(number), name + ":" + access);
    struct stat status{};
    if (::fstat(number, &status) == 0) {
      add("inode." + std::to_string(number), std::to_string(status.st_dev) + ":" + std::to_string(status.st_ino));
    }
    list += (list.empty() ? "" : " ") + std::to_string(number);
  }
  ::closedir(directory);
  add("descriptors", list);
}

// The kernel's own account: ids, groups, capability sets, no_new_privs, signal sets.
void add_status() {
  std::istringstream status(contents("/proc/self/status"));
  for (std::string line; std::getline(status, line);) {
    const std::size_t colon = line.find(':');
    const std::size_t value = line.find_first_not_of(" \t", colon + 1);
    std::string text = value == std::string::npos ? "" : line.substr(value);
    while (text.ends_with(' ') || text.ends_with('\t')) text.pop_back();
    for (char& c : text) c = c == '\t' ? ' ' : c;
    add("status." + line.substr(0, colon), text);
  }
}

void add_limits() {
  const std::pair<const char*, __rlimit_resource> limits[] = {
      {"nofile", RLIMIT_NOFILE}, {"nproc", RLIMIT_NPROC}, {"cpu", RLIMIT_CPU},     {"fsize", RLIMIT_FSIZE},
      {"as", RLIMIT_AS},         {"data", RLIMIT_DATA},   {"stack", RLIMIT_STACK}, {"core", RLIMIT_CORE}};
  const auto text = [](rlim_t value) { return value == RLIM_INFINITY ? "unlimited" : std::to_string(value); };
  for (const auto& [name, resource] : limits) {
    rlimit limit{};
    (void)::getrlimit(resource, &limit);
    add(std::string("limit.") + name, text(limit.rlim_cur));
    add(std::string("hard_limit.") + name, text(limit.rlim_max));
  }
}

void add_signals() {
  // The kernel's word, since libc keeps two signals to itself.
  std::string not_default;
  for (int number = 1; number < _NSIG; ++number) {
    std::array<unsigned long, 4> action{};
    if (::syscall(SYS_rt_sigaction, number, nullptr, action.data(), _NSIG / 8) == 0 && action[0] != 0) {
      not_default += (not_default.empty() ? "" : " ") + std::to_string(number);
    }
  }
  add("signals_not_default", not_default);
  for (const auto timer : {ITIMER_REAL, ITIMER_VIRTUAL, ITIMER_PROF}) {
    itimerval value{};
    (void)::getitimer(timer, &value);
    add("timer." + std::to_string(static_cast<int>(timer)),
        value.it_value.tv_sec != 0 || value.it_value.tv_usec != 0);
  }
}

void add_scheduling() {
  add("nice", ::getpriority(PRIO_PROCESS, 0));
  add("scheduler", ::sched_getscheduler(0));
  std::array<unsigned long, 128> processors{};
  (void)::syscall(SYS_sched_getaffinity, 0, sizeof processors, processors.data());
  int count = 0;
  for (const unsigned long word : processors) count += __builtin_popcountl(word);
  add("processors", count);
  add("io_priority", ::syscall(SYS_ioprio_get, 1, 0));
  add("timer_slack", ::prctl(PR_GET_TIMERSLACK));
  add("personality", ::personality(0xffffffff));
  int time_stamp_counter = 0;
  (void)::prctl(PR_GET_TSC, &time_stamp_counter);
  add("time_stamp_counter", time_stamp_counter);
  add("oom_score_adj", without_newline(contents("/proc/self/oom_score_adj")));
}

void add_place() {
  add("pid", ::getpid());
  add("session", ::getsid(0));
  add("process_group", ::getpgrp());
  const std::string stat = contents("/proc/self/stat");
  std::istringstream fields(stat.substr(stat.rfind(')') + 2));
  std::string state, parent, group, session, terminal;
  fields >> state >> parent >> group >> session >> terminal;
  add("terminal", terminal);
  int signal = 0;
  (void)::prctl(PR_GET_PDEATHSIG, &signal);
  add("parent_death_signal", signal);
  add("secure_bits", ::prctl(PR_GET_SECUREBITS));
  std::array<char, 4096> directory{};
  add("directory", ::getcwd(directory.data(), directory.size()) != nullptr ? directory.data() : "none");
  add("cgroup", without_newline(contents("/proc/self/cgroup")));
  // Type, owner and group, permissions and name of the session keyring, and its number.
  std::array<char, 256> keyring{};
  const long length =
      ::syscall(SYS_keyctl, KEYCTL_DESCRIBE, KEY_SPEC_SESSION_KEYRING, keyring.data(), keyring.size());
  add("keyring", length > 0 ? keyring.data() : "none");
  add("keyring_number", ::syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0));
}

void save() {
  const int file = ::open("/run/probe-report", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  for (std::size_t written = 0; written < report.size();) {
    const ssize_t count = ::write(file, report.data() + written, report.size() - written);
    if (count <= 0) std::_Exit(120);
    written += static_cast<std::size_t>(count);
  }
  (void)::close(file);
}

}  // namespace

int main(int argc, char** argv) {
  add_descriptors();  // first: nothing else is open yet
  add("argument_count", argc);
  for (int i = 0; i < argc; ++i) add("argument." + std::to_string(i), argv[i]);
  int count = 0;
  for (char** entry = ::environ; *entry != nullptr; ++entry) add("environment." + std::to_string(count++), *entry);
  add("environment_count", count);
  add_status();
  add_limits();
  add_signals();
  add_scheduling();
  add_place();
  save();

  ::usleep(static_cast<useconds_t>(1000 * number_in(contents("/run/probe-delay"))));
  const std::string status = without_newline(contents("/run/probe-status"));
  if (status != "none") {
    const auto byte = static_cast<unsigned char>(number_in(status));
    (void)::signal(SIGPIPE, SIG_IGN);
    (void)!::write(3, &byte, 1);
  }
  if (::access("/run/probe-linger", F_OK) == 0) {
    (void)::close(3);
    ::sleep(60);
  }
  return 0;
}
