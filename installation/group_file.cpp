#include "installation/group_file.h"

#include <grp.h>

#include <cstdio>
#include <fstream>
#include <iterator>
#include <memory>

namespace secshr {
namespace {

// No group but a word to name services ("+", "-@netgroup"): fgetgrent makes gid 0 of the number that it lacks.
bool is_for_name_services(const std::string& name) {
  return name.starts_with('+') || name.starts_with('-');
}

}  // namespace

std::optional<gid_t> find_group(const char* file, const std::string& name) {
  if (is_for_name_services(name)) return std::nullopt;
  std::ifstream stream(file, std::ios::binary);
  if (!stream) return std::nullopt;
  std::string text{std::istreambuf_iterator<char>(stream), {}};
  // The C library reads a last line that no newline ends, and a blank begins, with its last digit twice.
  text += '\n';
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> groups(::fmemopen(text.data(), text.size(), "r"),
                                                               &std::fclose);
  if (!groups) return std::nullopt;
  while (const group* const entry = ::fgetgrent(groups.get())) {
    if (name != entry->gr_name) continue;
    // "No change" to every system call, and nobody's group.
    if (entry->gr_gid == static_cast<gid_t>(-1)) return std::nullopt;
    return entry->gr_gid;
  }
  return std::nullopt;
}

}  // namespace secshr
