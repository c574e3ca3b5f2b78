#include "secshr/ipc_permission.h"

#include <algorithm>

namespace secshr {
namespace {

bool is_in(gid_t group, const Rights& rights) noexcept {
  return group == rights.gid || std::ranges::find(rights.groups, group) != rights.groups.end();
}

}  // namespace

bool ipc_permits(const IpcObject& object, const Rights& rights, unsigned wanted) noexcept {
  unsigned granted = object.mode;
  if (rights.uid == object.cuid || rights.uid == object.uid) {
    granted >>= 6;
  } else if (is_in(object.cgid, rights) || is_in(object.gid, rights)) {
    granted >>= 3;
  }
  return (wanted & ~granted & 07U) == 0;
}

}  // namespace secshr
