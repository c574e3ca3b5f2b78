#include "admin/brokers/broker_process.h"

#include <fcntl.h>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <ctime>
#include <filesystem>
#include <ranges>
#include <string_view>
#include <system_error>
#include <vector>

#include "counters/read_counters.h"
#include "installation/root_file.h"
#include "secshr_paths.h"
#include "system/namespaces.h"
#include "system/pidfd.h"
#include "system/root_controlled.h"

namespace secshr::admin {
namespace {

std::string run_directory(const std::string& installation) {
  return fmt::format("{}/{}", paths::run, installation);
}

// Who holds the broker's record lock, the first byte: 0 nobody, -1 a process that has no pid here.
Result<pid_t> lock_holder(int lock, const std::string& path) {
  struct flock query{};
  query.l_type = F_RDLCK;
  query.l_whence = SEEK_SET;
  query.l_len = 1;
  if (fcntl(lock, F_GETLK, &query) != 0) return system_error(path, "query the lock");
  if (query.l_type == F_UNLCK) return 0;
  return query.l_pid > 0 ? query.l_pid : -1;
}

// As starters tell places apart.
bool is_elsewhere(pid_t pid) {
  const std::string ours = namespaces_of("self");
  return ours.empty() || namespaces_of(std::to_string(pid)) != ours;
}

// A broker whose program was upgraded is still one: the kernel then marks the path.
bool runs_broker(pid_t pid) {
  std::array<char, 4096> target{};
  const ssize_t length = readlink(fmt::format("/proc/{}/exe", pid).c_str(), target.data(), target.size());
  if (length < 0) return false;
  std::string_view path(target.data(), static_cast<std::size_t>(length));
  constexpr std::string_view replaced = " (deleted)";
  if (path.ends_with(replaced)) path.remove_suffix(replaced.size());
  return path == paths::broker;
}

// /proc gives no size beforehand.
Result<std::string> read_proc(const std::string& path) {
  const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return system_error(path, "open");
  std::string text;
  std::array<char, 4096> part{};
  while (true) {
    const ssize_t got = read(file.get(), part.data(), part.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return system_error(path, "read");
    if (got == 0) return text;
    text.append(part.data(), static_cast<std::size_t>(got));
  }
}

Result<std::string> start_time(std::uint64_t ticks) {
  timespec now{};
  timespec since_boot{};
  (void)clock_gettime(CLOCK_REALTIME, &now);
  (void)clock_gettime(CLOCK_BOOTTIME, &since_boot);
  const time_t booted = now.tv_sec - since_boot.tv_sec;
  const auto per_second = static_cast<std::uint64_t>(sysconf(_SC_CLK_TCK));
  const time_t started = booted + static_cast<time_t>(ticks / per_second);
  tm utc{};
  if (gmtime_r(&started, &utc) == nullptr) return error("the broker's start time is out of range");
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", utc);
}

Result<std::optional<BrokerProcess>> find_broker_at(const std::string& place) {
  const std::string path = place + "/lock";
  const RootControlled opened = open_root_controlled(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  const Descriptor lock(opened.descriptor);
  if (opened.fault == PathFault::missing) return std::nullopt;
  if (opened.fault != PathFault::none) return error(fmt::format("{}: {}", path, explain(opened.fault)));

  // The holder may change while it is looked at (a takeover, an end): the second look tells.
  for (int attempt = 0; attempt < 10; ++attempt) {
    const auto holder = lock_holder(lock.get(), path);
    if (!holder) return std::unexpected(holder.error());
    if (*holder == 0) return std::nullopt;
    if (*holder < 0) {
      return refused(fmt::format("{}: is held by a process outside this pid namespace; ask from there", path));
    }
    BrokerProcess broker{*holder, open_pidfd(*holder), place, is_elsewhere(*holder)};
    if (!broker.pidfd && errno == ESRCH) continue;
    if (!broker.pidfd) return system_error(path, "open the process that holds it");
    const bool is_broker = runs_broker(broker.pid);
    const auto again = lock_holder(lock.get(), path);
    if (!again) return std::unexpected(again.error());
    if (*again != broker.pid) continue;
    if (!is_broker)
      return refused(fmt::format("{}: is held by process {}, which is not {}", path, broker.pid, paths::broker));
    return broker;
  }
  return error(fmt::format("{}: its holder keeps changing; try again", path));
}

Result<BrokerEnd> end_broker_at(const std::string& place) {
  const auto found = find_broker_at(place);
  if (!found) return std::unexpected(found.error());
  const std::optional<BrokerProcess>& broker = *found;
  if (!broker) return BrokerEnd::was_not_running;
  const int pidfd = broker->pidfd.get();
  if (!send_signal(pidfd, SIGTERM) && errno != ESRCH) {
    return system_error(fmt::format("process {}", broker->pid), "signal");
  }
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  pollfd ended{pidfd, POLLIN, 0};
  while (true) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    const int ready = left.count() > 0 ? poll(&ended, 1, static_cast<int>(left.count())) : 0;
    if (ready > 0) return BrokerEnd::ended;
    if (ready == 0) {
      return refused(
          fmt::format("the broker, process {}, was asked to end and has not; look at it, then kill it", broker->pid));
    }
    if (errno != EINTR) return system_error(fmt::format("process {}", broker->pid), "wait for");
  }
}

// What a broker and its starters make there, finished or not.
Result<void> remove_place(const std::string& directory) {
  const RootControlled opened = open_root_controlled(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const Descriptor run(opened.descriptor);
  if (opened.fault == PathFault::missing) return {};
  if (opened.fault != PathFault::none) return error(fmt::format("{}: {}", directory, explain(opened.fault)));
  std::error_code unreadable;
  for (const auto& entry : std::filesystem::directory_iterator(directory, unreadable)) {
    const std::string name = entry.path().filename();
    if (unlinkat(run.get(), name.c_str(), 0) != 0 && errno != ENOENT)
      return system_error(entry.path().string(), "remove");
  }
  if (rmdir(directory.c_str()) != 0 && errno != ENOENT) return system_error(directory, "remove");
  return {};
}

}  // namespace

std::vector<std::string> places_of(const std::string& installation) {
  std::vector<std::string> places{run_directory(installation)};
  std::error_code unreadable;
  for (const auto& entry : std::filesystem::directory_iterator(places.front(), unreadable)) {
    if (entry.path().filename().string().starts_with("pid-")) places.push_back(entry.path());
  }
  return places;
}

Result<std::optional<BrokerProcess>> find_broker(const std::string& installation) {
  Result<std::optional<BrokerProcess>> best = std::nullopt;
  for (const std::string& place : places_of(installation)) {
    auto found = find_broker_at(place);
    if (found && *found && !(*found)->is_elsewhere) return found;
    const bool says_nothing = found && !*found;
    const bool is_better = best ? !*best : found.has_value();
    if (!says_nothing && is_better) best = std::move(found);
  }
  return best;
}

Result<BrokerDetails> read_details(const BrokerProcess& broker) {
  const auto status_text = read_proc(fmt::format("/proc/{}/status", broker.pid));
  if (!status_text) return std::unexpected(status_text.error());
  const auto stat_text = read_proc(fmt::format("/proc/{}/stat", broker.pid));
  if (!stat_text) return std::unexpected(stat_text.error());
  // Still alive now means that both texts were its own.
  if (!send_signal(broker.pidfd.get(), 0)) return error("the broker ended while it was looked at");
  const auto status = parse_process_status(*status_text);
  const auto ticks = parse_start_ticks(*stat_text);
  if (!status || !ticks) return error(fmt::format("/proc/{}: is not in the expected form", broker.pid));
  auto started = start_time(*ticks);
  if (!started) return std::unexpected(started.error());
  return BrokerDetails{*status, *std::move(started)};
}

std::optional<Counters> counters_of(const BrokerProcess& broker) {
  const auto counters = read_counters(fmt::format("{}/{}", broker.place, counters_page::file_name));
  // In a pid namespace of its own the broker has another number.
  const bool is_its_own = counters && counters->broker_pid == static_cast<std::uint64_t>(broker.pid);
  if (!counters || (!is_its_own && !broker.is_elsewhere)) return std::nullopt;
  return *counters;
}

Result<BrokerEnd> end_brokers(const std::string& installation) {
  Result<BrokerEnd> result = BrokerEnd::was_not_running;
  for (const std::string& place : places_of(installation)) {
    auto ended = end_broker_at(place);
    const bool says_more = !ended || *ended == BrokerEnd::ended;
    if (result && says_more) result = std::move(ended);
  }
  return result;
}

Result<void> remove_run_directory(const std::string& installation) {
  const auto places = places_of(installation);
  for (const std::string& place : places | std::views::reverse) {
    if (auto removed = remove_place(place); !removed) return removed;
  }
  return {};
}

}  // namespace secshr::admin
