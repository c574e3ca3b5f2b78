// A process that uses libsecshr, of which a call is followed from outside: what the call said, and what it has left
// of the process.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>

#include "system/descriptor.h"
#include "tests/integration/library_options.h"
#include "tests/support/run_as.h"

namespace secshr::test {

struct HostReport {
  int result = 0;
  std::chrono::milliseconds took{0};
  char explanation[512] = {};
  bool keeps_descriptors = false;
  bool keeps_signals = false;  // mask, actions and what is pending
  bool has_children = false;
  // The call after it, which asks whether somebody serves.
  int next_result = 0;
};

class LibraryHost {
 public:
  using Call = std::function<int(secshr_t*)>;

  // Opens a handle and waits.
  LibraryHost(const Identity& identity, const Call& call);
  LibraryHost(const LibraryHost&) = delete;
  LibraryHost& operator=(const LibraryHost&) = delete;
  ~LibraryHost();  // ends it

  [[nodiscard]] pid_t pid() const { return pid_; }
  // Has it make the call. False where it does not come back in time.
  bool make_call();
  // Has it look at itself, and make the next call. Nobody follows it any more.
  const HostReport& look_back();

  // Of the calls of all hosts.
  static constexpr std::chrono::milliseconds reply_timeout{2000};
  static constexpr unsigned attempts = 3;
  // An answer awaited so often, and before that a wrapper for as long.
  static constexpr std::chrono::milliseconds longest_call = 2 * attempts * reply_timeout;

 private:
  [[noreturn]] void live(const Identity& identity, const Call& call, int channel) const;
  bool tell();

  HostReport* report_ = nullptr;  // shared
  Descriptor channel_;
  pid_t pid_ = -1;
};

}  // namespace secshr::test
