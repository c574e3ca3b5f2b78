#include "secshr/bound_names.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <optional>
#include <string_view>

#include "secshr/datagram_socket.h"
#include "secshr/limits.h"
#include "secshr/privilege/act_as.h"
#include "system/read_lines.h"

namespace secshr {
namespace {

// Any socket whose path ends so, wherever it lies: the table knows paths as they were bound, absolute or not, and no
// files. Reading it again from its start shows it as it is now. A list that is longer than the limit is not read to
// its end, so that nobody can keep the broker reading: the name may be in the rest.
bool is_listed(int table, std::string_view name) noexcept {
  if (::lseek(table, 0, SEEK_SET) != 0) return true;
  std::array<char, 16384> buffer{};
  std::size_t read = 0;
  const bool found = any_line(table, buffer, [&](std::string_view line) {
    read += line.size();
    return line.ends_with(name) || read > limits::listed_names_size;
  });
  return found || read == 0;
}

}  // namespace

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
