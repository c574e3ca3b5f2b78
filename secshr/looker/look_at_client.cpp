#include "secshr/looker/look_at_client.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdint>
#include <optional>
#include <span>

#include "secshr/looker/look_at_file.h"
#include "secshr/looker/proc_stat.h"
#include "secshr/privilege/act_as.h"
#include "system/pidfd.h"

namespace secshr {
namespace {

bool is_in_our_ipc_namespace(const struct stat& ipc, const LookerSetup& setup) noexcept {
  return ipc.st_dev == setup.ipc_namespace_device && ipc.st_ino == setup.ipc_namespace_inode;
}

// What needs all of the client's rights: its namespaces and maps, and the file.
LookVerdict look_as_client(int process, const LookRequest& request, const LookerSetup& setup, Buffers& buffers,
                           LookReport& report, Descriptor& file) noexcept {
  struct stat ipc{};
  if (::fstatat(process, "ns/ipc", &ipc, 0) != 0) return LookVerdict::peer_mixed;
  if (!is_in_our_ipc_namespace(ipc, setup)) return LookVerdict::other_namespace;
  if (request.at == LookAt::client) return LookVerdict::seen;
  return look_at_file(process, request, setup, buffers, report, file);
}

// The client's directory in /proc and its identity, read as the client: a /proc that is mounted with hidepid shows it
// to nobody else. The identity counts only where all of it is what the kernel said of the sender.
struct Client {
  Descriptor process;
  std::optional<ProcStatus> identity;
  bool came_later = false;  // than the datagram: another process, with the pid of the sender
};

bool came_later(int process, const std::optional<BootTime>& sent) noexcept {
  if (!sent) return false;
  const auto start = read_start_ticks(process);
  // What cannot be told is not taken for granted.
  return !start || started_after(*start, *sent, static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK)));
}

Client find_client(const Credentials& whom, Buffers& buffers) noexcept {
  Client client{open_process_directory(whom.pid), {}, false};
  if (!client.process) return client;
  client.came_later = came_later(client.process.get(), whom.sent);
  client.identity = read_status(client.process.get(), buffers);
  if (client.identity && !is_only(*client.identity, whom.uid, whom.gid)) client.identity.reset();
  return client;
}

}  // namespace

LookVerdict look_at_client(const LookRequest& request, int pidfd, const LookerSetup& setup, Buffers& buffers,
                           LookReport& report, Descriptor& file) noexcept {
  FileIdentity as_client(request.whom.uid, request.whom.gid);
  const Client client = as_client.ok() ? find_client(request.whom, buffers) : Client();
  // While the pidfd's process lives its pid is not given to another: so what was opened before is that process's.
  if (!is_running(pidfd) || client.came_later) return LookVerdict::peer_gone;
  if (!client.identity) return LookVerdict::peer_mixed;
  (void)copy_name(client.identity->name, std::span(report.comm).first(report.comm.size() - 1));
  const auto groups = buffers.groups().first(client.identity->group_count);
  report.groups.assign(groups.begin(), groups.end());
  const LookVerdict verdict = as_client.take_groups(report.groups)
                                  ? look_as_client(client.process.get(), request, setup, buffers, report, file)
                                  : LookVerdict::peer_mixed;
  // A file needs no groups but here, where they were all in force. First of all, since no report can hold more.
  report.knows_groups = report.groups.size() <= reported_groups;
  if (!report.knows_groups) report.groups.clear();
  if (!is_running(pidfd)) return LookVerdict::peer_gone;
  if (!report.knows_groups && request.at == LookAt::client) return LookVerdict::too_many_groups;
  return verdict;
}

}  // namespace secshr
