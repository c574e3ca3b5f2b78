// What a caller leaves in the process it starts, put back step by step to what a daemon started at boot would have.
// A step that must succeed returns nullptr, or a reason to refuse the start.
#pragma once

namespace secshr {

// In the wrapper, and inherited from there. Limits: raised, or refused where a broker could not live with them.
// Descriptors 0, 1 and 2: /dev/null, where all were closed. Signals: dispositions, mask, pending ones and timers.
// Where permitted, silently: scheduling, nice, processors, I/O priority, timer slack, personality, time stamp
// counter, out-of-memory score: what slows a broker down but cannot mislead it.
[[nodiscard]] const char* reset_limits() noexcept;
[[nodiscard]] const char* open_standard_descriptors() noexcept;
void reset_signals() noexcept;
void reset_where_permitted() noexcept;

// In its child, in this order: a session, an identity and a keyring of root's own, the caller's supplementary groups
// apart; then nothing in the bounding set but `bounding_capabilities`, nothing inheritable or ambient, no secure
// bits.
[[nodiscard]] const char* leave_the_caller() noexcept;
[[nodiscard]] const char* reduce_capabilities() noexcept;

}  // namespace secshr
