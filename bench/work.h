// What a client of a measurement asks again and again, prepared so that the answer must be 0.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "bench/client_socket.h"

namespace secshr::bench {

class Work {
 public:
  Work() = default;
  Work(const Work&) = delete;
  Work& operator=(const Work&) = delete;
  virtual ~Work() = default;
  // Asks once. How long that took, without what was prepared for it; nullopt: no answer, or another than 0.
  [[nodiscard]] virtual std::optional<Duration> ask() = 0;
};

struct WorkPlace {
  ServerAddress server;
  std::string directory;  // of the sockets
  std::string database;   // this client's own copy, readable for it
};

// continue, one-shot, remove-segment, remove-set, flush; nullptr for any other word.
[[nodiscard]] std::unique_ptr<Work> make_work(std::string_view kind, const WorkPlace& place);

}  // namespace secshr::bench
