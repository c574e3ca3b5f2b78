#include "client/refusal.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cinttypes>
#include <cstring>
#include <string_view>

#include "client/explanation.h"
#include "protocol/limits.h"
#include "protocol/rules.h"

namespace secshr::client {
namespace {

struct Advice {
  std::string_view rule;
  const char* text;
};

// In the order of protocol::rule_ids.
constexpr std::array advices{
    Advice{"peer.pid", "the process is not the one that it says: ask from the process itself"},
    Advice{"peer.mixed",
           "real, effective, saved and file system ids must be the same, without capabilities, in a process that is "
           "dumpable"},
    Advice{"peer.namespace", "the process must be in the broker's pid and IPC namespaces, with ids that these know"},
    Advice{"sem.alter", "this user has no alter permission on the set: who owns it must give it, or remove the set"},
    Advice{"sem.lastop",
           "somebody else who lives operated on the set last: take it first, or wait until they are done"},
    Advice{"shm.rw", "this user may not read and write the segment: who owns it must allow that, or remove it"},
    Advice{"shm.attached", "somebody is attached to the segment: detach it everywhere first"},
    Advice{"ipc.root", "root owns and made the object: root removes it, or sets allow_root_objects"},
    Advice{"hdr.read", "this user cannot open the file for reading, or somebody holds a lease on it"},
    Advice{"hdr.type", "the file is no database of a format that is known"},
    Advice{"hdr.ids", "the ids or times are not those of objects that are there, or not this user's to write"},
    Advice{"hdr.live", "the header still names what lives, or somebody else is attached: leave that first"},
    Advice{"sock.name", "only leftover sockets of clients, in the directory of the handle, are removed"},
    Advice{"sock.live", "somebody is bound to the socket, or its process lives: it is no leftover"},
    Advice{"sock.dir", "this user may not write to the directory"},
    Advice{"proc.install", "the process runs nothing of the adopted installation, or is root's"},
    Advice{"wake.caught", "the process has no handler for SIGALRM and would end"},
    Advice{"rate.uid", "this user asks too much at once: ask again in some tenths of a second"},
    Advice{"cfg.off", "the administrator does not serve this request to this user ([restrict])"},
    Advice{"lockdown", "the administrator has stopped this kind of request"},
};
static_assert(std::ranges::equal(advices, protocol::rule_ids, {}, &Advice::rule));

}  // namespace

int explain_refusal(const protocol::Reply& reply) noexcept {
  const std::int32_t code = reply.code();
  const std::uint64_t sequence = reply.header.sequence;
  if (code == protocol::reply_invalid_code) return fail(-EOPNOTSUPP, "the broker does not know this request");
  if (code == protocol::reply_foreign_key) {
    return fail(-EPROTO, "the broker serves another release: is `release` what the installation was adopted with?");
  }
  // No errno value is as large.
  if (code <= 0 || code >= 4096) return fail(-EPROTO, "the broker answered %" PRId32 ", which is no error", code);
  const auto rule = protocol::rule_id(reply.header.use_secshr);
  if (rule.empty()) {
    return fail(-code, "the broker: %s (request %" PRIu64 " of process %" PRId32 " in its log)", std::strerror(code),
                sequence, reply.header.pid);
  }
  const char* const advice = advices[static_cast<std::size_t>(reply.header.use_secshr - 1)].text;
  return fail(-code, "refused by the rule %.*s: %s (request %" PRIu64 " of process %" PRId32 " in the broker's log)",
              static_cast<int>(rule.size()), rule.data(), advice, sequence, reply.header.pid);
}

}  // namespace secshr::client
