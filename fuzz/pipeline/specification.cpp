#include "fuzz/pipeline/specification.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>

#include "fuzz/pipeline/require.h"
#include "protocol/rules.h"

namespace secshr::pipeline {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds deadline{4000};
// A writer says itself that it is too late; the broker speaks for it where it is stuck.
constexpr milliseconds writers_deadline{4500};
// When nothing of a request matters any more.
constexpr milliseconds remembered_for{100};
constexpr milliseconds forgotten{10000};
constexpr std::size_t longest_address = 108;
constexpr std::string_view served_name = "/served/";

bool same(const Credentials& left, const Credentials& right) {
  return left.pid == right.pid && left.uid == right.uid && left.gid == right.gid;
}

bool is_lost_on(const SimulatedMachine& machine, std::uint64_t birth) {
  return std::ranges::none_of(machine.processes,
                              [&](const auto& each) { return each.second.birth == birth && each.second.alive; });
}

// Why a reply to that name would not reach this client; 0: it would.
int unreachable(const SimulatedMachine& machine, const std::string& name, const Credentials& client) {
  const auto found = machine.names.find(name);
  if (found == machine.names.end()) return ENOENT;
  if ((found->second.mode & S_IFMT) != S_IFSOCK || found->second.owner != client.uid) return EPERM;
  return found->second.bound ? 0 : ECONNREFUSED;
}

void see_file(const SimulatedMachine& machine, const LookRequest& request, const SimulatedProcess& process,
              Sight& sight) {
  const auto path = machine.paths.find(std::string(request.path));
  if (path == machine.paths.end()) return;
  const SimulatedFile& file = machine.files.at(path->second);
  sight.inode = path->second;
  sight.regular = (file.mode & S_IFMT) == S_IFREG;
  sight.database = file.database;
  const bool readable = (file.mode & (request.whom.uid == file.owner ? 0400U : 0004U)) != 0;
  sight.unreadable = file.open_error.value_or(readable ? 0 : EACCES);
  sight.ids = ids_of(file.ids);
  sight.maps_segment = process.attached.contains(file.ids.shmid) || process.forged.contains(file.ids.shmid);
}

Sight see(const SimulatedMachine& machine, const LookRequest& request, std::uint64_t birth) {
  Sight sight;
  sight.at = request.at;
  sight.birth = birth;
  const auto found = machine.processes.find(request.whom.pid);
  if (found == machine.processes.end() || found->second.birth != birth || !found->second.alive) return sight;
  const SimulatedProcess& process = found->second;
  const bool of_the_kernels_word = process.uid == request.whom.uid && process.gid == request.whom.gid;
  sight.lives = true;
  sight.one_identity =
      !process.mixed_ids && process.uid != 0 && (request.at == LookAt::process || of_the_kernels_word);
  sight.our_ipc_namespace = !process.other_ipc_namespace;
  sight.comm = process.comm;
  sight.groups = process.groups;
  sight.runs_installation = process.runs_installation;
  sight.catches_alarm = process.catches_alarm;
  sight.uid = process.uid;
  if (request.at == LookAt::file) see_file(machine, request, process, sight);
  return sight;
}

std::int64_t cost_of(const SimulatedDatagram& datagram) {
  return 1 + static_cast<std::int64_t>(std::min<std::size_t>(datagram.bytes.size(), 4161) / 256);
}

std::uint64_t number_at(const std::vector<std::byte>& bytes, std::size_t offset, std::size_t size) {
  std::uint64_t value = 0;
  for (std::size_t i = size; i-- > 0;) value = value << 8 | std::to_integer<std::uint64_t>(bytes[offset + i]);
  return value;
}

}  // namespace

// ---- what comes in

void Specification::on_datagram(const SimulatedDatagram& datagram) {
  const auto [place, is_new] = cases_.try_emplace(machine_.clock);
  require(is_new, "one datagram at a time");
  require(!abandoned_, "nothing is received where nothing can be recorded");
  Case& each = place->second;
  each.sent = datagram;
  each.received = machine_.clock;
  each.request = {read_datagram(datagram.bytes), datagram.credentials.value_or(Credentials{}), datagram.birth,
                  datagram.sender.substr(0, longest_address)};
  hear(each);
}

// Whether there is somebody to be heard at all, and where a reply would go.
void Specification::hear(Case& each) const {
  const Credentials& client = each.request.client;
  if (each.sent.control_truncated || !each.sent.credentials || client.pid <= 0 || client.uid == terms_.overflow_uid ||
      client.gid == terms_.overflow_gid) {
    each.to_hearing.add("peer.namespace", EPERM);
  }
  if (each.sent.birth == 0 || is_lost_on(machine_, each.sent.birth)) each.to_hearing.add("-", ESRCH);
  if (!each.request.asked.has_header) each.to_hearing.add("-", EINVAL);
  const std::string name(name_of(each.request.sender));
  const auto own = client_name(terms_.names, name);
  if (!each.request.sender.starts_with('/') || !own || own->pid != client.pid) {
    each.to_hearing.add("sock.name", EPERM);
    return;
  }
  each.reply_name = name;
  each.lettered = own->lettered;
  each.unreachable = machine_.reach_error.value_or(unreachable(machine_, name, client));
}

void Specification::on_look(const LookRequest& request, std::uint64_t birth) {
  const Sight sight = see(machine_, request, birth);
  for (auto& [time, each] : cases_) {
    const Asked& asked = each.request.asked;
    const bool of_client = same(each.request.client, request.whom) && each.request.birth == birth;
    const bool of_target =
        (asked.kind == Kind::wake || asked.kind == Kind::resume) && asked.number == request.whom.pid;
    const bool concerns = request.at == LookAt::process ? of_target
                          : request.at == LookAt::file  ? of_client && asked.path == request.path
                                                        : of_client;
    if (!concerns || (each.over && machine_.clock > time + forgotten)) continue;
    if (std::ranges::find(each.sights, sight) == each.sights.end()) each.sights.push_back(sight);
    each.jobs.push_back(request.job);
  }
}

void Specification::on_denying_look(std::uint64_t job) {
  for (auto& [time, each] : cases_) each.given_less |= std::ranges::find(each.jobs, job) != each.jobs.end();
}

void Specification::on_refused_write(std::uint64_t job) {
  for (Case* const each : submissions_.at(job).justified_by) each->given_less = true;
}

// ---- who could have asked for it

// What was seen of a process for others who wanted it continued, and had asked no longer ago than that. To be woken
// it is looked at each time.
void Specification::add_remembered(const Case& each, std::vector<const Sight*>& processes) const {
  if (each.request.asked.kind != Kind::resume) return;
  for (const auto& [time, other] : cases_) {
    const Asked& asked = other.request.asked;
    if (&other == &each || asked.kind != Kind::resume || asked.number != each.request.asked.number) continue;
    if (time + remembered_for < each.received) continue;
    for (const Sight& sight : other.sights) {
      if (sight.at == LookAt::process) processes.push_back(&sight);
    }
  }
}

template <typename Check>
bool Specification::any_evidence(const Case& each, Check check) const {
  std::vector<const Sight*> clients{nullptr};
  std::vector<const Sight*> processes{nullptr};
  for (const Sight& sight : each.sights) (sight.at == LookAt::process ? processes : clients).push_back(&sight);
  add_remembered(each, processes);
  return std::ranges::any_of(clients, [&](const Sight* client) {
    return std::ranges::any_of(processes, [&](const Sight* process) { return check(Evidence{client, process}); });
  });
}

template <typename Asks>
std::vector<Specification::Case*> Specification::justifying(Asks asks) {
  std::vector<Case*> all;
  for (auto& [time, each] : cases_) {
    const Case& one = each;
    if (!one.to_hearing.certain.empty()) continue;
    if (any_evidence(one, [&](const Evidence& evidence) { return asks(one, evidence); })) all.push_back(&each);
  }
  return all;
}

// ---- what is done

void Specification::on_act(const SimulatedAct& act) {
  if (const auto* record = std::get_if<SimulatedRecord>(&act)) return on_record(*record);
  require(!change_, "a change is recorded before anything else is done");
  if (const auto* removal = std::get_if<SimulatedRemoval>(&act)) on_removal(*removal);
  if (const auto* signal = std::get_if<SimulatedSignal>(&act)) on_signal(*signal);
  if (const auto* write = std::get_if<SimulatedWrite>(&act)) on_write(*write);
  if (const auto* reply = std::get_if<SimulatedReply>(&act)) on_reply(*reply);
  if (const auto* event = std::get_if<SimulatedEvent>(&act)) on_event(*event);
}

void Specification::on_removal(const SimulatedRemoval& removal) {
  constexpr std::string_view set = "semaphore set ";
  constexpr std::string_view segment = "segment ";
  require(!abandoned_, "nothing is done that cannot be recorded");
  const bool is_set = removal.object.starts_with(set);
  const bool is_segment = removal.object.starts_with(segment);
  const auto asks_for_it = [&](const Case& each) {
    const Asked& asked = each.request.asked;
    if (is_set)
      return asked.kind == Kind::remove_set && std::string(set) + std::to_string(asked.number) == removal.object;
    if (is_segment) {
      return asked.kind == Kind::remove_segment &&
             std::string(segment) + std::to_string(asked.number) == removal.object;
    }
    return asked.kind == Kind::remove_file && name_of(asked.path) == removal.object &&
           removal.as == each.request.client.uid;
  };
  if (is_set || is_segment) require(removal.as != 0 || terms_.allow_root_objects, "nobody acts as root");
  change_ = removal;
  justified_by_ = justifying([&](const Case& each, const Evidence& evidence) {
    if (!each.over && !each.record && asks_for_it(each)) {
      return to_request(each.request, evidence, machine_, terms_).certain.empty();
    }
    const bool may_be_leftover = each.over && each.lettered && !is_set && !is_segment;
    return may_be_leftover && to_leftover(each.request, evidence, removal.object, machine_, terms_).certain.empty();
  });
  require(!justified_by_.empty(), "a removal that nobody has asked for who may have it");
}

void Specification::on_signal(const SimulatedSignal& signal) {
  require(!abandoned_, "nothing is done that cannot be recorded");
  require(signal.signal == SIGALRM || signal.signal == SIGCONT, "there are two signals");
  require(!is_lost_on(machine_, signal.birth), "a signal reaches a process that lives");
  change_ = signal;
  justified_by_ = justifying([&](const Case& each, const Evidence& evidence) {
    return !each.over && !each.record &&
           each.request.asked.kind == (signal.signal == SIGALRM ? Kind::wake : Kind::resume) &&
           evidence.process != nullptr && evidence.process->birth == signal.birth &&
           to_request(each.request, evidence, machine_, terms_).certain.empty();
  });
  require(!justified_by_.empty(), "a signal that nobody has asked for who may have it");
}

// The decision: the writer, which knows no client, looks at the rest once more.
void Specification::on_submission(const WriteRequest& request, std::uint64_t inode) {
  require(may_write_, "no write is begun beside another broker");
  require(!abandoned_, "no write is begun that cannot be recorded");
  const bool is_attached = request.attached == Attached::requester;
  Submission submission{{}, request, inode, is_attached, false, false};
  submission.justified_by = justifying([&](const Case& each, const Evidence& evidence) {
    const Sight* const client = evidence.client;
    const bool asks_for_it = !each.over && !each.record && each.request.asked.kind == Kind::flush &&
                             each.request.asked.ids == ids_of(request.wanted) && client != nullptr &&
                             client->inode == inode && client->ids == ids_of(request.expected) &&
                             request.deadline <= each.received + deadline;
    if (!asks_for_it || disturbed_) return asks_for_it;
    if (is_attached && !shows_its_segment(each.request, *client, machine_, terms_)) return false;
    return to_request(each.request, evidence, machine_, terms_).certain.empty();
  });
  require(!submission.justified_by.empty(), "a write that nobody has asked for who may have it");
  for (Case* const each : submission.justified_by) each->waits_for_write = true;
  require(submissions_.emplace(request.job, std::move(submission)).second, "each write has a number of its own");
}

void Specification::on_write(const SimulatedWrite& write) {
  const auto found = submissions_.find(write.job);
  require(found != submissions_.end() && !found->second.written, "what is written was submitted, once");
  Submission& submission = found->second;
  const SimulatedFile& file = machine_.files.at(write.inode);
  require(submission.inode == write.inode && file.database && (file.mode & S_IFMT) == S_IFREG,
          "the database that was looked at is written, and nothing else");
  require(file.ids == write.before && ids_of(write.before) == ids_of(submission.request.expected),
          "the header that was decided on is replaced");
  require(std::ranges::any_of(submission.justified_by,
                              [&](const Case* each) { return machine_.clock < each->received + deadline; }),
          "nothing is written after the deadline");
  const auto objections =
      to_writing(ids_of(write.after), ids_of(write.before), submission.requester_may_be_attached, machine_);
  require(objections.certain.empty() && ids_of(write.after) == ids_of(submission.request.wanted),
          "what is written is true when it is written");
  submission.written = true;
}

// ---- records

Specification::Case& Specification::case_of(const SimulatedRecord& record) {
  const auto found = cases_.find(machine_.clock - std::chrono::microseconds(record.microseconds));
  require(found != cases_.end(), "a record is of a datagram");
  return found->second;
}

void Specification::on_record(const SimulatedRecord& record) {
  Case& each = case_of(record);
  const bool leftover = record.request == "remove-leftover";
  check_who(each, record);
  require((record.outcome.verdict == Verdict::done) == (record.outcome.code == 0), "0 is for what was done");
  require(!change_ || record.outcome.verdict == Verdict::done, "what was done is recorded as done");
  if (leftover) {
    check_leftover(each, record);
  } else if (record.late) {
    check_what(each, record);
    Submission* const written = written_for(each);
    require(written != nullptr && each.over && !each.is_late_recorded, "a late record is of a late write");
    require(record.late->before == written->request.expected && record.late->after == written->request.wanted,
            "a late record says what the header said and says now");
    each.is_late_recorded = written->accounted = true;
    if (record.late->before != record.late->after) ++lines_;
  } else {
    require(!abandoned_, "where nothing can be recorded nothing is");
    require(!each.record && !each.over, "one record of each datagram");
    check_what(each, record);
    check_rate(each);
    if (record.outcome.verdict == Verdict::done) check_done(each, record);
    if (record.outcome.verdict == Verdict::refused) check_refused(each, record);
    if (record.outcome.verdict == Verdict::failed) check_failed(each, record);
    check_dropped(each, record);
    each.record = record;
    each.over = record.outcome.verdict == Verdict::dropped;
    if (!each.over) to_be_replied_.push_back(&each);
  }
  change_.reset();
  justified_by_.clear();
}

// By the kernel's word, where there was a whole one, and by no other.
void Specification::check_who(const Case& each, const SimulatedRecord& record) const {
  const bool known = each.sent.credentials && !each.sent.control_truncated;
  require(record.pid.has_value() == known && record.uid.has_value() == known && record.gid.has_value() == known,
          "a record names whom the kernel has named");
  if (!known) return;
  require(record.pid == each.sent.credentials->pid && record.uid == each.sent.credentials->uid &&
              record.gid == each.sent.credentials->gid,
          "a record names whom the kernel has named");
  require(record.comm.empty() ||
              std::ranges::any_of(each.sights, [&](const Sight& sight) { return sight.comm == record.comm; }),
          "a record names the client as it was seen");
}

void Specification::check_what(const Case& each, const SimulatedRecord& record) const {
  const Asked& asked = each.request.asked;
  const bool understood = record.outcome.verdict == Verdict::done || record.outcome.verdict == Verdict::failed;
  require(asked.well_formed || !understood, "only what is well formed is done");
  const bool as_flush = asked.kind == Kind::flush && record.request == "flush-header" && !understood;
  const bool unheard = record.outcome.verdict == Verdict::dropped && record.request == "-";
  require(record.request == asked.recorded_name() || as_flush || unheard, "a record names what was asked for");
  check_object(each, record);
}

void Specification::check_object(const Case& each, const SimulatedRecord& record) const {
  const Asked& asked = each.request.asked;
  const bool understood = record.outcome.verdict == Verdict::done || record.outcome.verdict == Verdict::failed;
  const bool has_path = asked.kind == Kind::flush || asked.kind == Kind::remove_file;
  const bool has_none = asked.kind == Kind::ping || !asked.well_formed;
  const std::string object = has_none ? "" : has_path ? asked.path : std::to_string(asked.number);
  const bool as_it_is = asked.kind == Kind::remove_file && asked.well_formed &&
                        record.object == std::string(served_name) + std::string(name_of(asked.path));
  require(record.object == object || as_it_is || (record.object.empty() && !understood),
          "a record names the object that was asked for");
  const auto* const removal = change_ ? std::get_if<SimulatedRemoval>(&*change_) : nullptr;
  if (removal == nullptr) return;
  require(record.owner == removal->owner && record.mode == (removal->mode & 07777U),
          "a record says whose the object was");
  if (asked.kind == Kind::remove_file) require(as_it_is, "a record says where the object was");
}

void Specification::check_done(Case& each, const SimulatedRecord& record) {
  const Kind kind = each.request.asked.kind;
  if (kind == Kind::flush) return check_flushed(each, record);
  if (change_) {
    require(std::ranges::find(justified_by_, &each) != justified_by_.end(), "who is named may have had that done");
    if (std::holds_alternative<SimulatedRemoval>(*change_)) each.line = ++lines_;
    return;
  }
  require(kind == Kind::ping || kind == Kind::resume, "what is said to be done was done");
  require(disturbed_ || any_evidence(each,
                                     [&](const Evidence& evidence) {
                                       auto objections = to_request(each.request, evidence, machine_, terms_).certain;
                                       if (kind == Kind::ping) return objections.empty();
                                       // A process that has ended needs no continuing.
                                       const pid_t pid = each.request.asked.number;
                                       const auto target = machine_.processes.find(pid);
                                       const bool ended =
                                           evidence.process != nullptr
                                               ? is_lost_on(machine_, evidence.process->birth)
                                               : target == machine_.processes.end() || !target->second.alive;
                                       objections.erase({"proc.install", ESRCH});
                                       objections.erase({"nobody has looked", 0});
                                       return ended && objections.empty();
                                     }),
          "what is answered may be answered");
}

Specification::Submission* Specification::written_for(const Case& each) {
  for (auto& [job, submission] : submissions_) {
    const bool for_it = std::ranges::find(submission.justified_by, &each) != submission.justified_by.end();
    if (for_it && submission.written && !submission.accounted) return &submission;
  }
  return nullptr;
}

void Specification::check_flushed(Case& each, const SimulatedRecord& /*record*/) {
  Submission* const written = written_for(each);
  require(written != nullptr, "a header that is said to be written was written");
  written->accounted = true;
  if (written->request.expected != written->request.wanted) each.line = ++lines_;
}

// What was seen first may not hold any more, and a client that has ended meanwhile may be taken for nobody.
void Specification::check_refused(const Case& each, const SimulatedRecord& record) const {
  const Objection said{record.outcome.rule, record.outcome.code};
  if (said.first == "rate.uid") return require(asks_too_much(each), "who is told so asks too much");
  if (disturbed_ || each.given_less || is_lost_on(machine_, each.request.birth)) return;
  bool found = any_evidence(each, [&](const Evidence& evidence) {
    return to_request(each.request, evidence, machine_, terms_).contain(said);
  });
  // The writer finds no database any more.
  for (const Sight& sight : each.sights) {
    if (!sight.inode) continue;
    const SimulatedFile& file = machine_.files.at(*sight.inode);
    const bool is_database = file.database && (file.mode & S_IFMT) == S_IFREG;
    found |= each.waits_for_write && said == Objection{"hdr.type", EPERM} && !is_database;
  }
  if (!found) (void)std::fprintf(stderr, "refused %s %d\n", said.first.c_str(), said.second);
  require(found, "what is refused meets that objection");
}

// Permitted, and the machine says no.
void Specification::check_failed(const Case& each, const SimulatedRecord& record) const {
  const std::int32_t code = record.outcome.code;
  const Kind kind = each.request.asked.kind;
  const bool too_late = machine_.clock >= each.received + deadline;
  const bool target_has_ended = kind == Kind::wake && std::ranges::any_of(each.sights, [&](const Sight& sight) {
                                  return sight.at == LookAt::process && is_lost_on(machine_, sight.birth);
                                });
  const bool excused = disturbed_ || each.given_less || (code == ETIMEDOUT && too_late) ||
                       (code == ETIMEDOUT && kind == Kind::flush && !may_write_) ||
                       (code == EBUSY && (machine_.looker_error || machine_.writer_error)) ||
                       (code == EBUSY && each.waits_for_write) || code == machine_.removal_error ||
                       code == machine_.signal_error || (code == ESRCH && target_has_ended);
  if (!excused) (void)std::fprintf(stderr, "failed %d\n", code);
  require(excused, "what fails has a reason");
}

void Specification::check_dropped(const Case& each, const SimulatedRecord& record) const {
  const Objection said{record.outcome.rule, record.outcome.code};
  const bool rated = said.first == "rate.uid";
  if (record.outcome.verdict != Verdict::dropped) {
    require(each.to_hearing.certain.empty(), "who cannot be told is not heard");
    require(each.unreachable == 0 || rated || disturbed_, "who cannot be reached is not heard");
    return;
  }
  const bool unreached = said.first == "sock.name" && (said.second == each.unreachable || disturbed_);
  require(each.to_hearing.contain(said) || unreached || (disturbed_ && said == Objection{"-", ESRCH}),
          "who is not heard could not be told");
}

// Behind the reply to a client that came under a name with a letter.
void Specification::check_leftover(const Case& each, const SimulatedRecord& record) {
  require(
      each.over && each.record && each.record->outcome.verdict != Verdict::dropped && each.lettered && !abandoned_,
      "leftovers are removed for who was told, under a name with a letter");
  if (!change_) {
    require(record.outcome.verdict == Verdict::failed, "a leftover that was not removed failed to be");
    require(disturbed_ || record.outcome.code == machine_.removal_error, "what fails has a reason");
    return;
  }
  const auto* const removal = std::get_if<SimulatedRemoval>(&*change_);
  require(removal != nullptr && std::ranges::find(justified_by_, &each) != justified_by_.end(),
          "who is named may have had that done");
  require(record.object == std::string(served_name) + removal->object && record.owner == removal->owner &&
              record.mode == (removal->mode & 07777U),
          "a record says which leftover it was");
  ++lines_;
}

// ---- how often

bool Specification::is_slow(const Case& each) {
  const Kind kind = each.request.asked.kind;
  return kind == Kind::flush || kind == Kind::wake || kind == Kind::resume;
}

bool Specification::asks_too_much(const Case& each) const {
  constexpr int slow_of_one = 32;
  constexpr int slow_of_all = 128;
  constexpr std::int64_t seconds_saved = 2;
  constexpr int refusal_seconds = 10;
  int slow = 0;
  int own_slow = 0;
  int refused = 0;
  std::int64_t own = 0;
  std::int64_t all = 0;
  for (const auto& [time, other] : cases_) {
    if (!other.to_hearing.certain.empty()) continue;
    const bool same_uid = other.request.client.uid == each.request.client.uid;
    all += cost_of(other.sent);
    if (same_uid) own += cost_of(other.sent);
    if (same_uid && other.record && other.record->outcome.verdict == Verdict::refused) ++refused;
    if (!is_slow(other) || time + forgotten < machine_.clock) continue;
    ++slow;
    if (same_uid) ++own_slow;
  }
  const bool too_slow = is_slow(each) && (own_slow > slow_of_one || slow > slow_of_all);
  return too_slow ||
         (terms_.limited && (own > seconds_saved * terms_.per_second_per_uid || all > terms_.per_second ||
                             refused >= refusal_seconds * static_cast<int>(terms_.refusals_per_second_per_uid)));
}

// From each moment on no more was admitted than two seconds' worth and what the time since then gives.
void Specification::check_rate(const Case& each) const {
  if (!terms_.limited) return;
  using std::chrono::nanoseconds;
  const nanoseconds interval = nanoseconds(std::chrono::seconds(1)) / terms_.per_second_per_uid;
  const std::int64_t most = 2 * std::int64_t{terms_.per_second_per_uid};
  std::int64_t admitted = 0;
  for (auto place = cases_.rbegin(); place != cases_.rend(); ++place) {
    const Case& other = place->second;
    const bool rated = other.record && other.record->outcome.rule == std::string_view("rate.uid");
    if (other.request.client.uid != each.request.client.uid || !other.to_hearing.certain.empty() || rated) continue;
    if (&other == &each || !other.record) continue;
    admitted += std::min(cost_of(other.sent), most);
    require(interval * admitted <= interval * most + (machine_.clock - other.received),
            "nobody is served more often");
  }
}

// ---- replies

void Specification::on_reply(const SimulatedReply& reply) {
  require(reply.bytes.size() == 24 && reply.directory == SimulatedMachine::served_directory, "a reply is a header");
  require(!abandoned_, "nobody is told of what cannot be recorded");
  const auto found = std::ranges::find_if(to_be_replied_, [&](const Case* each) {
    const Asked& asked = each->request.asked;
    const Outcome& outcome = each->record->outcome;
    const std::int32_t flag = asked.wants_rule ? protocol::rule_number(outcome.rule) : asked.flag;
    const auto i32 = [&](std::size_t offset) { return static_cast<std::int32_t>(number_at(reply.bytes, offset, 4)); };
    return same(each->request.client, reply.client) && each->reply_name == reply.name && i32(0) == outcome.code &&
           number_at(reply.bytes, 4, 4) == asked.key && i32(8) == flag && i32(12) == asked.pid &&
           number_at(reply.bytes, 16, 8) == asked.sequence;
  });
  require(found != to_be_replied_.end(), "a reply is owed, says what the record says, and goes to who asked");
  Case& each = **found;
  require(each.line <= machine_.lines_written || machine_.clock >= each.received + deadline,
          "of a change is told when its line is written");
  each.over = true;
  to_be_replied_.erase(found);
  if (machine_.reply_error || unreachable(machine_, each.reply_name, each.request.client) != 0) ++unsent_;
}

void Specification::on_event(const SimulatedEvent& event) {
  require(event.name == "late-write", "the broker says nothing else");
  const auto forgotten_write = std::ranges::find_if(submissions_, [](const auto& entry) {
    const Submission& each = entry.second;
    return each.written && !each.accounted &&
           std::ranges::all_of(each.justified_by, [](const Case* one) { return one->over; });
  });
  require(forgotten_write != submissions_.end(), "what was written late was written");
  forgotten_write->second.accounted = true;
}

// ---- that everything ends

void Specification::on_returned() {
  require(!change_, "a change is recorded");
  for (const Case* const each : to_be_replied_) {
    require(each->line > machine_.lines_written, "a reply is sent when nothing is waited for");
  }
  require(!machine_.writes_overlapped(), "one write of a file at a time");
}

void Specification::on_expired() {
  for (const auto& [time, each] : cases_) {
    const bool may_wait =
        machine_.clock < time + (each.waits_for_write && !each.record ? writers_deadline : deadline);
    require(each.over || may_wait, "everything ends by its deadline");
  }
}

void Specification::on_abandoned() {
  abandoned_ = true;
  for (auto& [time, each] : cases_) each.over = true;
  to_be_replied_.clear();
}

void Specification::on_end(std::uint64_t unsent_replies) const {
  for (const auto& [time, each] : cases_) {
    require(each.over && (each.record || abandoned_), "one record of each datagram");
  }
  for (const auto& [job, submission] : submissions_) {
    require(!submission.written || submission.accounted, "each write is recorded");
  }
  require(unsent_replies == unsent_, "replies that could not be sent are counted");
}

}  // namespace secshr::pipeline
