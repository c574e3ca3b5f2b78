// A requester, a stranger, and what the looker reported: the facts that a request is decided on.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "secshr/authorize.h"
#include "tests/support/simulated_machine.h"

namespace secshr::test {

inline constexpr uid_t my_uid = 2001;
inline constexpr uid_t other_uid = 2002;
inline constexpr pid_t my_pid = 1001;
inline constexpr pid_t my_other_pid = 1003;  // of the requester's uid, but not the requester
inline constexpr pid_t other_pid = 1002;
inline constexpr pid_t third_pid = 1004;
inline constexpr gid_t my_gid = 1;
inline constexpr std::uint64_t file_inode = 42;

inline const char* const permitted = "permitted";

class AuthorizeTest : public testing::Test {
 protected:
  AuthorizeTest() { start_anew(); }

  // Nothing but the processes, with nothing attached.
  void start_anew() {
    machine.semaphore_sets.clear();
    machine.segments.clear();
    machine.names.clear();
    machine.start(my_pid, {.uid = my_uid, .gid = 1});
    machine.start(my_other_pid, {.uid = my_uid, .gid = 1});
    machine.start(other_pid, {.uid = other_uid, .gid = 1});
    machine.start(third_pid, {.uid = other_uid, .gid = 1});
  }

  // The looker's report of a database whose header holds `ids`, as the machine is now.
  Seen seen_with(const protocol::IpcIds& ids) {
    Seen seen;
    seen.report.verdict = LookVerdict::seen;
    seen.report.ids = ids;
    seen.report.knows_groups = true;
    const SimulatedProcess& me = machine.processes.at(my_pid);
    seen.report.maps_header_segment = me.attached.contains(ids.shmid) || me.forged.contains(ids.shmid);
    seen.file = SimulatedMachine::descriptor_of_file(file_inode);
    return seen;
  }

  // An object that everybody may use.
  static IpcObject object_of(uid_t uid, uid_t cuid, std::int64_t ctime) {
    return {.uid = uid, .cuid = cuid, .ctime = ctime, .mode = 0666};
  }

  // The looker's report of the requester itself.
  static Seen seen_client(std::vector<gid_t> groups = {}) {
    Seen seen;
    seen.report.verdict = LookVerdict::seen;
    seen.report.groups = std::move(groups);
    return seen;
  }
  // Or of a process that it names.
  static Seen seen_process(bool runs_installation = true, bool catches_alarm = true) {
    Seen seen;
    seen.report.verdict = LookVerdict::seen;
    seen.report.owner = other_uid;
    seen.report.runs_installation = runs_installation;
    seen.report.catches_alarm = catches_alarm;
    return seen;
  }

  // `seen` must live as long as the permit is used; null: nobody looked.
  std::expected<AnyPermit, Denied> authorize(const protocol::Request& request, const Seen* seen) {
    const Evidence evidence{seen, nullptr, named_process, SimulatedMachine::served_directory, sender_directory};
    return Authorizer(machine.kernel(), policy)
        .authorize(Peer{{my_pid, my_uid, my_gid}, machine.pidfd_of(my_pid)}, request, evidence);
  }
  // "permitted", or the rule and the reply's code.
  std::string decision(const protocol::Request& request, const Seen& seen) {
    const auto permit = authorize(request, &seen);
    return permit ? permitted : permit.error().rule + (" " + std::to_string(permit.error().code));
  }
  std::string decision_to_close(const protocol::IpcIds& header) {
    return decision(protocol::FlushHeader{protocol::closed_ids, "/d"}, seen_with(header));
  }
  std::string decision_to_open(const protocol::IpcIds& wanted, const protocol::IpcIds& header) {
    return decision(protocol::FlushHeader{wanted, "/d"}, seen_with(header));
  }

  void attach(pid_t pid, std::int32_t shmid) { machine.processes.at(pid).attached.insert(shmid); }

  SimulatedMachine machine;
  Policy policy{&protocol::profile(protocol::ProfileId::gtm), false};
  int named_process = -1;  // the pidfd of the process that the request names
  std::string sender_directory = "/served/";
};

inline const std::string denied_ids = "hdr.ids " + std::to_string(EPERM);
inline const std::string denied_live = "hdr.live " + std::to_string(EBUSY);
inline std::string denied(const char* rule, int code) {
  return rule + (" " + std::to_string(code));
}

// What the kernel fails with where it cannot say whether an object exists: EINVAL and EIDRM say that it does not.
inline constexpr int unknowable[] = {EPERM, EACCES, ENOSYS, ENOMEM};

}  // namespace secshr::test
