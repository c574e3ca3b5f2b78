// One line to the system log: what the wrapper and the starter say when there is no other log yet.
#pragma once

namespace secshr {
// `reason` is a fixed, short ident; `detail` is one too, or text that is escaped already, and is cut where it does
// not fit. Nothing is allocated, nothing blocks, and where no daemon listens nothing happens.
void log_to_system(const char* reason, const char* detail = "none") noexcept;
}  // namespace secshr
