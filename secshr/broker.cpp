#include "secshr/broker.h"

#include <algorithm>
#include <cerrno>
#include <string_view>

#include "protocol/decode_request.h"
#include "protocol/encode_reply.h"
#include "secshr/operations/flush_header.h"

namespace secshr {
namespace {

// The object of a request in the client's own words.
void describe_object(const protocol::Request& request, AuditRecord& record) {
  if (const auto* wake = std::get_if<protocol::Wake>(&request)) record.object_number = wake->pid;
  if (const auto* resume = std::get_if<protocol::ContinueProcess>(&request)) record.object_number = resume->pid;
  if (const auto* set = std::get_if<protocol::RemoveSemaphoreSet>(&request)) record.object_number = set->semid;
  if (const auto* segment = std::get_if<protocol::RemoveSegment>(&request)) record.object_number = segment->shmid;
  if (const auto* file = std::get_if<protocol::RemoveFile>(&request)) record.object = file->path;
  if (const auto* flush = std::get_if<protocol::FlushHeader>(&request)) record.object = flush->path;
}

// What was asked, as far as it could be made out: the two directions of a flush are told apart.
std::string_view name_of(const Exchange& exchange) {
  if (!exchange.header) return "-";
  if (exchange.request) {
    if (const auto* flush = std::get_if<protocol::FlushHeader>(&*exchange.request)) {
      return flush->closing() ? "flush-header-close" : "flush-header-open";
    }
  }
  const auto code = protocol::known_code(exchange.header->code);
  return code ? protocol::request_name(*code) : "unknown";
}

// The file that was looked at.
FileKey file_of(const Exchange& exchange) noexcept {
  return {exchange.seen->report.device, exchange.seen->report.inode};
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
  auto received = kernel_.receive(served.socket, exchange->bytes);
  if (!received) {
    exchanges_.release(*exchange);
    return false;
  }
  exchange->received_at = kernel_.now();
  exchange->deadline = exchange->received_at + limits::request_deadline;
  exchange->directory = served.directory;
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

  if (received->data_truncated) return answer(*exchange, {Verdict::refused, rule::none, EINVAL}), true;
  if (const auto denied = contradiction(*exchange->peer, *header)) return answer(*exchange, refused(*denied)), true;
  const auto request = protocol::decode_request(*header, datagram, service_.communication_key);
  if (!request) return answer(*exchange, {Verdict::refused, rule::none, request.error().reply_code}), true;
  exchange->request = *request;
  if (evidence_needed(*request) == Evidence::none) return decide(*exchange), true;
  if (!may_park(*exchange)) return answer(*exchange, refused({rule::rate_uid, EBUSY})), true;
  look(*exchange);
  return true;
}

void Broker::look(Exchange& exchange) noexcept {
  const auto* flush_request = std::get_if<protocol::FlushHeader>(&*exchange.request);
  if (flush_request == nullptr) return answer(exchange, refused({rule::not_served, EPERM}));
  exchange.seen.reset();
  if (!has_looker_turn(exchange)) {
    exchange.stage = Exchange::Stage::queued;
    return;
  }
  exchange.job = ++last_job_;
  if (!looker_.submit({exchange.job, exchange.peer->credentials, flush_request->path}, exchange.peer->pidfd.get())) {
    return answer(exchange, {Verdict::failed, rule::none, EBUSY});
  }
  exchange.stage = Exchange::Stage::looking;
}

void Broker::on_seen(Seen seen) noexcept {
  Exchange* exchange = exchanges_.find(Exchange::Stage::looking, seen.report.job);
  if (exchange == nullptr) return;
  if (exchange->told) {
    exchanges_.release(*exchange);
  } else {
    exchange->stage = Exchange::Stage::handling;
    exchange->seen = std::move(seen);
    decide(*exchange);
  }
  resume_queued();
}

void Broker::decide(Exchange& exchange) noexcept {
  const auto permit = authorizer_.authorize(*exchange.peer, *exchange.request, exchange.seen);
  if (!permit) return answer(exchange, refused(permit.error()));
  operate(exchange, *permit);
}

void Broker::operate(Exchange& exchange, const AnyPermit& permit) noexcept {
  if (const auto* flush_permit = std::get_if<Permit<HeaderFlush>>(&permit)) return flush(exchange, *flush_permit);
  answer(exchange, {Verdict::done, rule::none, 0});  // a ping: the answer is all of it
}

// Two flushes of one file go one after the other, and nobody keeps all writers: who has to wait looks again
// afterwards.
void Broker::flush(Exchange& exchange, const Permit<HeaderFlush>& permit) noexcept {
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
    // Stuck in the write itself and answered for meanwhile: the change is on record all the same.
    if (report.verdict == WriteVerdict::written) {
      AuditRecord late;
      if (exchange != nullptr) describe_object(*exchange->request, late);
      audit_.event("late-write", late.object);
    }
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
  tell(exchange, outcome);
  exchanges_.release(exchange);
}

void Broker::tell(Exchange& exchange, Outcome outcome) noexcept {
  // Before the reply: a client that has been told of a change must find it in the log.
  write_record(exchange, outcome);
  const auto reply = protocol::encode_reply(*exchange.header, outcome.code);
  // A client that is gone, full or hostile is its own loss: it costs a counter.
  if (!kernel_.send_reply(exchange.directory, exchange.reply_to.c_str(), exchange.peer->credentials, reply))
    ++unsent_replies_;
}

void Broker::drop(Exchange& exchange, Denied denied) noexcept {
  write_record(exchange, {Verdict::dropped, denied.rule, denied.code});
  exchanges_.release(exchange);
}

void Broker::write_record(const Exchange& exchange, Outcome outcome) noexcept {
  AuditRecord record;
  if (exchange.credentials) {
    record.pid = exchange.credentials->pid;
    record.uid = exchange.credentials->uid;
    record.gid = exchange.credentials->gid;
  }
  record.request = name_of(exchange);
  if (exchange.request) describe_object(*exchange.request, record);
  if (exchange.seen) {
    record.comm = exchange.seen->report.comm.data();
    if (exchange.seen->report.inode != 0) {
      record.owner = exchange.seen->report.owner;
      record.mode = exchange.seen->report.mode & 07777U;
    }
  }
  record.outcome = outcome;
  record.microseconds =
      std::chrono::duration_cast<std::chrono::microseconds>(kernel_.now() - exchange.received_at).count();
  audit_.record(record);
}

bool Broker::may_park(const Exchange& exchange) const noexcept {
  return exchanges_.in_use() <= limits::parked_exchanges &&
         exchanges_.parked_by(exchange.peer->credentials.uid) < limits::parked_exchanges_per_uid;
}

// Whether the looker is free for it, within its uid's share.
bool Broker::has_looker_turn(const Exchange& exchange) noexcept {
  return exchanges_.count(Exchange::Stage::looking) < limits::looker_workers &&
         exchanges_.count(Exchange::Stage::looking, exchange.peer->credentials.uid) < limits::looks_per_uid;
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

bool Broker::may_resume(const Exchange& exchange) noexcept {
  return exchange.seen ? has_writer_turn(exchange) : has_looker_turn(exchange);
}

// Whoever waits longest goes first. Each turn ends the waiting of one, so this ends.
void Broker::resume_queued() noexcept {
  while (true) {
    Exchange* next = nullptr;
    for (Exchange& waiting : exchanges_.all()) {
      if (waiting.stage != Exchange::Stage::queued || !may_resume(waiting)) continue;
      if (next == nullptr || waiting.received_at < next->received_at) next = &waiting;
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
  std::optional<MonotonicTime> next;
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
    } else if (with_helper) {
      tell(exchange, {Verdict::failed, rule::none, ETIMEDOUT});
      exchange.told = true;
    } else {
      answer(exchange, {Verdict::failed, rule::none, ETIMEDOUT});
    }
  }
  resume_queued();
}

}  // namespace secshr
