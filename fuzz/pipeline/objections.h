// The one rule, stated once more: every objection that there is to what a datagram asks, as the documents have it and
// with none of the product's decisions. What is done must have met none of them; what is refused must name one of
// them.
//
// It knows what nobody on a machine does: the tables themselves, and which process really did what.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "fuzz/pipeline/asked.h"
#include "installation/lockdown.h"
#include "installation/restrictions.h"
#include "tests/support/simulated_machine.h"

namespace secshr::pipeline {

// What the administrator and the installation say.
struct Terms {
  Names names;
  std::uint32_t key = 0;
  uid_t overflow_uid = 0;
  gid_t overflow_gid = 0;
  bool allow_root_objects = false;
  std::optional<Lockdown> lockdown;
  Restrictions restrictions;
  bool limited = false;  // to as much as the next three say
  unsigned per_second_per_uid = 0;
  unsigned per_second = 0;
  unsigned refusals_per_second_per_uid = 0;
};

// What was true at the moment of a look: of a client, and maybe of a file as it has it, or of a process.
struct Sight {
  LookAt at = LookAt::client;
  std::uint64_t birth = 0;
  bool lives = false;
  bool one_identity = false;  // four equal ids, those that the kernel said, and not root's
  bool our_ipc_namespace = false;
  std::string comm;
  std::vector<gid_t> groups;
  bool runs_installation = false;
  bool catches_alarm = false;
  uid_t uid = 0;
  // Of a file.
  std::optional<std::uint64_t> inode;
  bool regular = false;
  bool database = false;
  int unreadable = 0;  // why the client itself cannot read it
  Ids ids;
  bool maps_segment = false;
  bool operator==(const Sight&) const = default;
};

// Whoever asks, by the kernel's word at that time, and from where.
struct Request {
  Asked asked;
  Credentials client;
  std::uint64_t birth = 0;
  std::string sender;
};

// What is known when it is decided; either may be missing.
struct Evidence {
  const Sight* client = nullptr;   // with the file, where that was looked at
  const Sight* process = nullptr;  // the one to be signalled
};

using Objection = std::pair<std::string, std::int32_t>;  // the rule, and what the client is told

struct Objections {
  std::set<Objection> certain;
  // Where nobody on the machine can tell that there is none: it is right to refuse, though it would do no harm.
  std::set<Objection> doubts;

  void add(std::string rule, std::int32_t code) { certain.emplace(std::move(rule), code); }
  void doubt(std::string rule, std::int32_t code) { doubts.emplace(std::move(rule), code); }
  void merge(Objections others) {
    certain.merge(others.certain);
    doubts.merge(others.doubts);
  }
  [[nodiscard]] bool contain(const Objection& one) const { return certain.contains(one) || doubts.contains(one); }
};

// To the datagram as it is, whoever sent it.
[[nodiscard]] Objections to_form(const Request& request, const Terms& terms);
// To doing it now.
[[nodiscard]] Objections to_request(const Request& request, const Evidence& evidence, const SimulatedMachine& machine,
                                    const Terms& terms);
// To removing a leftover of the client's own pid that it has not named.
[[nodiscard]] Objections to_leftover(const Request& request, const Evidence& evidence, const std::string& name,
                                     const SimulatedMachine& machine, const Terms& terms);
// To putting `wanted` in the place of `found`, whoever wants it: what the writer says itself.
[[nodiscard]] Objections to_writing(const Ids& wanted, const Ids& found, bool requester_may_be_attached,
                                    const SimulatedMachine& machine);
// Whether the client's own maps show the segment that the header names, and it holds the header's set, without which
// maps say nothing.
[[nodiscard]] bool shows_its_segment(const Request& request, const Sight& client, const SimulatedMachine& machine,
                                     const Terms& terms);

[[nodiscard]] Ids ids_of(const protocol::IpcIds& ids);

}  // namespace secshr::pipeline
