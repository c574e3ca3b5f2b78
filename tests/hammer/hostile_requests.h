// Requests as a hostile process makes them up: well formed, and about whatever it knows of, its own or not.
#pragma once

#include "tests/hammer/battlefield.h"
#include "tests/hammer/own_objects.h"
#include "tests/integration/client.h"

namespace secshr::test {

class HostileRequests {
 public:
  HostileRequests(const Battlefield& field, const Arena& arena, Random& random, OwnObjects& own, uid_t uid)
      : field_(field), arena_(arena), random_(random), own_(own), mark_(mark_of(uid)), uid_(uid) {}

  // As the process that calls it would send it, with a sequence number of its own.
  [[nodiscard]] Bytes any();
  [[nodiscard]] Bytes encode(const protocol::Request& request);
  // Of somebody's name: of a process that lives or does not.
  [[nodiscard]] std::string some_name();

 private:
  [[nodiscard]] int some_set();
  [[nodiscard]] int some_segment();
  [[nodiscard]] pid_t some_process();
  [[nodiscard]] std::string some_file();
  [[nodiscard]] std::string some_database();
  [[nodiscard]] protocol::IpcIds some_ids();

  const Battlefield& field_;
  const Arena& arena_;
  Random& random_;
  OwnObjects& own_;
  std::uint64_t mark_;
  uid_t uid_;
  std::uint32_t sequence_ = 0;
};

}  // namespace secshr::test
