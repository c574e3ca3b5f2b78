// Which counters an audit record is counted in.
#pragma once

#include <cstddef>

#include "counters/counters_page.h"
#include "secshr/audit/audit.h"

namespace secshr {

// One record of a datagram, or of a leftover that was removed after one.
void count(Counters& counters, const AuditRecord& record) noexcept;

// How many requests are parked at this moment.
void count_parked(Counters& counters, std::size_t parked) noexcept;

}  // namespace secshr
