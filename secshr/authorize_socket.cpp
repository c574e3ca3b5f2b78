// Which socket files may be removed: those of the fixed grammar, in the directory that the client itself may write
// to, to which nobody is bound any more, and whose process is the client or has ended: one that lives may be about to
// bind the file that it has just made.
#include <cerrno>

#include "secshr/authorize.h"

namespace secshr {

std::expected<Permit<SocketRemoval>, Denied> Authorizer::leftover(const Peer& peer,
                                                                  const protocol::LeftoverName& leftover,
                                                                  const Rights& rights, int directory) noexcept {
  if (const auto denied = denial_of_client(protocol::RequestCode::remove_file, rights))
    return std::unexpected(*denied);
  const bool is_free = is_of(peer, leftover.pid) || has_ended(leftover.pid);
  const auto ask = is_free ? AskTheList::yes : AskTheList::no;  // for nobody else is the list gone through
  const auto found = kernel_.named_socket(directory, leftover.name.c_str(), rights, ask);
  if (!found) {
    if (found.error() == ENOENT) return std::unexpected(Denied{rule::none, ENOENT});
    return std::unexpected(Denied{rule::socket_directory, EPERM});
  }
  const ObjectFacts object{found->owner, found->mode};
  if (!found->directory_is_writable) return std::unexpected(Denied{rule::socket_directory, EPERM, object});
  if (!found->is_socket) return std::unexpected(Denied{rule::socket_name, EPERM, object});
  if (found->is_bound || !is_free) return std::unexpected(Denied{rule::socket_live, EBUSY, object});
  return Permit<SocketRemoval>({directory, leftover.name, rights, *found});
}

Authorizer::Decision Authorizer::removal(const Peer& peer, const protocol::RemoveFile& request,
                                         const Evidence& evidence) noexcept {
  if (const auto denial = denial_of_look(evidence.seen->report)) return std::unexpected(*denial);
  const auto name = protocol::parse_leftover_name(*policy_.profile, protocol::last_component(request.path));
  // Only in the directory that the request came through, which is the one that the client calls by this name.
  if (!name || protocol::directory_part(request.path) != evidence.sender_directory) {
    return std::unexpected(Denied{rule::socket_name, EPERM});
  }
  const auto permit = leftover(peer, *name, rights_of(peer, *evidence.seen), evidence.directory);
  if (!permit) return std::unexpected(permit.error());
  return *permit;
}

}  // namespace secshr
