#include "secshr/exchange_record.h"

#include <string_view>

namespace secshr {
namespace {

// What was asked, as far as it could be made out: the two directions of a flush are told apart.
std::string_view name_of(const Exchange& exchange) {
  if (!exchange.header) return "-";
  if (exchange.request) {
    if (const auto* flush = std::get_if<protocol::FlushHeader>(&*exchange.request)) {
      return flush->closing() ? recorded::flush_close : recorded::flush_open;
    }
  }
  const auto code = protocol::known_code(exchange.header->code);
  return code ? protocol::request_name(*code) : "unknown";
}

// The object of a request in the client's own words.
void describe_object(const protocol::Request& request, AuditRecord& record) noexcept {
  if (const auto* wake = std::get_if<protocol::Wake>(&request)) record.object_number = wake->pid;
  if (const auto* resume = std::get_if<protocol::ContinueProcess>(&request)) record.object_number = resume->pid;
  if (const auto* set = std::get_if<protocol::RemoveSemaphoreSet>(&request)) record.object_number = set->semid;
  if (const auto* segment = std::get_if<protocol::RemoveSegment>(&request)) record.object_number = segment->shmid;
  if (const auto* file = std::get_if<protocol::RemoveFile>(&request)) record.object = file->path;
  if (const auto* flush = std::get_if<protocol::FlushHeader>(&request)) record.object = flush->path;
}

// Of a flush, what was seen in the file is what was asked for.
bool is_unchanged(const Exchange& exchange) noexcept {
  if (!exchange.seen || !exchange.request || !std::holds_alternative<protocol::FlushHeader>(*exchange.request)) {
    return false;
  }
  const HeaderChange change = header_change_of(exchange);
  return change.before == change.after;
}

}  // namespace

AuditRecord record_of_peer(const Exchange& exchange) noexcept {
  AuditRecord record;
  if (exchange.credentials) {
    record.pid = exchange.credentials->pid;
    record.uid = exchange.credentials->uid;
    record.gid = exchange.credentials->gid;
  }
  if (exchange.seen) record.comm = exchange.seen->report.comm.data();
  return record;
}

HeaderChange header_change_of(const Exchange& exchange) noexcept {
  return {exchange.seen->report.ids, std::get<protocol::FlushHeader>(*exchange.request).ids};
}

void put_facts(const ObjectFacts& object, AuditRecord& record) noexcept {
  record.owner = object.owner;
  if (object.mode) record.mode = *object.mode & 07777U;
}

AuditRecord record_of(const Exchange& exchange) noexcept {
  AuditRecord record = record_of_peer(exchange);
  record.request = name_of(exchange);
  if (exchange.request) describe_object(*exchange.request, record);
  record.is_unchanged = is_unchanged(exchange);
  if (exchange.removed) {
    record.directory = exchange.directory_name;
    record.object = exchange.removed->view();
  }
  if (exchange.object) {
    put_facts(*exchange.object, record);
  } else if (exchange.seen && exchange.seen->report.inode != 0) {
    put_facts({exchange.seen->report.owner, exchange.seen->report.mode}, record);
  }
  return record;
}

std::optional<ObjectFacts> object_of(const AnyPermit& permit, const std::optional<Seen>& seen) noexcept {
  if (const auto* set = std::get_if<Permit<SemaphoreSetRemoval>>(&permit)) {
    return ObjectFacts{set->what().facts.object.uid, set->what().facts.object.mode};
  }
  if (const auto* segment = std::get_if<Permit<SegmentRemoval>>(&permit)) {
    return ObjectFacts{segment->what().facts.object.uid, segment->what().facts.object.mode};
  }
  if (const auto* socket = std::get_if<Permit<SocketRemoval>>(&permit)) {
    return ObjectFacts{socket->what().facts.owner, socket->what().facts.mode};
  }
  if (std::holds_alternative<Permit<ProcessWake>>(permit) ||
      std::holds_alternative<Permit<ProcessContinue>>(permit)) {
    return ObjectFacts{seen->report.owner};
  }
  return std::nullopt;
}

}  // namespace secshr
