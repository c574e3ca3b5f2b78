// The reader's side of the counters page: one consistent set of numbers, whatever the file holds and whatever has
// become of its writer.
#pragma once

#include <cstdint>
#include <expected>
#include <span>
#include <string>

#include "counters/counters_page.h"

namespace secshr {

// Waits for some tenths of a second at most. Errors are errno values. Of the file: ENOENT and the like; EPERM
// where others than its owner may write to it, or its owner is neither root nor the caller (they could cut it under
// the mapping, which is a signal here); EINVAL for what is no regular file, links included. Of what is in it: as
// below.
[[nodiscard]] std::expected<Counters, int> read_counters(const std::string& path) noexcept;

// The same of a mapping. EBADMSG: no page of this layout. EAGAIN: it is being written all the time, or its writer
// died in the middle.
[[nodiscard]] std::expected<Counters, int> read_counters_page(std::span<const std::uint64_t> words) noexcept;

}  // namespace secshr
