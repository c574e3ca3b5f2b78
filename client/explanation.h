// What secshr_explain() says: one line for each thread, about its last call that failed.
#pragma once

namespace secshr::client {

// Cut where it does not fit. Returns `result`, so that a failure and its reason are one line of code.
__attribute__((format(printf, 2, 3))) int fail(int result, const char* format, ...) noexcept;
[[nodiscard]] const char* explanation() noexcept;

}  // namespace secshr::client
