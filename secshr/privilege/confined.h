// The kinds of process that the broker consists of, each held to its own system calls.
#pragma once

#include <sys/types.h>

#include <cstdint>

namespace secshr {

enum class Confined : std::uint8_t {
  broker,
  looker,
  writer,
  recorder,
  // Who starts these, and gives up nothing else: what its workers may do it may do too.
  looker_supervisor,
  writer_supervisor,
  recorder_supervisor,
  watcher,
};

// The worker that a supervisor starts; any other process itself.
[[nodiscard]] constexpr Confined worker_of(Confined process) noexcept {
  switch (process) {
    case Confined::looker_supervisor:
      return Confined::looker;
    case Confined::writer_supervisor:
      return Confined::writer;
    case Confined::recorder_supervisor:
      return Confined::recorder;
    default:
      return process;
  }
}

// Where the watcher has the process that it watches.
inline constexpr int watched_descriptor = 3;

// Stands for the process's own pid in programs that are made before there is a process: no pid is as large.
inline constexpr pid_t pid_to_be_put_in = 0x7e5c0dec;

}  // namespace secshr
