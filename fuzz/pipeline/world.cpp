#include "fuzz/pipeline/world.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>

#include "fuzz/pipeline/require.h"
#include "protocol/socket_names.h"

namespace secshr::pipeline {
namespace {

using std::chrono::milliseconds;

constexpr std::uint32_t release_key = 0xb54536ab;
constexpr uid_t overflow = 65534;
constexpr gid_t administrators = 50;
constexpr std::size_t most_datagrams = 600;
constexpr unsigned most_copies = 250;
constexpr std::size_t answers_remembered = 8;

const protocol::Profile& profile_of(std::string_view prefix) {
  return protocol::profile(prefix == "gtm_secshr"   ? protocol::ProfileId::gtm
                           : prefix == "ydb_secshr" ? protocol::ProfileId::ydb
                                                    : protocol::ProfileId::generic);
}

}  // namespace

Terms World::configure(StepInput& input) {
  static constexpr std::array profiles{Names{"gtm_secshr", "gtm_mutex"}, Names{"ydb_secshr", "gtm_mutex"},
                                       Names{"secshr", ""}};
  const unsigned bits = input.number();
  Terms terms;
  terms.key = release_key;
  terms.overflow_uid = overflow;
  terms.overflow_gid = overflow;
  terms.allow_root_objects = (bits & 1U) != 0;
  if ((bits & 2U) != 0) terms.lockdown = Lockdown{administrators};
  terms.limited = (bits & 8U) != 0;
  terms.per_second_per_uid = terms.limited ? 6 : 1'000'000;
  terms.per_second = terms.limited ? 16 : 1'000'000;
  terms.refusals_per_second_per_uid = terms.limited ? 1 : 1'000'000;
  terms.names = profiles[(bits >> 4) % profiles.size()];
  if ((bits & 4U) == 0) return terms;
  Restrictions& all = terms.restrictions;
  const unsigned for_groups = input.number();
  const unsigned for_nobody = input.number();
  unsigned bit = 1;
  for (Restriction* each : {&all.wake, &all.remove_semaphore_set, &all.remove_segment, &all.remove_file,
                            &all.continue_process, &all.flush_header}) {
    if ((for_groups & bit) != 0) each->groups = {administrators};
    each->served = (for_nobody & bit) == 0;
    bit <<= 1;
  }
  return terms;
}

World::World(StepInput input)
    : input_(input),
      terms_(configure(input_)),
      profile_(profile_of(terms_.names.prefix)),
      specification_(machine_, terms_),
      broker_({&profile_,
               terms_.key,
               {terms_.overflow_uid, terms_.overflow_gid},
               terms_.allow_root_objects,
               {terms_.per_second_per_uid, terms_.per_second, terms_.refusals_per_second_per_uid},
               &terms_.restrictions,
               terms_.lockdown},
              machine_.kernel(), machine_.looker(), machine_.writer(), machine_.audit()) {
  machine_.watcher = &specification_;
  machine_.replies_need_a_socket = true;
  machine_.may_act_as_root = terms_.allow_root_objects;
  for (unsigned i = 0; i < pids; ++i) start(first_pid + static_cast<pid_t>(i), 2001 + i % 3, 0);
  for (std::int32_t id = 0; id < objects; ++id) {
    const uid_t uid = 2001 + static_cast<uid_t>(id) % 3;
    machine_.semaphore_sets[id] = {object_of(uid, uid, 0600, 3000)};
    machine_.segments[id] = {object_of(uid, uid, 0600, 3000)};
    operate(id, static_cast<unsigned>(id));
  }
  for (unsigned i = 0; i < files; ++i) {
    machine_.files[first_inode + i] = {.owner = 2001, .mode = S_IFREG | 0444};
    machine_.paths["/data/" + std::to_string(i)] = first_inode + i;
  }
}

void World::run() {
  while (!input_.at_end()) {
    if (!step()) break;
  }
  end();
}

bool World::step() {
  const char letter = input_.letter();
  if (letter == '#') {
    input_.skip_line();
  } else if (letter == '!') {
    calls_until_ = 1 + input_.below(30);
    // A process that starts meanwhile is a change between two steps: nothing in the broker is about its number.
    const char what = input_.letter();
    if (what != 's') meanwhile_ = change(what);
  } else if (letter == '*') {
    copies_ = 1 + input_.below(most_copies);
  } else if (letter == 'd') {
    send(make_datagram());
  } else if (letter == 'R') {
    send(raw_datagram());
  } else if (const Change changes = change(letter)) {
    changes();
  } else if (!broker_step(letter)) {
    (void)helper_step(letter);
  }
  return specification_.datagrams() < most_datagrams;
}

// ---- the broker's turns

template <typename Call>
void World::call(Call does) {
  specification_.on_call();
  if (meanwhile_) {
    machine_.meanwhile = [this] {
      if (!meanwhile_ || --calls_until_ > 0) return;
      const Change changes = std::exchange(meanwhile_, nullptr);
      specification_.on_disturbance();
      changes();
    };
  }
  does();
  machine_.meanwhile = nullptr;
  specification_.on_returned();
}

// No two datagrams are received at the same time, so that a record tells which one it is of.
bool World::serve_one() {
  if (abandoned_) return false;
  machine_.clock += std::chrono::microseconds(1);
  const std::size_t before = machine_.socket.size() - machine_.passed_in_the_queue;
  const std::size_t queued = machine_.socket.size();
  const bool had_room = broker_.has_room();
  bool served = false;
  call([&] { served = broker_.handle_request(served_); });
  const bool taken = machine_.socket.size() - machine_.passed_in_the_queue < before;
  const bool kept_all = served_.queue == Queue::open || machine_.socket.size() == queued;
  require(kept_all, "nothing is taken out of a sealed queue");
  require(served == taken && taken == (had_room && before > 0), "what there is room for is served");
  return served;
}

bool World::broker_step(char letter) {
  switch (letter) {
    case 'h':
      (void)serve_one();
      return true;
    case 'H':
      while (serve_one()) {
      }
      return true;
    case 'p':
    case 'P': {
      static constexpr std::array times{1, 100, 500, 900, 2000, 3999, 4000, 4499, 4500, 5500, 9500, 20000};
      pass(milliseconds(input_.one_of(times)), letter == 'p');
      return true;
    }
    case 'z':
      machine_.log_hangs = true;
      return true;
    case 'Z':
      let_log_go_on();
      return true;
    case 'S':
      if (served_.queue == Queue::open) machine_.passed_in_the_queue = 0;
      served_.queue = Queue::sealed;
      return true;
    case 'B':
      specification_.on_no_more_writes();
      broker_.begin_no_write();
      return true;
    case 'A':
      if (!abandoned_) {
        abandoned_ = true;
        specification_.on_abandoned();
        call([&] { broker_.abandon(); });
      }
      return true;
    default:
      return false;
  }
}

// Workers that were stuck for too long were killed: they do nothing any more.
void World::pass(milliseconds time, bool expires) {
  machine_.clock += time;
  machine_.lose_writes_due(machine_.clock - milliseconds(5000));
  if (!expires) return;
  // Who was given up for a helper just now can be forgotten at once, too.
  for (int turns = 0; turns < 2; ++turns) {
    call([&] { broker_.expire(); });
    if (!abandoned_) specification_.on_expired();
  }
  const auto next = broker_.next_deadline();
  require(next.has_value() == (broker_.parked() > 0), "what is parked has a deadline");
  require(!next || *next > machine_.clock, "a deadline that has passed is none any more");
}

void World::let_log_go_on() {
  machine_.log_hangs = false;
  machine_.lines_written = specification_.lines();
  if (!abandoned_) call([&] { broker_.on_recorded(); });
}

// ---- the helpers' turns

Seen World::seen_of(const Answer& answer) {
  Seen seen;
  seen.report = answer.report;
  if (answer.file) seen.file = SimulatedMachine::descriptor_of_file(*answer.file);
  return seen;
}

void World::deliver(Seen seen) {
  if (delivered_.size() == answers_remembered) delivered_.erase(delivered_.begin());
  delivered_.push_back({seen.report, seen.file ? std::optional(seen.report.inode) : std::nullopt});
  call([&] { broker_.on_seen(std::move(seen)); });
}

bool World::helper_step(char letter) {
  if (!std::string_view("lLkKoxtwvVf").contains(letter)) return false;
  const std::size_t looks = machine_.looks_waiting();
  const std::size_t place = letter == 'w' || letter == 'v' || letter == 'L' ? 0 : input_.number();
  switch (letter) {
    case 'l':
      if (looks > 0) deliver(machine_.look(place % looks));
      return true;
    case 'L':
      while (machine_.looks_waiting() > 0) deliver(machine_.look());
      return true;
    case 'k':
      if (looks > 0) keep(machine_.look(place % looks));
      return true;
    case 'K':
      if (!kept_.empty()) {
        const auto chosen = kept_.begin() + static_cast<std::ptrdiff_t>(place % kept_.size());
        Seen seen = seen_of(*chosen);
        kept_.erase(chosen);
        deliver(std::move(seen));
      }
      return true;
    case 'o':
      if (!delivered_.empty()) {
        call([&] { broker_.on_seen(seen_of(delivered_[place % delivered_.size()])); });
      }
      return true;
    case 'x':
      if (looks > 0) machine_.lose_look(place % looks);
      return true;
    case 't':
      if (looks > 0) {
        Seen seen = machine_.look(0);
        specification_.on_denying_look(seen.report.job);
        if (place % 8 != 0) seen.report.verdict = static_cast<LookVerdict>(place % 8);
        if (place % 8 != 0) seen.report.error = static_cast<std::int32_t>(place);
        if (place % 8 != 0) seen.report.groups.clear();
        seen.report.knows_groups = seen.report.knows_groups && place % 8 == 0;
        seen.report.maps_header_segment = seen.report.runs_installation = seen.report.catches_alarm = false;
        seen.file.reset();
        deliver(std::move(seen));
      }
      return true;
    case 'w':
      if (machine_.writes_waiting() > 0) {
        const WriteReport report = machine_.write();
        call([&] { broker_.on_written(report); });
      }
      return true;
    case 'v':
      if (machine_.writes_waiting() > 0) written_.push_back(machine_.write());
      return true;
    case 'V':
      if (!written_.empty()) {
        const auto chosen = written_.begin() + static_cast<std::ptrdiff_t>(place % written_.size());
        const WriteReport report = *chosen;
        written_.erase(chosen);
        call([&] { broker_.on_written(report); });
      }
      return true;
    case 'f':
      if (machine_.writes_waiting() > 0) {
        constexpr std::array verdicts{WriteVerdict::changed, WriteVerdict::refused, WriteVerdict::too_late,
                                      WriteVerdict::failed};
        constexpr std::array errors{EIO, EAGAIN, ENOSPC, 0};
        specification_.on_refused_write(machine_.next_write().job);
        const WriteReport report = machine_.refuse_write(verdicts[place % 4], errors[(place / 4) % 4]);
        call([&] { broker_.on_written(report); });
      }
      return true;
    default:
      return false;
  }
}

void World::keep(const Seen& seen) {
  kept_.push_back({seen.report, seen.file ? std::optional(seen.report.inode) : std::nullopt});
}

// ---- the end

// Whatever is under way must come to an end by itself, with helpers that answer nothing any more.
void World::end() {
  meanwhile_ = nullptr;
  while (!written_.empty()) {
    const WriteReport report = written_.back();
    written_.pop_back();
    call([&] { broker_.on_written(report); });
  }
  constexpr int most_rounds = 20;  // each empties the table
  for (int round = 0; round < most_rounds; ++round) {
    while (serve_one()) {
    }
    let_log_go_on();
    if (broker_.parked() == 0) break;
    while (machine_.looks_waiting() > 0) machine_.lose_look(0);
    pass(milliseconds(4500), true);
    let_log_go_on();
    pass(milliseconds(5500), true);
  }
  require(broker_.parked() == 0 && !broker_.next_deadline(), "nothing stays parked");
  specification_.on_end(broker_.unsent_replies());
}

}  // namespace secshr::pipeline
