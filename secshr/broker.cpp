#include "secshr/broker.h"

#include <algorithm>
#include <cerrno>
#include <string_view>

#include "protocol/decode_request.h"
#include "protocol/encode_reply.h"
#include "protocol/rules.h"
#include "secshr/exchange_record.h"
#include "secshr/named_process.h"
#include "secshr/operations/continue_process.h"
#include "secshr/operations/flush_header.h"
#include "secshr/operations/remove_leftovers.h"
#include "secshr/operations/remove_segment.h"
#include "secshr/operations/remove_semaphore_set.h"
#include "secshr/operations/remove_socket.h"
#include "secshr/operations/wake.h"

namespace secshr {
namespace {

// The file that was looked at.
FileKey file_of(const Exchange& exchange) noexcept {
  return {exchange.seen->report.device, exchange.seen->report.inode};
}

// The pidfd of the process that the request names, or else of its sender: who names itself is not opened again.
int process_of(const Exchange& exchange) noexcept {
  return exchange.process ? exchange.process.get() : exchange.peer->pidfd.get();
}

// Without its job.
LookRequest look_request_of(const Exchange& exchange) noexcept {
  const protocol::Request& request = *exchange.request;
  LookRequest look{0, exchange.look, exchange.peer->credentials, {}};
  if (const auto* flush = std::get_if<protocol::FlushHeader>(&request)) look.path = flush->path;
  if (look.at == LookAt::process) look.whom = {named_process(request), 0, 0};
  return look;
}

// A name takes its place in the log, four bytes for one at worst: who is served at a rate fills a disk at a rate.
unsigned cost_of(const Received& received) noexcept {
  return static_cast<unsigned>(1 + received.size / limits::bytes_of_a_request);
}

// When an exchange has waited too long. A writer decides by the deadline itself: it is spoken for only when it is
// stuck.
MonotonicTime due(const Exchange& exchange) noexcept {
  if (exchange.told) return exchange.deadline + limits::worker_dead_after;
  if (exchange.stage == Exchange::Stage::writing) return exchange.deadline + limits::writer_grace;
  return exchange.deadline;
}

}  // namespace

bool Broker::handle_request(const ServedDirectory& served) noexcept {
  Exchange* exchange = exchanges_.take();
  if (exchange == nullptr) return false;
  auto received = kernel_.receive(served.socket, served.queue, exchange->bytes);
  if (!received) {
    exchanges_.release(*exchange);
    return false;
  }
  exchange->received_at = kernel_.now();
  exchange->deadline = exchange->received_at + limits::request_deadline;
  exchange->directory = served.directory;
  exchange->directory_name = served.name;
  const auto datagram = std::span<const std::byte>(exchange->bytes).first(received->size);

  // For the record, whatever identify() says to them; control data that was cut says nothing.
  if (!received->control_truncated) exchange->credentials = received->credentials;
  auto peer = identify(kernel_, *received, service_.overflow);
  if (!peer) return drop(*exchange, peer.error()), true;
  exchange->peer = *std::move(peer);
  const auto header = protocol::decode_header(datagram);
  if (!header) return drop(*exchange, {rule::none, header.error().reply_code}), true;
  exchange->header = *header;
  const auto name = reply_name(*service_.profile, *received, *exchange->peer);
  if (!name) return drop(*exchange, {rule::socket_name, EPERM}), true;
  exchange->reply_to = *name;
  std::ranges::copy(received->sender, exchange->sender.begin());
  if (!rate_.admit(exchange->peer->credentials.uid, exchange->received_at, cost_of(*received))) {
    return answer(*exchange, refused({rule::rate_uid, EBUSY})), true;
  }
  // The kernel says who sent, and not whose socket it was sent from: that one may be another's, which the sender took
  // for its output. So nothing is done for whoever could not be told of it: a socket of its own, in this directory.
  if (const auto reached = kernel_.can_reply(served.directory, name->c_str(), exchange->peer->credentials);
      !reached) {
    return drop(*exchange, {rule::socket_name, reached.error()}), true;
  }

  if (received->data_truncated) return answer(*exchange, {Verdict::refused, rule::none, EINVAL}), true;
  if (const auto denied = contradiction(*exchange->peer, *header)) return answer(*exchange, refused(*denied)), true;
  const auto request = protocol::decode_request(*header, datagram, service_.communication_key);
  if (!request) return answer(*exchange, {Verdict::refused, rule::none, request.error().reply_code}), true;
  exchange->request = *request;
  return prepare(*exchange), true;
}

// What is to be looked at must be there, and there must be room to wait for it.
void Broker::prepare(Exchange& exchange) noexcept {
  if (const auto denied = authorizer_.not_served(*exchange.request)) return answer(exchange, refused(*denied));
  auto at = look_needed(*exchange.request);
  // What needs none may still need to know who asks.
  const bool depends_on_groups = authorizer_.depends_on_groups(*exchange.peer, *exchange.request);
  if (!at && depends_on_groups) at = LookAt::client;
  if (!at) return decide(exchange);
  if (!exchanges_.has_room_for(*at, exchange.peer->credentials.uid)) {
    return answer(exchange, refused({rule::rate_uid, EBUSY}));
  }
  if (*at == LookAt::process && !depends_on_groups) return look_at_process(exchange);
  exchange.look = *at == LookAt::process ? LookAt::client : *at;
  look(exchange);
}

void Broker::look_at_process(Exchange& exchange) noexcept {
  if (named_process(*exchange.request) != exchange.peer->credentials.pid) {
    auto process = open_named_process(kernel_, *exchange.request);
    if (!process) return answer(exchange, process.error());
    exchange.process = *std::move(process);
  }
  if (continue_known(exchange)) return;
  exchange.look = LookAt::process;
  look(exchange);
}

// Never for a wake: what a process does on an alarm can change at any moment.
bool Broker::continue_known(Exchange& exchange) noexcept {
  if (!std::holds_alternative<protocol::ContinueProcess>(*exchange.request)) return false;
  const auto number = kernel_.process_number(process_of(exchange));
  const auto owner = number ? targets_.owner_of(*number, exchange.received_at) : std::nullopt;
  if (!owner) return false;
  Seen& seen = exchange.seen.emplace();
  seen.report.verdict = LookVerdict::seen;
  seen.report.owner = *owner;
  seen.report.runs_installation = true;
  decide(exchange);
  return true;
}

void Broker::note_target(const Exchange& exchange) noexcept {
  const LookReport& report = exchange.seen->report;
  if (!std::holds_alternative<protocol::ContinueProcess>(*exchange.request) || !report.runs_installation) return;
  if (report.verdict != LookVerdict::seen) return;
  // Its age is that of the request: the look itself may have taken long.
  const auto number = kernel_.process_number(process_of(exchange));
  if (number) targets_.note(*number, report.owner, exchange.received_at);
}

void Broker::look(Exchange& exchange) noexcept {
  exchange.seen.reset();
  if (!exchanges_.looker_turns().has_turn(exchange.look, exchange.peer->credentials.uid)) {
    exchange.stage = Exchange::Stage::queued;
    return;
  }
  const LookRequest request = look_request_of(exchange);
  const int pidfd = request.at == LookAt::process ? process_of(exchange) : exchange.peer->pidfd.get();
  if (!submit(exchange, request, pidfd)) return answer(exchange, {Verdict::failed, rule::none, EBUSY});
}

bool Broker::submit(Exchange& exchange, LookRequest request, int pidfd) noexcept {
  exchange.job = request.job = ++last_job_;
  if (!looker_.submit(request, pidfd)) return false;
  exchange.stage = Exchange::Stage::looking;
  return true;
}

void Broker::on_seen(Seen seen) noexcept {
  Exchange* exchange = exchanges_.find(Exchange::Stage::looking, seen.report.job);
  if (exchange == nullptr) return;
  if (exchange->told) {
    exchange->seen = std::move(seen);
    remove_leftovers(*exchange);
    exchanges_.release(*exchange);
  } else {
    exchange->stage = Exchange::Stage::handling;
    exchange->seen = std::move(seen);
    const auto needed = look_needed(*exchange->request);
    if (!needed || exchange->look == *needed) {
      if (needed == LookAt::process) note_target(*exchange);
      decide(*exchange);
    } else {
      exchange->client = std::move(exchange->seen);
      look_further(*exchange);
    }
  }
  resume_queued();
}

// At the process, now that its client was looked at: who is not served is not told either whether there is one. Room
// for this kind may be gone: many can have had their clients looked at meanwhile.
void Broker::look_further(Exchange& exchange) noexcept {
  exchange.seen.reset();
  Evidence evidence;
  evidence.client = &*exchange.client;
  if (const auto denied = authorizer_.denial_by_restriction(*exchange.peer, *exchange.request, evidence)) {
    return answer(exchange, refused(*denied));
  }
  if (!exchanges_.has_room_for(LookAt::process, exchange.peer->credentials.uid)) {
    return answer(exchange, refused({rule::rate_uid, EBUSY}));
  }
  look_at_process(exchange);
}

void Broker::decide(Exchange& exchange) noexcept {
  const Evidence evidence{exchange.seen ? &*exchange.seen : nullptr, exchange.client ? &*exchange.client : nullptr,
                          process_of(exchange), exchange.directory, protocol::directory_part(exchange.sender.data())};
  const auto permit = authorizer_.authorize(*exchange.peer, *exchange.request, evidence);
  exchange.object = permit ? object_of(*permit, exchange.seen) : permit.error().object;
  if (permit && std::holds_alternative<Permit<SocketRemoval>>(*permit)) {
    exchange.removed = std::get<Permit<SocketRemoval>>(*permit).what().name;
  }
  if (!permit) return answer(exchange, refused(permit.error()));
  operate(exchange, *permit);
}

void Broker::operate(Exchange& exchange, const AnyPermit& permit) noexcept {
  if (const auto* flush_permit = std::get_if<Permit<HeaderFlush>>(&permit)) return flush(exchange, *flush_permit);
  answer(exchange, carry_out(permit));
}

// What is done at once.
Outcome Broker::carry_out(const AnyPermit& permit) noexcept {
  if (const auto* set = std::get_if<Permit<SemaphoreSetRemoval>>(&permit)) return remove_semaphore_set(kernel_, *set);
  if (const auto* segment = std::get_if<Permit<SegmentRemoval>>(&permit)) return remove_segment(kernel_, *segment);
  if (const auto* socket = std::get_if<Permit<SocketRemoval>>(&permit)) return remove_socket(kernel_, *socket);
  if (const auto* process = std::get_if<Permit<ProcessWake>>(&permit)) return wake(kernel_, *process);
  if (const auto* process = std::get_if<Permit<ProcessContinue>>(&permit)) return continue_process(kernel_, *process);
  return {Verdict::done, rule::none, 0};  // a ping: the answer is all of it
}

// Two flushes of one file go one after the other, and nobody keeps all writers: who has to wait looks again
// afterwards.
void Broker::flush(Exchange& exchange, const Permit<HeaderFlush>& permit) noexcept {
  // Another broker may be at the same file.
  if (!may_write_) return answer(exchange, {Verdict::failed, rule::none, ETIMEDOUT});
  if (!has_writer_turn(exchange)) {
    exchange.stage = Exchange::Stage::queued;
    return;
  }
  exchange.job = ++last_job_;
  if (!start_flush(permit, writer_, exchange.job, exchange.deadline)) {
    return answer(exchange, {Verdict::failed, rule::none, EBUSY});
  }
  exchange.stage = Exchange::Stage::writing;
}

void Broker::on_written(const WriteReport& report) noexcept {
  Exchange* exchange = exchanges_.find(Exchange::Stage::writing, report.job);
  if (exchange == nullptr || exchange->told) {
    if (report.verdict == WriteVerdict::written) write_late_record(exchange);
    if (exchange != nullptr) exchanges_.release(*exchange);
  } else {
    exchange->stage = Exchange::Stage::handling;
    if (report.verdict == WriteVerdict::changed && ++exchange->attempts < limits::flush_attempts) {
      look(*exchange);
    } else {
      answer(*exchange, outcome_of_flush(report));
    }
  }
  resume_queued();
}

void Broker::answer(Exchange& exchange, Outcome outcome) noexcept {
  note_refusal(exchange, outcome);
  exchange.line = write_record(exchange, outcome);
  exchange.outcome = outcome;
  if (!audit_.has_written(exchange.line)) {
    exchange.stage = Exchange::Stage::recording;
    return;
  }
  finish(exchange);
}

void Broker::on_recorded() noexcept {
  for (Exchange& exchange : exchanges_.all()) {
    if (exchange.stage == Exchange::Stage::recording && audit_.has_written(exchange.line)) finish(exchange);
  }
  resume_queued();
}

void Broker::abandon() noexcept {
  for (Exchange& exchange : exchanges_.all()) {
    if (exchange.stage == Exchange::Stage::free) continue;
    if (exchange.stage == Exchange::Stage::writing) {
      exchange.told = true;
    } else {
      exchanges_.release(exchange);
    }
  }
}

void Broker::finish(Exchange& exchange) noexcept {
  exchange.stage = Exchange::Stage::handling;
  reply(exchange, exchange.outcome);
  if (look_for_leftovers(exchange)) return;
  remove_leftovers(exchange);
  exchanges_.release(exchange);
}

void Broker::reply(const Exchange& exchange, const Outcome& outcome) noexcept {
  const auto bytes = protocol::encode_reply(*exchange.header, outcome.code, protocol::rule_number(outcome.rule));
  // A client that is gone, full or hostile is its own loss: it costs a counter.
  if (!kernel_.send_reply(exchange.directory, exchange.reply_to.c_str(), exchange.peer->credentials, bytes))
    ++unsent_replies_;
}

// A client whose own name was taken by leftovers that it could not remove comes under that name and a letter.
bool Broker::is_suffixed(const Exchange& exchange) const noexcept {
  const auto own = protocol::parse_client_socket_name(*service_.profile, exchange.reply_to.view());
  return own && own->suffix;
}

// Whether the looker was asked for the client's groups, without which nobody can act as the client. Nobody waits for
// this: where there is no turn, the client's next request will do.
bool Broker::look_for_leftovers(Exchange& exchange) noexcept {
  if (!is_suffixed(exchange) || (exchange.seen && exchange.seen->report.knows_groups)) return false;
  if (!exchanges_.looker_turns().has_turn(LookAt::client, exchange.peer->credentials.uid)) return false;
  exchange.look = LookAt::client;
  exchange.told = submit(exchange, {0, LookAt::client, exchange.peer->credentials, {}}, exchange.peer->pidfd.get());
  return exchange.told;
}

void Broker::remove_leftovers(const Exchange& exchange) noexcept {
  if (!is_suffixed(exchange) || !exchange.seen || !exchange.seen->report.knows_groups) return;
  // As where it asks for a removal itself.
  if (exchange.seen->report.verdict == LookVerdict::other_namespace) return;
  const Rights rights = rights_of(*exchange.peer, *exchange.seen);
  remove_leftovers_of(*exchange.peer, rights, *service_.profile, exchange.directory, authorizer_, kernel_,
                      [&](const SocketRemoval& removal, Outcome outcome) {
                        AuditRecord record = record_of_peer(exchange);
                        record.request = recorded::leftover;
                        record.directory = exchange.directory_name;
                        record.object = removal.name.view();
                        put_facts({removal.facts.owner, removal.facts.mode}, record);
                        record.outcome = outcome;
                        record.microseconds = microseconds_since(exchange.received_at);
                        (void)audit_.record(record);
                      });
}

// One who is refused again and again is left alone for a while. Nobody is for what was dropped: that may have come
// from another's socket. What was refused for being too much already was not served, and does not count again.
void Broker::note_refusal(const Exchange& exchange, const Outcome& outcome) noexcept {
  if (outcome.verdict != Verdict::refused || outcome.rule == std::string_view(rule::rate_uid)) return;
  rate_.refused(exchange.peer->credentials.uid, kernel_.now());
}

void Broker::drop(Exchange& exchange, Denied denied) noexcept {
  (void)write_record(exchange, {Verdict::dropped, denied.rule, denied.code});
  exchanges_.release(exchange);
}

Ticket Broker::write_record(const Exchange& exchange, Outcome outcome) noexcept {
  AuditRecord record = record_of(exchange);
  record.outcome = outcome;
  record.microseconds = microseconds_since(exchange.received_at);
  return audit_.record(record);
}

// Nobody waits for it to be written.
void Broker::write_late_record(const Exchange* exchange) noexcept {
  if (exchange == nullptr) return audit_.event("late-write", "of a request that is forgotten");
  AuditRecord record = record_of(*exchange);
  record.late = header_change_of(*exchange);
  record.outcome = {Verdict::done, rule::none, 0};
  record.microseconds = microseconds_since(exchange->received_at);
  (void)audit_.record(record);
}

std::int64_t Broker::microseconds_since(MonotonicTime then) noexcept {
  return std::chrono::duration_cast<std::chrono::microseconds>(kernel_.now() - then).count();
}

// Whether a writer is free for it, within its uid's share: nobody is writing that file, and nobody who could has
// waited for it longer. What has `seen` is queued for the writer.
bool Broker::has_writer_turn(const Exchange& exchange) noexcept {
  const auto uid_may_write = [&](const Exchange& each) {
    return exchanges_.count(Exchange::Stage::writing, each.peer->credentials.uid) < limits::writes_per_uid;
  };
  const bool file_is_taken = std::ranges::any_of(exchanges_.all(), [&](const Exchange& other) {
    if (other.stage == Exchange::Stage::writing) return file_of(other) == file_of(exchange);
    if (other.stage != Exchange::Stage::queued || !other.seen) return false;
    return other.received_at < exchange.received_at && file_of(other) == file_of(exchange) && uid_may_write(other);
  });
  return !file_is_taken && exchanges_.count(Exchange::Stage::writing) < limits::writer_workers &&
         uid_may_write(exchange);
}

bool Broker::may_resume(const Exchange& exchange, const LookerTurns& turns) noexcept {
  return exchange.seen ? has_writer_turn(exchange) : turns.has_turn(exchange.look, exchange.peer->credentials.uid);
}

// Whoever waits longest goes first. Each turn ends the waiting of one, so this ends.
void Broker::resume_queued() noexcept {
  while (true) {
    const LookerTurns turns = exchanges_.looker_turns();
    Exchange* next = nullptr;
    for (Exchange& waiting : exchanges_.all()) {
      if (waiting.stage != Exchange::Stage::queued) continue;
      if (next != nullptr && next->received_at <= waiting.received_at) continue;
      if (may_resume(waiting, turns)) next = &waiting;
    }
    if (next == nullptr) return;
    next->stage = Exchange::Stage::handling;
    // What it saw may have changed while it waited: the rule is asked again, and the writer says where the header is
    // another, so that it looks again. To look first would give the file to whoever comes meanwhile, or keep the file
    // from everybody while that look hangs.
    if (next->seen) {
      decide(*next);
    } else {
      look(*next);
    }
  }
}

std::optional<MonotonicTime> Broker::next_deadline() noexcept {
  std::optional<MonotonicTime> next = kernel_.forget_idle();
  if (exchanges_.in_use() == 0) return next;
  for (const Exchange& exchange : exchanges_.all()) {
    if (exchange.stage == Exchange::Stage::free) continue;
    if (!next || due(exchange) < *next) next = due(exchange);
  }
  return next;
}

void Broker::expire() noexcept {
  if (exchanges_.in_use() == 0) return;
  const auto now = kernel_.now();
  for (Exchange& exchange : exchanges_.all()) {
    if (exchange.stage == Exchange::Stage::free) continue;
    if (now < due(exchange)) continue;
    const bool with_helper = exchange.stage == Exchange::Stage::looking || exchange.stage == Exchange::Stage::writing;
    if (exchange.told) {
      exchanges_.release(exchange);
    } else if (exchange.stage == Exchange::Stage::recording) {
      finish(exchange);  // the log hangs: what was done is done, and is told
    } else if (with_helper) {
      (void)write_record(exchange, {Verdict::failed, rule::none, ETIMEDOUT});
      reply(exchange, {Verdict::failed, rule::none, ETIMEDOUT});
      exchange.told = true;
    } else {
      answer(exchange, {Verdict::failed, rule::none, ETIMEDOUT});
    }
  }
  resume_queued();
}

}  // namespace secshr
