// Every limit of the broker, named once.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace secshr::limits {

// Requests that were taken and not answered yet. While there are as many, no further datagram is taken: the kernel's
// queue holds them and their senders wait in sendto(2). EBUSY would be worse: stock clients take it for a failure,
// and many processes of one user that leave at the same moment are no attack.
inline constexpr std::size_t parked_exchanges = 192;
// Of those, the ones that something else than the broker and its helpers can hold up: a look at a file, whose file
// system may not answer, or at a process, whose maps may be locked. Beyond any of these: EBUSY, rule rate.uid. What
// waits for a look at its client alone, some tenths of a millisecond, always has the rest of the table; that goes on,
// so that room for the next datagram is never far.
inline constexpr std::size_t parked_slow = 128;
inline constexpr std::size_t parked_slow_per_uid = 96;
inline constexpr std::size_t parked_files_per_uid = 32;
// Each holds its sender's pidfd, and the slow ones a file or the pidfd of another process as well. With
// reply_sockets and reply_connections, two for each directory and one for each program of the installation that must
// stay below what the wrapper needs of RLIMIT_NOFILE: 512.
inline constexpr std::size_t parked_descriptors = parked_exchanges + parked_slow;

// A datagram counts as one request more, where requests are counted, for each so many bytes of it: stock clients'
// have fewer, but for databases with long names.
inline constexpr std::size_t bytes_of_a_request = 256;

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
// Workers of the looker that may be at what can hang: the others are for looks at clients. Each kind has its own
// share.
inline constexpr std::size_t slow_looks = 4;
inline constexpr std::size_t looks_per_uid = 2;
inline constexpr std::size_t writes_per_uid = 1;
// Workers that are alive in all, with those that were killed but cannot die yet (uninterruptible sleep).
inline constexpr unsigned workers_alive = 16;
// Of one helper's uid, for all brokers of the machine: what somebody in a supervisor could make of it.
inline constexpr unsigned processes_per_uid = 1024;
// A start is over when each helper has one worker; for so long the others leave the processor to who waits for it.
inline constexpr std::chrono::milliseconds first_worker_alone{20};
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
// Of that, for what is in the queues. It takes longer only where they cannot be sealed, or wait for room.
inline constexpr std::chrono::milliseconds queue_deadline{500};
// Between two turns at queues that are to be closed.
inline constexpr std::chrono::milliseconds seal_interval{5};
// For root's conversation with the broker, before the next one who asks has its turn.
inline constexpr std::chrono::milliseconds control_patience{500};
// Datagrams served before the other descriptors are looked at again.
inline constexpr unsigned datagrams_per_turn = 32;

// Sockets that replies leave through, and how many of them one uid may hold with replies that it does not read. Each
// takes a few hundred unread ones.
inline constexpr std::size_t reply_sockets = 32;
// Beside them, sockets that stay connected to the clients that asked last, and how many of them one uid may hold; how
// long somebody who was bound there is taken to be still, and how long a client that asks no more stays connected.
inline constexpr std::size_t reply_connections = 32;
inline constexpr std::size_t reply_connections_per_uid = 20;
inline constexpr std::chrono::milliseconds client_known_for{10};
inline constexpr std::chrono::milliseconds connection_kept_for{1000};
// Processes that were seen to run the installation, and how long they are taken to do so still.
inline constexpr std::size_t known_targets = 256;
inline constexpr std::chrono::milliseconds target_known_for{100};
// To a system log that takes streams: one for each time that its daemon is restarted.
inline constexpr std::size_t system_log_connections = 8;
// Of the broker, beside those of the directories: helpers, log, page, control, lock, programs of the installation.
inline constexpr std::size_t descriptors_of_its_own =
    parked_descriptors + reply_sockets + reply_connections + system_log_connections + 96;
// A directory's own, its socket, and what fills the queue before it is closed.
inline constexpr std::size_t descriptors_per_directory = 2 + 4;
static_assert(descriptors_of_its_own + 4 * descriptors_per_directory <= 512);
inline constexpr std::size_t reply_sockets_per_uid = 4;

// Lines on their way into the audit log beyond which refusals are counted and not written: the rest of the channel is
// for what was changed.
inline constexpr std::uint64_t routine_lines_waiting = 64;
// Of lines of what was changed that the channel has no room for: more than all parked requests can have, each with
// the longest line there is. Only what nobody is told of, as leftovers that were removed, can fill it.
inline constexpr std::size_t kept_lines_size = std::size_t{8} << 20;
// At the end of the broker, for what is still on its way; and for the recorder, when the broker was killed.
inline constexpr std::chrono::milliseconds log_drain{1000};

// Failed starts that are said, each in a line of the audit log and one or two of the system log: of one user in a
// minute, and how many users are counted by themselves, besides root.
inline constexpr unsigned start_lines_per_minute = 5;
inline constexpr std::size_t users_with_start_lines = 16;

// How much of the kernel's list of bound socket names is looked through: some 3000 names.
inline constexpr std::size_t listed_names_size = std::size_t{256} << 10;

// max_directories at most.
inline constexpr std::size_t most_directories = 256;
// Takeovers for directories that have no place reserved, by all users and by one: root's are not counted.
inline constexpr std::size_t takeovers_per_minute = 60;
inline constexpr std::size_t takeovers_per_minute_per_uid = 10;

// How long a broker that has closed its queues keeps the lock because of what is parked. Beyond that another serves
// while it waits, and it begins no write any more.
inline constexpr std::chrono::milliseconds parked_deadline{1000};
// From a takeover on, for the former broker; then it is killed.
inline constexpr std::chrono::milliseconds former_broker_deadline{8000};
static_assert(end_deadline + log_drain < former_broker_deadline);
// How long a starter waits for a broker that leaves to give up the lock.
inline constexpr std::chrono::milliseconds leaving_broker_deadline{3000};
static_assert(queue_deadline + parked_deadline + std::chrono::milliseconds{1000} <= leaving_broker_deadline);
// Who holds the broker's lock for longer without a word on the control socket is killed; and who holds the other one
// for longer than any start may: it has waited for the first and for one that leaves.
inline constexpr std::chrono::milliseconds running_broker_deadline{3000};
inline constexpr std::chrono::milliseconds turn_deadline{8000};
static_assert(leaving_broker_deadline + std::chrono::milliseconds{3000} <= turn_deadline);
// How long a starter waits for its helpers to have come up, which takes them a millisecond, or so long where a
// machine is very busy.
inline constexpr std::chrono::milliseconds helper_start_deadline{6000};
static_assert(helper_start_deadline < turn_deadline);
// A start that has come to nothing by then fails.
inline constexpr std::chrono::milliseconds start_deadline{10000};
static_assert(turn_deadline < start_deadline);
// For the whole of what a broker says of itself, and between two looks at it.
inline constexpr std::chrono::milliseconds report_deadline{500};
inline constexpr std::chrono::milliseconds look_interval{5};

// /proc/<pid>/status with 65536 groups stays below this; what is longer is refused.
inline constexpr std::size_t proc_status_size = std::size_t{1} << 20;
inline constexpr std::size_t supplementary_groups = 65536;

}  // namespace secshr::limits
