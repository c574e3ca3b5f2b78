#include "fuzz/pipeline/objections.h"

#include <algorithm>
#include <cerrno>

namespace secshr::pipeline {
namespace {

constexpr std::int32_t no_such_request = 0x8000;
constexpr std::int32_t another_release = 0x8001;
constexpr std::size_t most_groups = 4096;

// ---- who

bool is_in(gid_t group, gid_t own, const std::vector<gid_t>& groups) {
  return group == own || std::ranges::find(groups, group) != groups.end();
}

// Which three bits of a mode are somebody's: the first class that fits decides.
unsigned bits_of(unsigned mode, bool is_owner, bool is_member) {
  if (is_owner) return (mode >> 6) & 7U;
  return (is_member ? mode >> 3 : mode) & 7U;
}

bool may(const IpcObject& object, const Request& request, const Sight& client, unsigned wanted) {
  const bool owner = request.client.uid == object.uid || request.client.uid == object.cuid;
  const bool member =
      is_in(object.gid, request.client.gid, client.groups) || is_in(object.cgid, request.client.gid, client.groups);
  return (bits_of(object.mode, owner, member) & wanted) == wanted;
}

bool is_living(const SimulatedMachine& machine, pid_t pid) {
  const auto found = machine.processes.find(pid);
  return found != machine.processes.end() && found->second.alive;
}
bool is_living_birth(const SimulatedMachine& machine, std::uint64_t birth) {
  return std::ranges::any_of(machine.processes,
                             [&](const auto& each) { return each.second.birth == birth && each.second.alive; });
}
std::uint64_t attached_to(const SimulatedMachine& machine, std::int32_t shmid) {
  std::uint64_t count = 0;
  for (const auto& [pid, process] : machine.processes) {
    if (process.alive && process.attached.contains(shmid)) ++count;
  }
  return count;
}

bool knows_groups(const Sight& client) {
  return client.groups.size() <= most_groups;
}

// ---- the client itself

void to_client(const Request& request, const Sight* client, Objections& all) {
  if (client == nullptr) {
    all.add("nobody has looked", 0);
    return;
  }
  const bool file_too = request.asked.kind == Kind::flush && client->at == LookAt::file;
  if (!client->lives) all.add("-", ESRCH);
  if (!client->one_identity) all.add("peer.mixed", EPERM);
  if (!client->our_ipc_namespace) all.add("peer.namespace", EPERM);
  if (!knows_groups(*client) && !file_too) all.add("peer.mixed", EPERM);
}

const Restriction* restriction_of(Kind kind, const Restrictions& all) {
  switch (kind) {
    case Kind::wake:
      return &all.wake;
    case Kind::remove_set:
      return &all.remove_semaphore_set;
    case Kind::remove_segment:
      return &all.remove_segment;
    case Kind::remove_file:
      return &all.remove_file;
    case Kind::resume:
      return &all.continue_process;
    case Kind::flush:
      return &all.flush_header;
    case Kind::ping:
    case Kind::unknown:
      break;
  }
  return nullptr;
}

// A lockdown leaves root and the administrators' group; a restriction its groups. By the client's own group, or by a
// look at the others, which then must be one of that very client.
void to_serving(Kind kind, const Request& request, const Sight* client, const Terms& terms, Objections& all) {
  static const std::vector<gid_t> none;
  const bool seen = client != nullptr && client->lives && client->one_identity && knows_groups(*client);
  const auto& groups = seen ? client->groups : none;
  const auto is_member = [&](gid_t group) { return is_in(group, request.client.gid, groups); };
  bool open_to_it = true;
  if (terms.lockdown && request.client.uid != 0 && !is_member(terms.lockdown->group)) {
    all.add("lockdown", EPERM);
    open_to_it = false;
  }
  if (const Restriction* const restriction = restriction_of(kind, terms.restrictions)) {
    const auto& listed = restriction->groups;
    if (!restriction->served || (!listed.empty() && std::ranges::none_of(listed, is_member))) {
      all.add("cfg.off", EPERM);
      open_to_it = false;
    }
  }
  if (open_to_it || client == nullptr || seen) return;
  to_client(request, client, all);
  if (!knows_groups(*client)) all.add("peer.mixed", EPERM);
}

// ---- semaphore sets and segments

void to_missing(const std::optional<int>& error, Objections& all) {
  const int told = error.value_or(EINVAL);
  all.add("-", told == EIDRM ? EINVAL : told);
}

void to_root_object(const IpcObject& object, const Terms& terms, Objections& all) {
  if (object.uid == 0 && object.cuid == 0 && !terms.allow_root_objects) all.add("ipc.root", EPERM);
}

// Whether the kernel tells anybody whom we may be which process operated last.
bool tells_last_operation(const SimulatedSemaphoreSet& set, const SimulatedMachine& machine, const Terms& terms) {
  if (machine.last_operation_error) return false;
  const bool others_may_ask = (set.object.mode & 0044U) != 0;
  const bool root_only = set.object.uid == 0 && set.object.cuid == 0;
  return others_may_ask || !root_only || terms.allow_root_objects;
}

bool has_ended(const SimulatedMachine& machine, std::uint64_t birth) {
  return birth != 0 && !is_living_birth(machine, birth);
}

// It was the client itself that operated last, and not one that has its pid by now. One that had it before and has
// ended comes to the same: who may alter the set can operate on it.
bool operated_last(const SimulatedSemaphoreSet& set, const Request& request, const SimulatedMachine& machine) {
  return set.last_operation == request.client.pid && is_living_birth(machine, request.birth) &&
         (set.operated == request.birth || has_ended(machine, set.operated));
}

void to_removing_set(const Request& request, const Sight& client, const SimulatedMachine& machine, const Terms& terms,
                     Objections& all) {
  const auto found = machine.semaphore_sets.find(request.asked.number);
  if (found == machine.semaphore_sets.end() || found->second.error) {
    return to_missing(found == machine.semaphore_sets.end() ? std::nullopt : found->second.error, all);
  }
  const SimulatedSemaphoreSet& set = found->second;
  to_root_object(set.object, terms, all);
  if (!may(set.object, request, client, 2)) all.add("sem.alter", EPERM);
  if (!tells_last_operation(set, machine, terms)) return all.add("sem.lastop", EBUSY);
  const bool nobody_ever = set.last_operation == 0 && set.otime == 0;
  if (nobody_ever || operated_last(set, request, machine)) return;
  const bool unseen = set.last_operation == 0;
  if (unseen || (is_living(machine, set.last_operation) && !has_ended(machine, set.operated))) {
    all.add("sem.lastop", EBUSY);
  } else if (is_living(machine, set.last_operation) || machine.open_process_error) {
    all.doubt("sem.lastop", EBUSY);
  }
}

void to_removing_segment(const Request& request, const Sight& client, const SimulatedMachine& machine,
                         const Terms& terms, Objections& all) {
  const auto found = machine.segments.find(request.asked.number);
  if (found == machine.segments.end() || found->second.error) {
    return to_missing(found == machine.segments.end() ? std::nullopt : found->second.error, all);
  }
  to_root_object(found->second.object, terms, all);
  if (!may(found->second.object, request, client, 6)) all.add("shm.rw", EPERM);
  if (attached_to(machine, request.asked.number) > 0) all.add("shm.attached", EBUSY);
}

// ---- socket files

void to_removing_name(const Request& request, const Sight& client, const std::string& name,
                      const SimulatedMachine& machine, const Terms& terms, Objections& all) {
  const auto owned = leftover_name(terms.names, name);
  if (!owned) {
    all.add("sock.name", EPERM);
    return;
  }
  const SimulatedDirectory& directory = machine.directory;
  const unsigned bits = bits_of(directory.mode, request.client.uid == directory.owner,
                                is_in(directory.group, request.client.gid, client.groups));
  const auto found = machine.names.find(name);
  if (machine.name_error) {
    all.add(*machine.name_error == ENOENT ? "-" : "sock.dir", *machine.name_error == ENOENT ? ENOENT : EPERM);
  }
  if (found == machine.names.end()) {
    all.add("-", ENOENT);
    return;
  }
  if ((bits & 3U) != 3U) all.add("sock.dir", EPERM);
  if ((found->second.mode & S_IFMT) != S_IFSOCK) all.add("sock.name", EPERM);
  if (found->second.bound) all.add("sock.live", EBUSY);
  // Of a process that lives, and is not the client: it may be binding it just now.
  const bool clients_own = owned->pid == request.client.pid && is_living_birth(machine, request.birth);
  if (clients_own) return;
  if (is_living(machine, owned->pid)) all.add("sock.live", EBUSY);
  if (machine.open_process_error) all.doubt("sock.live", EBUSY);
}

void to_removing_file(const Request& request, const Sight& client, const SimulatedMachine& machine,
                      const Terms& terms, Objections& all) {
  // The directory as the client's own socket was bound in it, and no other.
  if (directory_of(request.asked.path) != directory_of(request.sender)) all.add("sock.name", EPERM);
  to_removing_name(request, client, std::string(name_of(request.asked.path)), machine, terms, all);
}

// ---- database headers

void to_file(const Sight& client, Objections& all) {
  if (!client.inode) {
    all.add("-", ENOENT);
    return;
  }
  if (!client.regular || (client.unreadable == 0 && !client.database)) all.add("hdr.type", EPERM);
  if (client.unreadable == ENOENT) return all.add("-", ENOENT);
  if (client.unreadable != 0) all.add("hdr.read", client.unreadable == EAGAIN ? EBUSY : EPERM);
}

enum class Life { none, lives, unknown };

// Whether the object that a header names lives: the one with this id and this time.
template <typename Objects>
Life life_of(const Objects& objects, std::int32_t id, std::int64_t time) {
  const auto found = objects.find(id);
  if (id < 0 || found == objects.end()) return Life::none;
  if (const auto error = found->second.error) return *error == EINVAL || *error == EIDRM ? Life::none : Life::unknown;
  return found->second.object.ctime == time ? Life::lives : Life::none;
}

// It made the set, or may alter it and was the last to operate on it, as one that has the database open.
bool holds(const Request& request, const Sight& client, std::int32_t semid, const SimulatedMachine& machine,
           const Terms& terms) {
  const auto found = machine.semaphore_sets.find(semid);
  if (semid < 0 || found == machine.semaphore_sets.end() || found->second.error) return false;
  const SimulatedSemaphoreSet& set = found->second;
  if (set.object.cuid == request.client.uid) return true;
  return knows_groups(client) && may(set.object, request, client, 2) && tells_last_operation(set, machine, terms) &&
         operated_last(set, request, machine);
}

template <typename Objects>
bool made_by(const Objects& objects, std::int32_t id, uid_t uid) {
  const auto found = objects.find(id);
  return found != objects.end() && !found->second.error && found->second.object.cuid == uid;
}

void to_opening(const Request& request, const Sight& client, const SimulatedMachine& machine, const Terms& terms,
                Objections& all) {
  const Ids& wanted = request.asked.ids;
  const Ids& found = client.ids;
  const bool set_is_named = wanted.semid == found.semid && wanted.sem_time == found.sem_time;
  const bool segment_is_named = wanted.shmid == found.shmid && wanted.shm_time == found.shm_time;
  const bool made_set = made_by(machine.semaphore_sets, wanted.semid, request.client.uid);
  if (!made_set && !set_is_named) all.add("hdr.ids", EPERM);
  if (wanted.shmid >= 0 && !segment_is_named) {
    if (!made_by(machine.segments, wanted.shmid, request.client.uid)) all.add("hdr.ids", EPERM);
    if (!made_set && !holds(request, client, wanted.semid, machine, terms)) all.add("hdr.ids", EPERM);
  }
  // Over a segment of its own that somebody is attached to: one file would be in use twice.
  const auto forgotten = machine.segments.find(found.shmid);
  const bool names_others = found.shmid != wanted.shmid || found.semid != wanted.semid;
  if (found.shmid >= 0 && names_others && forgotten != machine.segments.end() && !forgotten->second.error) {
    const IpcObject& object = forgotten->second.object;
    const bool own = object.uid == request.client.uid || object.cuid == request.client.uid;
    if (own && attached_to(machine, found.shmid) > 0) all.add("hdr.live", EBUSY);
  }
}

void to_closing(const Request& request, const Sight& client, const SimulatedMachine& machine, const Terms& terms,
                Objections& all) {
  const Ids& found = client.ids;
  const Life set = life_of(machine.semaphore_sets, found.semid, found.sem_time);
  if (set == Life::unknown || (set == Life::lives && !holds(request, client, found.semid, machine, terms))) {
    all.add("hdr.live", EBUSY);
  }
}

void to_flush(const Request& request, const Sight& client, const SimulatedMachine& machine, const Terms& terms,
              Objections& all) {
  to_file(client, all);
  if (!client.inode) return;
  const bool shown = shows_its_segment(request, client, machine, terms);
  if (request.asked.closing()) {
    to_closing(request, client, machine, terms, all);
  } else {
    to_opening(request, client, machine, terms, all);
  }
  all.merge(to_writing(request.asked.ids, client.ids, shown, machine));
}

// ---- processes

void to_signal(const Request& request, const Sight* process, const SimulatedMachine& machine, Objections& all) {
  const std::int32_t pid = request.asked.number;
  if (pid <= 0) all.add("proc.install", EINVAL);
  if (machine.open_process_error) all.doubt("proc.install", EPERM);
  if (process == nullptr) {
    all.add("nobody has looked", 0);
    if (!is_living(machine, pid)) all.add("proc.install", ESRCH);
    return;
  }
  if (!process->lives) {
    all.add("proc.install", ESRCH);
    return;
  }
  const bool reachable = process->one_identity && process->runs_installation;
  if (!reachable) all.add("proc.install", EPERM);
  if (request.asked.kind == Kind::wake && !process->catches_alarm) all.add("wake.caught", EPERM);
}

}  // namespace

Ids ids_of(const protocol::IpcIds& ids) {
  return {ids.semid, ids.shmid, ids.sem_ctime, ids.shm_ctime};
}

bool shows_its_segment(const Request& request, const Sight& client, const SimulatedMachine& machine,
                       const Terms& terms) {
  return client.maps_segment && holds(request, client, client.ids.semid, machine, terms);
}

Objections to_form(const Request& request, const Terms& terms) {
  const Asked& asked = request.asked;
  Objections all;
  if (asked.pid != request.client.pid) all.add("peer.pid", EPERM);
  if (asked.key != terms.key) all.add("-", another_release);
  if (asked.kind == Kind::unknown) all.add("-", no_such_request);
  if (!asked.well_formed) all.add("-", EINVAL);
  return all;
}

Objections to_request(const Request& request, const Evidence& evidence, const SimulatedMachine& machine,
                      const Terms& terms) {
  Objections all = to_form(request, terms);
  if (!request.asked.well_formed) return all;
  to_serving(request.asked.kind, request, evidence.client, terms, all);
  const Sight* const client = evidence.client;
  switch (request.asked.kind) {
    case Kind::wake:
    case Kind::resume:
      to_signal(request, evidence.process, machine, all);
      break;
    case Kind::remove_set:
      to_client(request, client, all);
      if (client != nullptr) to_removing_set(request, *client, machine, terms, all);
      break;
    case Kind::remove_segment:
      to_client(request, client, all);
      if (client != nullptr) to_removing_segment(request, *client, machine, terms, all);
      break;
    case Kind::remove_file:
      to_client(request, client, all);
      if (client != nullptr) to_removing_file(request, *client, machine, terms, all);
      break;
    case Kind::flush:
      to_client(request, client, all);
      if (client != nullptr) to_flush(request, *client, machine, terms, all);
      break;
    case Kind::ping:
    case Kind::unknown:
      break;
  }
  return all;
}

Objections to_leftover(const Request& request, const Evidence& evidence, const std::string& name,
                       const SimulatedMachine& machine, const Terms& terms) {
  Objections all;
  const auto owned = client_name(terms.names, name);
  if (!owned || owned->pid != request.client.pid) all.add("sock.name", EPERM);
  to_serving(Kind::remove_file, request, evidence.client, terms, all);
  // What it was looked at for does not matter: its groups do.
  Request removal = request;
  removal.asked.kind = Kind::remove_file;
  to_client(removal, evidence.client, all);
  if (evidence.client != nullptr) to_removing_name(removal, *evidence.client, name, machine, terms, all);
  return all;
}

Objections to_writing(const Ids& wanted, const Ids& found, bool requester_may_be_attached,
                      const SimulatedMachine& machine) {
  Objections all;
  if (wanted == Ids{}) {
    const auto segment = machine.segments.find(found.shmid);
    if (found.shmid < 0 || segment == machine.segments.end()) return all;
    const auto error = segment->second.error;
    if (error && (*error == EINVAL || *error == EIDRM)) return all;
    const bool too_many = attached_to(machine, found.shmid) > (requester_may_be_attached ? 1U : 0U);
    if (error || too_many) all.add("hdr.live", EBUSY);
    return all;
  }
  if (life_of(machine.semaphore_sets, wanted.semid, wanted.sem_time) != Life::lives) all.add("hdr.ids", EPERM);
  if (wanted.shmid >= 0 && life_of(machine.segments, wanted.shmid, wanted.shm_time) != Life::lives) {
    all.add("hdr.ids", EPERM);
  }
  const bool other_set = found.semid != wanted.semid || found.sem_time != wanted.sem_time;
  const bool other_segment = found.shmid != wanted.shmid || found.shm_time != wanted.shm_time;
  if (other_set && life_of(machine.semaphore_sets, found.semid, found.sem_time) != Life::none) {
    all.add("hdr.live", EBUSY);
  }
  if (other_segment && life_of(machine.segments, found.shmid, found.shm_time) != Life::none) {
    all.add("hdr.live", EBUSY);
  }
  return all;
}

}  // namespace secshr::pipeline
