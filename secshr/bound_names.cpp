#include "secshr/bound_names.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <optional>

#include "secshr/datagram_socket.h"
#include "secshr/listed_name.h"
#include "secshr/privilege/act_as.h"

namespace secshr {

std::expected<BoundNames, int> BoundNames::open() noexcept {
  Descriptor probe = make_datagram_socket();
  if (!probe) return std::unexpected(errno);
  Descriptor table(::open("/proc/self/net/unix", O_RDONLY | O_CLOEXEC));
  if (!table) return std::unexpected(errno);
  return BoundNames(std::move(probe), std::move(table));
}

bool BoundNames::is_bound(int socket, const char* name, AskTheList ask) const noexcept {
  struct stat facts{};
  if (::fstat(socket, &facts) != 0) return true;
  // As its owner, who may write to it in all but odd cases. Nobody acts as root.
  std::optional<FileIdentity> owner;
  if (facts.st_uid != 0) owner.emplace(facts.st_uid, facts.st_gid);
  if (owner && !owner->ok()) return true;
  const int error = connect_to_file(probe_.get(), socket);
  if (error == 0) disconnect(probe_.get());
  if (error == ECONNREFUSED) return false;
  if (error == EACCES && facts.st_uid == 0 && ask == AskTheList::yes) return is_listed(table_.get(), name);
  return true;
}

}  // namespace secshr
