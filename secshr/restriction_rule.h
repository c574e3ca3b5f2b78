// What the administrator's [restrict], or a lockdown, says of a client's request.
#pragma once

#include <algorithm>

#include "installation/lockdown.h"
#include "installation/restrictions.h"
#include "protocol/request.h"
#include "secshr/kernel.h"

namespace secshr {

// nullptr: nothing; a ping is answered for everybody.
[[nodiscard]] inline const Restriction* restriction_of(const Restrictions& restrictions,
                                                       protocol::RequestCode code) noexcept {
  switch (code) {
    case protocol::RequestCode::wake:
      return &restrictions.wake;
    case protocol::RequestCode::remove_semaphore_set:
      return &restrictions.remove_semaphore_set;
    case protocol::RequestCode::remove_segment:
      return &restrictions.remove_segment;
    case protocol::RequestCode::remove_file:
      return &restrictions.remove_file;
    case protocol::RequestCode::continue_process:
      return &restrictions.continue_process;
    case protocol::RequestCode::flush_header:
      return &restrictions.flush_header;
    case protocol::RequestCode::ping:
      return nullptr;
  }
  return nullptr;
}

// `rights` without groups: by the client's own gid alone.
[[nodiscard]] inline bool serves(const Restriction& restriction, const Rights& rights) noexcept {
  const auto& groups = restriction.groups;
  const auto is_listed = [&](gid_t group) { return std::ranges::find(groups, group) != groups.end(); };
  return restriction.served &&
         (groups.empty() || is_listed(rights.gid) || std::ranges::any_of(rights.groups, is_listed));
}

// The same.
[[nodiscard]] inline bool is_administrator(const Lockdown& lockdown, const Rights& rights) noexcept {
  return rights.uid == 0 || rights.gid == lockdown.group ||
         std::ranges::find(rights.groups, lockdown.group) != rights.groups.end();
}

}  // namespace secshr
