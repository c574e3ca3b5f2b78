// What others do to the machine:
//
//   s P u flags     process P starts, in place of what had that pid, as user u
//   q P z           it ends; and is a zombie
//   m P flags       it becomes another: executes, changes its ids, groups or namespace
//   a P id …        it attaches a segment, detaches it, or forges maps that show it
//   j f g           path f leads to file g
//   e id P          it operates on a semaphore set
//   n id u c mode g last, N id u c mode g   a new set or segment of user u, made by c
//   u id what       a set or segment goes, or asking about it fails
//   U id what …     a set or segment gets another owner, mode or time
//   g P s u what    a name of P's appears: bound, a leftover, listed as bound, a file; or goes
//   G mode owner    the served directory's mode and owner
//   D d             a file's open fails
//   i f ids         a file's header is written
//   I f what        a file becomes another kind of file
//   y what error    a fault; or none
#include <algorithm>
#include <array>
#include <cerrno>

#include "fuzz/pipeline/world.h"
#include "protocol/socket_names.h"

namespace secshr::pipeline {
namespace {

constexpr std::array<uid_t, 5> users{2001, 2002, 2003, 0, 2004};
constexpr gid_t staff = 50;
constexpr gid_t database_group = 60;
constexpr std::array<gid_t, 4> object_groups{3000, staff, database_group, 0};
constexpr std::array object_modes{0600U, 0666U, 0660U, 0640U, 0604U, 0606U, 0000U, 0777U, 0060U, 0620U};
constexpr pid_t nobodys_pid = 1999;
constexpr std::size_t too_many_groups = 4097;

}  // namespace

World::Change World::change(char letter) {
  if (Change change = change_of_process(letter)) return change;
  if (Change change = change_of_object(letter)) return change;
  if (Change change = change_of_name(letter)) return change;
  if (Change change = change_of_file(letter)) return change;
  return letter == 'y' ? fault() : nullptr;
}

// ---- processes

SimulatedProcess World::process_of(uid_t uid, unsigned flags) const {
  SimulatedProcess process{.uid = uid, .gid = uid == 0 ? 0 : 3000 + (uid & 1U)};
  process.comm = (flags & 3U) == 0 ? "mumps" : "dse";
  process.mixed_ids = (flags & 1U) != 0;
  process.other_ipc_namespace = (flags & 2U) != 0;
  process.runs_installation = (flags & 4U) == 0;
  process.catches_alarm = (flags & 8U) == 0;
  if ((flags & 16U) != 0) process.groups.push_back(staff);
  if ((flags & 32U) != 0) process.groups.push_back(database_group);
  if ((flags & 64U) != 0) process.groups.resize(too_many_groups, 7777);
  return process;
}

std::string World::client_name_of(pid_t pid, unsigned suffix) const {
  return std::string(
      protocol::client_socket_name(profile_, pid, protocol::client_socket_suffixes[suffix % 27]).view());
}

// As stock clients do: under its own name, or where a file is in the way there under the first free one with a
// letter.
void World::start(pid_t pid, uid_t uid, unsigned flags) {
  if (machine_.processes.contains(pid)) end_process(pid, false);
  machine_.start(pid, process_of(uid, flags));
  constexpr unsigned binds_nothing = 128;
  if ((flags & binds_nothing) != 0) return;
  for (unsigned suffix = 0; suffix < 27; ++suffix) {
    const std::string name = client_name_of(pid, suffix);
    const auto found = machine_.names.find(name);
    if (found != machine_.names.end() && found->second.owner != uid) continue;
    machine_.names[name] = {
        .owner = uid, .bound = true, .inode = ++inodes_, .binder = machine_.processes.at(pid).birth};
    return;
  }
}

void World::end_process(pid_t pid, bool zombie) {
  SimulatedProcess& process = machine_.processes.at(pid);
  process.alive = false;
  process.zombie = zombie;
  for (auto& [name, facts] : machine_.names) {
    if (facts.binder == process.birth) facts.bound = false;
  }
}

World::Change World::change_of_process(char letter) {
  switch (letter) {
    case 's':
      return
          [this, pid = some_pid(), uid = input_.one_of(users), flags = input_.number()] { start(pid, uid, flags); };
    case 'q':
      return [this, pid = some_pid(), zombie = input_.below(2) == 1] { end_process(pid, zombie); };
    case 'm':
      return [this, pid = some_pid(), flags = input_.number()] {
        SimulatedProcess& process = machine_.processes.at(pid);
        SimulatedProcess other = process_of(process.uid, flags);
        other.alive = process.alive;
        other.zombie = process.zombie;
        other.attached = process.attached;
        other.birth = process.birth;
        process = std::move(other);
      };
    case 'a':
      return [this, pid = some_pid(), id = static_cast<std::int32_t>(input_.below(objects)), how = input_.below(3)] {
        SimulatedProcess& process = machine_.processes.at(pid);
        if (how == 1) {
          process.attached.erase(id);
        } else if (how == 2) {
          process.forged.insert(id);
        } else if (machine_.segments.contains(id) && process.alive) {
          process.attached.insert(id);
        }
      };
    default:
      return nullptr;
  }
}

// ---- semaphore sets and segments

IpcObject World::object_of(uid_t uid, uid_t cuid, unsigned mode, gid_t gid) {
  ++times_;
  return {.uid = uid,
          .cuid = cuid,
          .ctime = times_,
          .gid = gid,
          .cgid = gid,
          .mode = mode,
          .key = static_cast<key_t>(times_)};
}

// The last two: somebody who ended long ago, and somebody outside our pid namespace.
void World::operate(std::int32_t semid, unsigned who) {
  const auto found = machine_.semaphore_sets.find(semid);
  if (found == machine_.semaphore_sets.end()) return;
  SimulatedSemaphoreSet& set = found->second;
  const unsigned choice = who % (pids + 3);
  const pid_t pid = first_pid + static_cast<pid_t>(choice);
  if (choice < pids && !machine_.processes.at(pid).alive) return;  // it can do nothing any more
  set.otime = ++times_;
  set.operated = 0;
  if (choice < pids) {
    set.last_operation = pid;
    set.operated = machine_.processes.at(pid).birth;
  } else if (choice == pids) {
    set.last_operation = nobodys_pid;
  } else {
    set.last_operation = 0;
    if (choice == pids + 1) set.otime = 0;
  }
}

World::Change World::change_of_object(char letter) {
  const auto some_object = [this] { return static_cast<std::int32_t>(input_.below(objects)); };
  switch (letter) {
    case 'e':
      return [this, id = some_object(), who = input_.number()] { operate(id, who); };
    case 'n':
    case 'N': {
      const std::int32_t id = some_object();
      const uid_t uid = input_.one_of(users);
      const uid_t cuid = input_.one_of(users);
      const unsigned mode = input_.one_of(object_modes);
      const gid_t gid = input_.one_of(object_groups);
      if (letter == 'N') {
        return [this, id, uid, cuid, mode, gid] {
          // Whoever has the former one attached keeps that, under no id.
          for (auto& [pid, process] : machine_.processes) process.attached.erase(id);
          machine_.segments[id] = {object_of(uid, cuid, mode, gid)};
        };
      }
      return [this, id, uid, cuid, mode, gid, who = input_.number()] {
        machine_.semaphore_sets[id] = {object_of(uid, cuid, mode, gid)};
        operate(id, who);
      };
    }
    case 'u':
      return [this, id = some_object(), how = input_.below(6)] {
        constexpr std::array errors{EIDRM, ENOMEM};
        const auto set = machine_.semaphore_sets.find(id);
        const auto segment = machine_.segments.find(id);
        if (how == 0) machine_.semaphore_sets.erase(id);
        if (how == 1) {
          machine_.segments.erase(id);
          for (auto& [pid, process] : machine_.processes) process.attached.erase(id);
        }
        if ((how == 2 || how == 3) && set != machine_.semaphore_sets.end()) set->second.error = errors[how - 2];
        if (how >= 4 && segment != machine_.segments.end()) segment->second.error = errors[how - 4];
      };
    case 'U':
      return [this, id = some_object(), how = input_.below(6), uid = input_.one_of(users),
              mode = input_.one_of(object_modes)] {
        const auto set = machine_.semaphore_sets.find(id);
        const auto segment = machine_.segments.find(id);
        const bool of_set = how % 2 == 0;
        if (of_set ? set == machine_.semaphore_sets.end() : segment == machine_.segments.end()) return;
        IpcObject& object = of_set ? set->second.object : segment->second.object;
        if (how / 2 == 0) object.uid = uid;
        if (how / 2 == 1) object.mode = mode;
        if (how / 2 == 2) object.ctime = ++times_;
      };
    default:
      return nullptr;
  }
}

// ---- names

World::Change World::change_of_name(char letter) {
  if (letter == 'G') {
    constexpr std::array modes{01777U, 0755U, 0775U, 0700U, 01770U, 0711U};
    return [this, mode = modes[input_.below(6)], uid = input_.one_of(users), gid = input_.one_of(object_groups)] {
      machine_.directory = {uid, gid, S_IFDIR | mode};
    };
  }
  if (letter != 'g') return nullptr;
  const pid_t pid = some_pid();
  const unsigned suffix = input_.below(28);
  const uid_t owner = input_.one_of(users);
  const unsigned what = input_.below(5);
  const bool has_mutex = suffix == 27 && !profile_.mutex_socket_prefix.empty();
  std::string name = client_name_of(pid, suffix);
  if (has_mutex) name = std::string(profile_.mutex_socket_prefix) + name.substr(profile_.socket_prefix.size(), 8);
  return [this, name, owner, what] {
    if (what == 4) {
      machine_.names.erase(name);
      return;
    }
    machine_.names[name] = {.owner = owner,
                            .mode = (what == 3 ? S_IFREG : S_IFSOCK) | 0755U,
                            .bound = what == 0,
                            .only_listed = what == 2,
                            .inode = ++inodes_};
  };
}

// ---- files

// Of the objects as they are now, or nearly.
protocol::IpcIds World::ids() {
  const unsigned form = input_.below(6);
  const auto semid = static_cast<std::int32_t>(input_.below(objects));
  const auto shmid = static_cast<std::int32_t>(input_.below(objects));
  const auto set = machine_.semaphore_sets.find(semid);
  const auto segment = machine_.segments.find(shmid);
  protocol::IpcIds ids{semid, shmid, set != machine_.semaphore_sets.end() ? set->second.object.ctime : 1,
                       segment != machine_.segments.end() ? segment->second.object.ctime : 1};
  if (form == 0) return protocol::closed_ids;
  if (form == 2) ids.shmid = -1, ids.shm_ctime = 0;
  if (form == 3) ++ids.sem_ctime;
  if (form == 4) ++ids.shm_ctime;
  if (form == 5) ids.semid = -1, ids.sem_ctime = 0;
  return ids;
}

World::Change World::change_of_file(char letter) {
  const auto some_inode = [this] { return first_inode + input_.below(files); };
  switch (letter) {
    case 'i':
      return [this, inode = some_inode(), said = ids()] { machine_.files.at(inode).ids = said; };
    case 'I':
      return [this, inode = some_inode(), what = input_.below(8)] {
        SimulatedFile& file = machine_.files.at(inode);
        constexpr std::array modes{S_IFREG | 0444U, S_IFREG | 0400U, S_IFREG | 0004U,
                                   S_IFREG | 0000U, S_IFIFO | 0444U, S_IFDIR | 0755U};
        if (what < modes.size()) file.mode = modes[what];
        if (what == 6) file.database = !file.database;
        if (what == 7) file.owner = file.owner == users[0] ? users[1] : users[0];
      };
    case 'D':
      return [this, inode = some_inode(), what = input_.below(4)] {
        constexpr std::array errors{EAGAIN, EIO, ENOENT};
        machine_.files.at(inode).open_error = what < errors.size() ? std::optional(errors[what]) : std::nullopt;
      };
    case 'j':
      return [this, path = "/data/" + std::to_string(input_.below(files)), what = input_.below(files + 1)] {
        if (what == files) {
          machine_.paths.erase(path);
        } else {
          machine_.paths[path] = first_inode + what;
        }
      };
    default:
      return nullptr;
  }
}

// ---- faults

World::Change World::fault() {
  const unsigned what = input_.below(10);
  const unsigned choice = input_.below(5);
  return [this, what, choice] {
    const auto one_of = [&](auto... errors) -> std::optional<int> {
      const std::array all{errors...};
      if (choice >= all.size()) return std::nullopt;
      return all[choice];
    };
    switch (what) {
      case 0:
        machine_.looker_error = one_of(EAGAIN, EPIPE);
        break;
      case 1:
        machine_.writer_error = one_of(EAGAIN, EPIPE);
        break;
      case 2:
        machine_.reply_error = one_of(EAGAIN, ECONNREFUSED, ENOENT, EPERM);
        break;
      case 3:
        machine_.reach_error = one_of(EAGAIN, ECONNREFUSED, ENOENT, EPROTOTYPE);
        break;
      case 4:
        machine_.removal_error = one_of(EPERM, EROFS, ENOMEM, EINVAL);
        break;
      case 5:
        machine_.open_process_error = one_of(EMFILE, ENOMEM, EINVAL);
        break;
      case 6:
        machine_.signal_error = one_of(EPERM, EINVAL);
        break;
      case 7:
        machine_.name_error = one_of(EACCES, ENOENT, ELOOP, EIO);
        break;
      case 8:
        machine_.last_operation_error = one_of(EACCES, EINVAL, EPERM);
        break;
      default:
        machine_.looker_error = machine_.writer_error = machine_.reply_error = machine_.reach_error = std::nullopt;
        machine_.removal_error = machine_.open_process_error = machine_.signal_error = std::nullopt;
        machine_.name_error = machine_.last_operation_error = std::nullopt;
    }
  };
}

}  // namespace secshr::pipeline
