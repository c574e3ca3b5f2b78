// Every limit of the broker, named once.
#pragma once

#include <chrono>
#include <cstddef>

namespace secshr::limits {

// Requests that wait for a helper at the same time, in all and of one uid. Beyond either: EBUSY, rule rate.uid. Each
// holds up to three descriptors, which with reply_sockets and the rest must stay below what the wrapper needs of
// RLIMIT_NOFILE.
inline constexpr std::size_t parked_exchanges = 128;
inline constexpr std::size_t parked_exchanges_per_uid = 32;

// From receipt to reply. Below the 5 s after which a stock client gives up and asks again.
inline constexpr std::chrono::milliseconds request_deadline{4000};
// The writer decides by the deadline itself; only a writer that is stuck lets the broker speak for it, this much
// later.
inline constexpr std::chrono::milliseconds writer_grace{500};
// After the deadline, when a stuck worker has been killed for certain: it began before the deadline, is killed when
// it has been busy for worker_stuck_after, and its supervisor looks every worker_look_interval.
inline constexpr std::chrono::milliseconds worker_dead_after{5500};
// How often a flush looks again because the header changed between look and write.
inline constexpr unsigned flush_attempts = 3;

// More than one user's share of each, so that a user whose files hang keeps nobody else waiting.
inline constexpr unsigned looker_workers = 6;
inline constexpr unsigned writer_workers = 3;
inline constexpr std::size_t looks_per_uid = 2;
inline constexpr std::size_t writes_per_uid = 1;
// Workers that are alive in all, with those that were killed but cannot die yet (uninterruptible sleep).
inline constexpr unsigned workers_alive = 16;
// A worker busy for longer is killed and replaced: longer than a request can still matter.
inline constexpr std::chrono::milliseconds worker_stuck_after{4500};
inline constexpr std::chrono::milliseconds worker_look_interval{500};
// A worker that dies within this time of its start without having been asked anything died of its start; that many of
// them in a row, and the helper gives up.
inline constexpr std::chrono::milliseconds early_death{1000};
inline constexpr unsigned early_deaths = 3;

// How often the broker looks whether its sockets still have their names.
inline constexpr std::chrono::milliseconds name_check_interval{2000};
// From the decision to end to the end, at most: longer than any request may take.
inline constexpr std::chrono::milliseconds end_deadline{6000};
// Datagrams served before the other descriptors are looked at again.
inline constexpr unsigned datagrams_per_turn = 32;

// Sockets that replies leave through, and how many of them one uid may hold with replies that it does not read. Each
// takes a few hundred unread ones.
inline constexpr std::size_t reply_sockets = 64;
inline constexpr std::size_t reply_sockets_per_uid = 4;

// How much of the kernel's list of bound socket names is looked through: some 3000 names.
inline constexpr std::size_t listed_names_size = std::size_t{256} << 10;

// How long a starter waits for the broker that holds the lock to answer it: in all, for one answer, and between two.
inline constexpr std::chrono::milliseconds running_broker_deadline{3000};
inline constexpr std::chrono::milliseconds ping_patience{250};
inline constexpr std::chrono::milliseconds ping_interval{5};

// /proc/<pid>/status with 65536 groups stays below this; what is longer is refused.
inline constexpr std::size_t proc_status_size = std::size_t{1} << 20;
inline constexpr std::size_t supplementary_groups = 65536;

}  // namespace secshr::limits
