#include "secshr/broker.h"

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
  if (evidence_needed(*request) == Evidence::look) {
    look(*exchange);
  } else {
    decide(*exchange);
  }
  return true;
}

void Broker::look(Exchange& exchange) noexcept {
  const auto* flush_request = std::get_if<protocol::FlushHeader>(&*exchange.request);
  if (flush_request == nullptr) return answer(exchange, refused({rule::not_served, EPERM}));
  exchange.seen.reset();
  exchange.job = ++last_job_;
  if (!may_park(exchange)) return answer(exchange, refused({rule::rate_uid, EBUSY}));
  if (!looker_.submit({exchange.job, exchange.peer->credentials, flush_request->path}, exchange.peer->pidfd.get())) {
    return answer(exchange, {Verdict::failed, rule::none, EBUSY});
  }
  exchange.stage = Exchange::Stage::looking;
}

void Broker::on_seen(Seen seen) noexcept {
  Exchange* exchange = exchanges_.find(Exchange::Stage::looking, seen.report.job);
  if (exchange == nullptr) return;
  exchange->seen = std::move(seen);
  decide(*exchange);
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

// Two flushes of one file go one after the other: the second looks again when the first is done.
void Broker::flush(Exchange& exchange, const Permit<HeaderFlush>& permit) noexcept {
  if (file_is_being_written(exchange)) {
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
  if (exchange == nullptr) {
    // Stuck in the write itself and answered for meanwhile: the change is on record all the same.
    if (report.verdict == WriteVerdict::written) audit_.event("late-write");
    return;
  }
  exchange->stage = Exchange::Stage::handling;
  if (report.verdict == WriteVerdict::changed && ++exchange->attempts < limits::flush_attempts)
    return look(*exchange);
  answer(*exchange, outcome_of_flush(report));
}

void Broker::answer(Exchange& exchange, Outcome outcome) noexcept {
  // Before the reply: a client that has been told of a change must find it in the log.
  write_record(exchange, outcome);
  const auto reply = protocol::encode_reply(*exchange.header, outcome.code);
  // A client that is gone, full or hostile is its own loss: it costs a counter.
  if (!kernel_.send_reply(exchange.directory, exchange.reply_to.c_str(), exchange.peer->credentials, reply))
    ++unsent_replies_;
  const auto finished = std::move(exchange.seen);
  exchanges_.release(exchange);
  if (finished) resume_queued(*finished);
}

void Broker::drop(Exchange& exchange, Denied denied) noexcept {
  write_record(exchange, {Verdict::dropped, denied.rule, denied.code});
  exchanges_.release(exchange);
}

void Broker::write_record(const Exchange& exchange, Outcome outcome) noexcept {
  AuditRecord record;
  if (exchange.peer) {
    record.pid = exchange.peer->credentials.pid;
    record.uid = exchange.peer->credentials.uid;
    record.gid = exchange.peer->credentials.gid;
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

bool Broker::file_is_being_written(const Exchange& exchange) noexcept {
  for (const Exchange& other : exchanges_.all()) {
    if (other.stage == Exchange::Stage::writing && other.seen->report.device == exchange.seen->report.device &&
        other.seen->report.inode == exchange.seen->report.inode) {
      return true;
    }
  }
  return false;
}

void Broker::resume_queued(const Seen& finished) noexcept {
  for (Exchange& waiting : exchanges_.all()) {
    if (waiting.stage == Exchange::Stage::queued && waiting.seen->report.device == finished.report.device &&
        waiting.seen->report.inode == finished.report.inode) {
      waiting.stage = Exchange::Stage::handling;
      look(waiting);
    }
  }
}

std::optional<MonotonicTime> Broker::next_deadline() noexcept {
  std::optional<MonotonicTime> next;
  if (exchanges_.in_use() == 0) return next;
  for (const Exchange& exchange : exchanges_.all()) {
    if (exchange.stage == Exchange::Stage::free) continue;
    const auto deadline =
        exchange.stage == Exchange::Stage::writing ? exchange.deadline + limits::writer_grace : exchange.deadline;
    if (!next || deadline < *next) next = deadline;
  }
  return next;
}

void Broker::expire() noexcept {
  if (exchanges_.in_use() == 0) return;
  const auto now = kernel_.now();
  for (Exchange& exchange : exchanges_.all()) {
    if (exchange.stage == Exchange::Stage::free) continue;
    // A writer decides by the deadline itself: it is spoken for only when it is stuck.
    const bool writing = exchange.stage == Exchange::Stage::writing;
    if (now < (writing ? exchange.deadline + limits::writer_grace : exchange.deadline)) continue;
    answer(exchange, {Verdict::failed, rule::none, ETIMEDOUT});
  }
}

}  // namespace secshr
