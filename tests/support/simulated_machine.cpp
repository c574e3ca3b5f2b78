#include "tests/support/simulated_machine.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "protocol/profile.h"
#include "protocol/socket_names.h"

namespace secshr {
namespace {

// A descriptor that says what it stands for. One that was closed, or was never ours, says nothing.
enum class Kind : std::uint64_t { process = 0x70726f63, file = 0x66696c65 };
using Meaning = std::array<std::uint64_t, 2>;  // the kind, and a process's birth or a file's inode

Descriptor make_descriptor(Kind kind, std::uint64_t number) {
  Descriptor made(::memfd_create("simulated", MFD_CLOEXEC));
  const Meaning meaning{static_cast<std::uint64_t>(kind), number};
  // Without descriptors there is no machine to simulate.
  if (!made || ::write(made.get(), meaning.data(), sizeof meaning) != sizeof meaning) std::abort();
  return made;
}

std::optional<std::uint64_t> meaning_of(int descriptor, Kind kind) {
  Meaning meaning{};
  if (::pread(descriptor, meaning.data(), sizeof meaning, 0) != sizeof meaning) return std::nullopt;
  if (meaning[0] != static_cast<std::uint64_t>(kind)) return std::nullopt;
  return meaning[1];
}

bool may_read(const SimulatedFile& file, uid_t uid) {
  return (file.mode & (uid == file.owner ? 0400U : 0004U)) != 0;
}

bool is_regular(const SimulatedFile& file) {
  return (file.mode & S_IFMT) == S_IFREG;
}

// The bits of the directory's mode that are for whoever has these rights.
unsigned granted(const SimulatedDirectory& directory, const Rights& rights) {
  if (rights.uid == directory.owner) return directory.mode >> 6;
  const bool member =
      rights.gid == directory.group || std::ranges::find(rights.groups, directory.group) != rights.groups.end();
  return member ? directory.mode >> 3 : directory.mode;
}
constexpr unsigned search = 01;
constexpr unsigned write_and_search = 03;

}  // namespace

void SimulatedMachine::start(pid_t pid, SimulatedProcess process) {
  process.birth = ++births_;
  processes[pid] = std::move(process);
}

SimulatedDatagram SimulatedMachine::datagram_of(pid_t pid, std::vector<std::byte> bytes) const {
  const SimulatedProcess& process = processes.at(pid);
  const auto name = protocol::client_socket_name(protocol::profile(protocol::ProfileId::gtm), pid);
  return {std::move(bytes), Credentials{pid, process.uid, process.gid}, "/served/" + std::string(name.view()),
          process.birth, false};
}

void SimulatedMachine::act(SimulatedAct act) {
  if (watcher != nullptr) watcher->on_act(act);
  journal.push_back(std::move(act));
}

void SimulatedMachine::send(pid_t pid, std::vector<std::byte> bytes) {
  socket.push_back(datagram_of(pid, std::move(bytes)));
}

Descriptor SimulatedMachine::pidfd_of(pid_t pid) const {
  return make_descriptor(Kind::process, processes.at(pid).birth);
}

Descriptor SimulatedMachine::descriptor_of_file(std::uint64_t inode) {
  return make_descriptor(Kind::file, inode);
}

// ---- the kernel

std::expected<Received, int> SimulatedMachine::receive(int /*from*/, Queue queue,
                                                       std::span<std::byte> buffer) noexcept {
  const std::size_t place = queue == Queue::sealed ? passed_in_the_queue : 0;
  if (place >= socket.size()) return std::unexpected(EAGAIN);
  const SimulatedDatagram datagram = socket[place];
  if (queue == Queue::sealed) {
    ++passed_in_the_queue;
  } else {
    socket.pop_front();
  }
  if (watcher != nullptr) watcher->on_datagram(datagram);
  Received received;
  received.size = std::min(datagram.bytes.size(), buffer.size());
  std::copy_n(datagram.bytes.begin(), received.size, buffer.begin());
  received.data_truncated = datagram.bytes.size() > buffer.size();
  received.control_truncated = datagram.control_truncated;
  received.credentials = datagram.credentials;
  if (datagram.birth != 0) received.pidfd = make_descriptor(Kind::process, datagram.birth);
  datagram.sender.copy(received.sender, sizeof received.sender - 1);
  return received;
}

bool SimulatedMachine::is_alive(int pidfd) noexcept {
  interrupt();
  const auto birth = meaning_of(pidfd, Kind::process);
  return birth && std::ranges::any_of(processes, [&](const auto& entry) {
           return entry.second.birth == *birth && entry.second.alive;
         });
}

bool SimulatedMachine::has_ended(int pidfd) noexcept {
  return !is_alive(pidfd) && !cannot_tell_ends;
}

std::expected<std::uint64_t, int> SimulatedMachine::process_number(int pidfd) noexcept {
  interrupt();
  const auto birth = meaning_of(pidfd, Kind::process);
  if (!birth || !numbers_processes) return std::unexpected(ENOSYS);
  return *birth;
}

std::expected<void, int> SimulatedMachine::has_socket(const char* name, const Credentials& client) const {
  if (!replies_need_a_socket) return {};
  const auto found = names.find(name);
  if (found == names.end()) return std::unexpected(ENOENT);
  if ((found->second.mode & S_IFMT) != S_IFSOCK || found->second.owner != client.uid) return std::unexpected(EPERM);
  if (!found->second.bound) return std::unexpected(ECONNREFUSED);
  return {};
}

std::expected<void, int> SimulatedMachine::can_reply(int /*from*/, const char* name,
                                                     const Credentials& client) noexcept {
  interrupt();
  if (reach_error) return std::unexpected(*reach_error);
  return has_socket(name, client);
}

std::expected<void, int> SimulatedMachine::send_reply(int from, const char* name, const Credentials& client,
                                                      std::span<const std::byte> reply) noexcept {
  act(SimulatedReply{from, name, client, {reply.begin(), reply.end()}});
  if (reply_error) return std::unexpected(*reply_error);
  return has_socket(name, client);
}

std::expected<SemaphoreSetFacts, int> SimulatedMachine::semaphore_set(int semid) noexcept {
  interrupt();
  return facts_of_set(semid);
}

std::expected<SemaphoreSetFacts, int> SimulatedMachine::facts_of_set(int semid) const {
  const auto found = semaphore_sets.find(semid);
  if (found == semaphore_sets.end()) return std::unexpected(EINVAL);
  if (found->second.error) return std::unexpected(*found->second.error);
  return SemaphoreSetFacts{found->second.object, found->second.otime};
}

std::expected<SegmentFacts, int> SimulatedMachine::segment(int shmid) noexcept {
  interrupt();
  return facts_of_segment(shmid);
}

std::expected<SegmentFacts, int> SimulatedMachine::facts_of_segment(int shmid) const {
  const auto found = segments.find(shmid);
  if (found == segments.end()) return std::unexpected(EINVAL);
  if (found->second.error) return std::unexpected(*found->second.error);
  return SegmentFacts{found->second.object, attach_count(shmid)};
}

std::expected<pid_t, int> SimulatedMachine::last_operation_pid(int semid, const SemaphoreSetFacts& facts) noexcept {
  interrupt();
  if (last_operation_error) return std::unexpected(*last_operation_error);
  constexpr unsigned by_others = 0044;
  if ((facts.object.mode & by_others) == 0 && !may_act_as(facts.object.acting_owner())) return std::unexpected(EPERM);
  const auto found = semaphore_sets.find(semid);
  if (found == semaphore_sets.end()) return std::unexpected(EINVAL);
  return found->second.last_operation;
}

std::uint64_t SimulatedMachine::attach_count(std::int32_t shmid) const {
  return static_cast<std::uint64_t>(std::ranges::count_if(
      processes, [&](const auto& entry) { return entry.second.alive && entry.second.attached.contains(shmid); }));
}

// As the real one: what is there now must be what was seen.
std::expected<void, int> SimulatedMachine::remove_semaphore_set(int semid, const SemaphoreSetFacts& seen) noexcept {
  interrupt();
  if (removal_error) return std::unexpected(*removal_error);
  const uid_t owner = seen.object.acting_owner();
  if (!may_act_as(owner)) return std::unexpected(EPERM);
  const auto now = facts_of_set(semid);
  if (!now) return std::unexpected(now.error());
  if (now->object != seen.object) return std::unexpected(EINVAL);
  if (now->otime != seen.otime) return std::unexpected(EBUSY);
  act(SimulatedRemoval{"semaphore set " + std::to_string(semid), owner, now->object.uid, now->object.mode});
  semaphore_sets.erase(semid);
  return {};
}

std::expected<void, int> SimulatedMachine::remove_segment(int shmid, const SegmentFacts& seen) noexcept {
  interrupt();
  if (removal_error) return std::unexpected(*removal_error);
  const uid_t owner = seen.object.acting_owner();
  if (!may_act_as(owner)) return std::unexpected(EPERM);
  const auto now = facts_of_segment(shmid);
  if (!now) return std::unexpected(now.error());
  if (now->object != seen.object) return std::unexpected(EINVAL);
  if (now->attach_count != 0) return std::unexpected(EBUSY);
  act(SimulatedRemoval{"segment " + std::to_string(shmid), owner, now->object.uid, now->object.mode});
  segments.erase(shmid);
  return {};
}

std::expected<Descriptor, int> SimulatedMachine::open_process(pid_t pid) noexcept {
  interrupt();
  if (open_process_error) return std::unexpected(*open_process_error);
  const auto found = processes.find(pid);
  if (found == processes.end() || (!found->second.alive && !found->second.zombie)) return std::unexpected(ESRCH);
  return make_descriptor(Kind::process, found->second.birth);
}

std::expected<void, int> SimulatedMachine::signal_process(int pidfd, int signal) noexcept {
  interrupt();
  if (signal_error) return std::unexpected(*signal_error);
  const auto birth = meaning_of(pidfd, Kind::process);
  if (!birth) return std::unexpected(EBADF);
  if (!is_alive(pidfd)) return std::unexpected(ESRCH);
  act(SimulatedSignal{*birth, signal});
  return {};
}

std::expected<NamedSocket, int> SimulatedMachine::named_socket(int from, const char* name, const Rights& rights,
                                                               AskTheList ask) noexcept {
  interrupt();
  return look_up(from, name, rights, ask);
}

std::expected<NamedSocket, int> SimulatedMachine::look_up(int from, const char* name, const Rights& rights,
                                                          AskTheList ask) const {
  if (from != served_directory) return std::unexpected(EBADF);
  if (name_error) return std::unexpected(*name_error);
  const auto found = names.find(name);
  if (found == names.end()) return std::unexpected(ENOENT);
  const unsigned bits = granted(directory, rights);
  if ((bits & search) == 0) return std::unexpected(EACCES);
  const SimulatedName& each = found->second;
  const bool is_socket = (each.mode & S_IFMT) == S_IFSOCK;
  return NamedSocket{each.inode,
                     each.owner,
                     each.mode,
                     is_socket,
                     is_socket && (each.bound || (each.only_listed && ask == AskTheList::no)),
                     (bits & write_and_search) == write_and_search};
}

std::expected<void, int> SimulatedMachine::remove_socket(int from, const char* name, const Rights& rights,
                                                         const NamedSocket& seen) noexcept {
  interrupt();
  if (removal_error) return std::unexpected(*removal_error);
  const auto now = look_up(from, name, rights, AskTheList::yes);
  if (!now) return std::unexpected(now.error());
  if (now->inode != seen.inode || now->owner != seen.owner || !now->is_socket || now->is_bound) {
    return std::unexpected(EBUSY);
  }
  if (!now->directory_is_writable) return std::unexpected(EACCES);
  act(SimulatedRemoval{name, rights.uid, now->owner, now->mode});
  names.erase(name);
  return {};
}

// ---- the looker

std::expected<void, int> SimulatedMachine::submit(const LookRequest& request, int pidfd) noexcept {
  if (looker_error) return std::unexpected(*looker_error);
  const auto birth = meaning_of(pidfd, Kind::process);
  if (!birth) return std::unexpected(EBADF);
  looks_.push_back({request, std::string(request.path), make_descriptor(Kind::process, *birth)});
  return {};
}

Seen SimulatedMachine::look(std::size_t place) {
  const auto chosen = looks_.begin() + static_cast<std::ptrdiff_t>(place);
  const PendingLook pending = std::move(*chosen);
  looks_.erase(chosen);
  Seen seen;
  if (watcher != nullptr) {
    LookRequest request = pending.request;
    request.path = pending.path;
    watcher->on_look(request, meaning_of(pending.pidfd.get(), Kind::process).value_or(0));
  }
  seen.report.job = pending.request.job;
  seen.report.verdict = judge(pending, seen.report, seen.file);
  return seen;
}

// Each in the order of the real looker.
LookVerdict SimulatedMachine::judge(const PendingLook& look, LookReport& report, Descriptor& file) {
  return look.request.at == LookAt::process ? judge_process(look, report) : judge_client(look, report, file);
}

LookVerdict SimulatedMachine::judge_client(const PendingLook& look, LookReport& report, Descriptor& file) {
  const Credentials& client = look.request.whom;
  if (!is_alive(look.pidfd.get())) return LookVerdict::peer_gone;
  const SimulatedProcess& process = processes.at(client.pid);
  if (client.uid == 0) return LookVerdict::peer_mixed;  // nobody acts as root
  if (process.mixed_ids || process.uid != client.uid || process.gid != client.gid) return LookVerdict::peer_mixed;
  process.comm.copy(report.comm.data(), report.comm.size() - 1);
  report.groups = process.groups;
  LookVerdict verdict = LookVerdict::seen;
  if (process.other_ipc_namespace) {
    verdict = LookVerdict::other_namespace;
  } else if (look.request.at == LookAt::file) {
    verdict = judge_file(look, report, file);
  }
  report.knows_groups = report.groups.size() <= reported_groups;
  if (report.knows_groups) return verdict;
  report.groups.clear();
  return look.request.at == LookAt::client ? LookVerdict::too_many_groups : verdict;
}

LookVerdict SimulatedMachine::judge_file(const PendingLook& look, LookReport& report, Descriptor& file) {
  const Credentials& client = look.request.whom;
  const SimulatedProcess& process = processes.at(client.pid);
  const auto inode = paths.find(look.path);
  if (inode == paths.end()) {
    report.error = ENOENT;
    return LookVerdict::unreadable;
  }
  const SimulatedFile& found = files.at(inode->second);
  report.device = device;
  report.inode = inode->second;
  report.mode = found.mode;
  report.owner = found.owner;
  if (!is_regular(found)) return LookVerdict::wrong_type;
  if (found.open_error || !may_read(found, client.uid)) {
    report.error = found.open_error.value_or(EACCES);
    return LookVerdict::unreadable;
  }
  if (!found.database) return LookVerdict::not_a_database;
  report.ids = found.ids;
  report.maps_header_segment = process.attached.contains(found.ids.shmid) || process.forged.contains(found.ids.shmid);
  file = make_descriptor(Kind::file, inode->second);
  return LookVerdict::seen;
}

LookVerdict SimulatedMachine::judge_process(const PendingLook& look, LookReport& report) {
  if (!is_alive(look.pidfd.get())) return LookVerdict::peer_gone;
  const SimulatedProcess& process = processes.at(look.request.whom.pid);
  if (process.mixed_ids) return LookVerdict::peer_mixed;
  report.owner = process.uid;
  report.runs_installation = process.uid != 0 && process.runs_installation;  // nobody acts as root
  report.catches_alarm = process.catches_alarm;
  return LookVerdict::seen;
}

// ---- the writer

std::expected<void, int> SimulatedMachine::submit(const WriteRequest& request, int file) noexcept {
  if (writer_error) return std::unexpected(*writer_error);
  const auto inode = meaning_of(file, Kind::file);
  if (!inode) return std::unexpected(EBADF);
  overlapped_ = overlapped_ || std::ranges::find(writes_, *inode, &PendingWrite::inode) != writes_.end();
  if (watcher != nullptr) watcher->on_submission(request, *inode);
  writes_.push_back({request, *inode});
  return {};
}

WriteReport SimulatedMachine::write() {
  const PendingWrite pending = writes_.front();
  writes_.pop_front();
  return {pending.request.job, judge(pending), 0};
}

WriteReport SimulatedMachine::refuse_write(WriteVerdict verdict, int error) {
  const PendingWrite pending = writes_.front();
  writes_.pop_front();
  return {pending.request.job, verdict, error};
}

WriteVerdict SimulatedMachine::judge(const PendingWrite& write) {
  SimulatedFile& file = files.at(write.inode);
  if (!is_regular(file) || !file.database) return WriteVerdict::refused;
  if (file.ids != write.request.expected) return WriteVerdict::changed;
  if (denial_by_objects(*this, write.request.wanted, write.request.expected, write.request.attached)) {
    return WriteVerdict::changed;
  }
  if (clock >= write.request.deadline) return WriteVerdict::too_late;
  act(SimulatedWrite{write.inode, file.ids, write.request.wanted, write.request.job});
  file.ids = write.request.wanted;
  return WriteVerdict::written;
}

void SimulatedMachine::settle(Broker& broker) {
  while (looks_waiting() + writes_waiting() > 0) {
    if (looks_waiting() > 0) broker.on_seen(look());
    if (writes_waiting() > 0) broker.on_written(write());
  }
}

// ---- the audit log

Ticket SimulatedMachine::record(const AuditRecord& record) noexcept {
  const auto number = record.object_number;
  const std::string object = number ? std::to_string(*number) : object_path(record);
  act(SimulatedRecord{record.pid, record.uid, record.gid, std::string(record.comm), std::string(record.request),
                      object, record.owner, record.mode, record.outcome, record.microseconds, record.late});
  if (!is_change(record)) return 0;
  ++lines_;
  if (!log_hangs) lines_written = lines_;
  return lines_;
}

void SimulatedMachine::event(std::string_view name, std::string_view detail) noexcept {
  act(SimulatedEvent{std::string(name), std::string(detail)});
}

void SimulatedMachine::summary(const AuditSummary& summary) noexcept {
  act(SimulatedEvent{std::string(summary.name), std::string(summary.detail)});
}

}  // namespace secshr
