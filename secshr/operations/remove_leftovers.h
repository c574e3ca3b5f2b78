// The suffix scheme: the leftovers of a client's own pid, which made it come under a name with a letter, by the same
// rules as a leftover that a request names.
#pragma once

#include "secshr/authorize.h"
#include "secshr/kernel.h"
#include "secshr/operations/remove_socket.h"
#include "secshr/outcome.h"

namespace secshr {

// All 27 names are tried; the client's own is bound, and so stays. `on_removed` is called with each SocketRemoval
// that was permitted and its Outcome; what is no leftover nobody asked for by name: it stays, and is no refusal.
template <typename OnRemoved>
void remove_leftovers_of(const Peer& peer, const Rights& rights, const protocol::Profile& profile, int directory,
                         Authorizer& authorizer, Kernel& kernel, OnRemoved on_removed) noexcept {
  for (const std::optional<char> suffix : protocol::client_socket_suffixes) {
    const auto name = protocol::client_socket_name(profile, peer.credentials.pid, suffix);
    const auto permit = authorizer.leftover(peer, {name, peer.credentials.pid}, rights, directory);
    if (permit) on_removed(permit->what(), remove_socket(kernel, *permit));
  }
}

}  // namespace secshr
