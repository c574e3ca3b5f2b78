// What may go wrong with a start's system calls, one at a time: which of those that were recorded, and how.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <ostream>
#include <vector>

#include "tests/integration/disturbed_start.h"

namespace secshr::test {

struct Fault {
  MadeCall call;  // as it was recorded
  unsigned occurrence = 1;
  int error = 0;
  Times times = Times::once;
  std::size_t position = 0;                                // among all that were recorded
  std::optional<std::uint64_t> most_bytes = std::nullopt;  // cut short, instead of failing
};
std::ostream& operator<<(std::ostream& out, const Fault& fault);

// Whether the call changes who a process is, what it may do or what it is limited to.
bool changes_privilege(const CallKind& kind);

// Of each kind of call of these parts the first and the last one, those of the kinds that change privileges all; each
// with EPERM and with an error that is usual for it, with EINTR where it can be interrupted, and for good. Left out
// is what cannot fail.
std::vector<Fault> faults_of(const std::vector<MadeCall>& calls, const std::vector<Part>& parts);

// Of every call of these parts each error that can come of it on a machine that is short of something, has a disk
// that fails, or whose objects change meanwhile; that it is interrupted; and, where it can do a part of what it was
// told, that it does no more than a part. Each once.
std::vector<Fault> every_fault_of(const std::vector<MadeCall>& calls, const std::vector<Part>& parts);

// An interruption, or a file that comes in parts: whoever heeds it goes on, and nobody else notices.
bool is_to_be_heeded(const Fault& fault);

// Whether it says of what the call is about that it is not there any more, and whoever believes that has done all
// there is to do.
bool says_that_it_is_gone(const Fault& fault);

// Of these, what there is time for with every change: all where SECSHR_EVERY_SYSTEM_CALL is set, else so many,
// evenly, and privileges that cannot be changed at all.
std::vector<Fault> sample_of(std::vector<Fault> faults, std::size_t size);
bool is_every_system_call_wanted();

}  // namespace secshr::test
