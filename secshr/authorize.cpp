#include "secshr/authorize.h"

#include <cerrno>

#include "secshr/restriction_rule.h"

namespace secshr {

std::optional<LookAt> look_needed(const protocol::Request& request) noexcept {
  switch (protocol::code_of(request)) {
    case protocol::RequestCode::ping:
      return std::nullopt;
    case protocol::RequestCode::flush_header:
      return LookAt::file;
    case protocol::RequestCode::remove_semaphore_set:
    case protocol::RequestCode::remove_segment:
    case protocol::RequestCode::remove_file:
      return LookAt::client;
    case protocol::RequestCode::wake:
    case protocol::RequestCode::continue_process:
      return LookAt::process;
  }
  return std::nullopt;
}

const Restriction* Authorizer::restriction_of(protocol::RequestCode code) const noexcept {
  return policy_.restrictions == nullptr ? nullptr : secshr::restriction_of(*policy_.restrictions, code);
}

std::optional<Denied> Authorizer::not_served(const protocol::Request& request) const noexcept {
  const Restriction* const restriction = restriction_of(protocol::code_of(request));
  if (restriction == nullptr || restriction->served) return std::nullopt;
  return Denied{rule::not_served, EPERM};
}

std::optional<Denied> Authorizer::denial_of_client(protocol::RequestCode code, const Rights& rights) const noexcept {
  if (policy_.lockdown && !is_administrator(*policy_.lockdown, rights)) return Denied{rule::lockdown, EPERM};
  const Restriction* const restriction = restriction_of(code);
  if (restriction != nullptr && !serves(*restriction, rights)) return Denied{rule::not_served, EPERM};
  return std::nullopt;
}

bool Authorizer::depends_on_groups(const Peer& peer, const protocol::Request& request) const noexcept {
  return !not_served(request) &&
         denial_of_client(protocol::code_of(request), {peer.credentials.uid, peer.credentials.gid, {}});
}

std::optional<Denied> Authorizer::denial_by_restriction(const Peer& peer, const protocol::Request& request,
                                                        const Evidence& evidence) const noexcept {
  if (const auto denied = not_served(request)) return denied;
  if (!depends_on_groups(peer, request)) return std::nullopt;
  const Seen* const client = look_needed(request) == LookAt::process ? evidence.client : evidence.seen;
  if (client == nullptr) return Denied{rule::not_served, EPERM};
  if (!client->report.knows_groups) return denial_of_look(client->report).value_or(Denied{rule::peer_mixed, EPERM});
  return denial_of_client(protocol::code_of(request), rights_of(peer, *client));
}

Authorizer::Decision Authorizer::authorize(const Peer& peer, const protocol::Request& request,
                                           const Evidence& evidence) noexcept {
  if (const auto denied = denial_by_restriction(peer, request, evidence)) return std::unexpected(*denied);
  const auto unseen = std::unexpected(Denied{rule::not_served, EPERM});
  if (const auto* ping = std::get_if<protocol::Ping>(&request)) return Permit<protocol::Ping>(*ping);
  if (evidence.seen == nullptr) return unseen;
  if (const auto* flush_request = std::get_if<protocol::FlushHeader>(&request)) {
    return flush(peer, *flush_request, *evidence.seen);
  }
  if (const auto* set = std::get_if<protocol::RemoveSemaphoreSet>(&request))
    return removal(peer, *set, *evidence.seen);
  if (const auto* segment = std::get_if<protocol::RemoveSegment>(&request)) {
    return removal(peer, *segment, *evidence.seen);
  }
  if (const auto* file = std::get_if<protocol::RemoveFile>(&request)) return removal(peer, *file, evidence);
  if (std::holds_alternative<protocol::Wake>(request)) return wake(evidence);
  if (std::holds_alternative<protocol::ContinueProcess>(request)) return resume(evidence);
  return unseen;
}

bool Authorizer::has_ended(pid_t pid) noexcept {
  const auto process = kernel_.open_process(pid);
  return process ? kernel_.has_ended(process->get()) : process.error() == ESRCH;
}

bool Authorizer::is_of(const Peer& peer, pid_t pid) noexcept {
  return pid == peer.credentials.pid && kernel_.is_alive(peer.pidfd.get());
}

std::optional<Denied> denial_of_look(const LookReport& report) noexcept {
  switch (report.verdict) {
    case LookVerdict::seen:
      return std::nullopt;
    case LookVerdict::peer_gone:
      return Denied{rule::none, ESRCH};
    case LookVerdict::peer_mixed:
    case LookVerdict::too_many_groups:
      return Denied{rule::peer_mixed, EPERM};
    case LookVerdict::other_namespace:
      return Denied{rule::peer_namespace, EPERM};
    case LookVerdict::wrong_type:
    case LookVerdict::not_a_database:
      return Denied{rule::header_type, EPERM};
    case LookVerdict::unreadable:
      if (report.error == ENOENT || report.error == ENOTDIR) return Denied{rule::none, ENOENT};
      if (report.error == EAGAIN) return Denied{rule::header_read, EBUSY};  // somebody holds a lease on it
      return Denied{rule::header_read, EPERM};
  }
  return Denied{rule::header_read, EPERM};
}

Rights rights_of(const Peer& peer, const Seen& seen) noexcept {
  return {peer.credentials.uid, peer.credentials.gid, seen.report.groups};
}

}  // namespace secshr
