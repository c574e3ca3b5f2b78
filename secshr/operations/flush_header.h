// Flush IPC ids into a database header: hands the permitted 24 bytes and the descriptor that the client itself could
// open to the writer, and says what its answer means.
#pragma once

#include <cstdint>
#include <expected>

#include "secshr/authorize.h"
#include "secshr/helper.h"
#include "secshr/outcome.h"
#include "secshr/permit.h"

namespace secshr {

// Without waiting; the writer answers with `job`.
[[nodiscard]] std::expected<void, int> start_flush(const Permit<HeaderFlush>& permit, Writer& writer,
                                                   std::uint64_t job, MonotonicTime deadline) noexcept;

// WriteVerdict::changed is the caller's to try again; here it means that trying has ended.
[[nodiscard]] Outcome outcome_of_flush(const WriteReport& report) noexcept;

}  // namespace secshr
