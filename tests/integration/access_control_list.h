// POSIX access control lists, as setfacl(1) would set them.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace secshr::test {

// Permission bits as in one digit of a mode.
struct NamedEntry {
  bool is_group = false;
  id_t id = 0;
  unsigned permissions = 0;
};
struct AccessControlList {
  unsigned owner = 0;
  unsigned group = 0;
  unsigned other = 0;
  unsigned mask = 7;
  std::vector<NamedEntry> named;  // users before groups
};

// False where the file system has none.
bool set_acl(const std::string& path, const AccessControlList& list);
bool remove_acl(const std::string& path);

}  // namespace secshr::test
