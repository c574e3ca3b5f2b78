// What secshr_explain() says: one line for each thread, about its last call that failed.
#pragma once

namespace secshr::client {

// Cut where it does not fit, and without control bytes, of which a path may hold any. Returns `result`, so that a
// failure and its reason are one line of code.
__attribute__((format(printf, 2, 3))) int fail(int result, const char* format, ...) noexcept;
[[nodiscard]] const char* explanation() noexcept;

// The error's in English, whatever the program's locale; without a lock, which a fork may have copied while it was
// held.
[[nodiscard]] const char* text_of(int error) noexcept;

}  // namespace secshr::client
