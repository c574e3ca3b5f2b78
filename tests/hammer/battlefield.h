// What a hostile process knows of the world that it is in: whatever it could find out by itself, and what it could
// only guess, too.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "tests/support/run_as.h"

namespace secshr::test {

struct Battlefield {
  std::vector<Identity> users;  // one for each hostile process
  std::string server;           // the path of its socket
  std::string control;          // root's, to the broker
  std::string databases;        // with a directory for each hostile user, by number
  std::string shared_database;  // anybody may read it
  // Of others, and out of reach.
  std::vector<int> sets;
  std::vector<int> segments;
  std::vector<std::string> files;
  std::vector<std::string> socket_names;
  std::vector<pid_t> processes;
  // Whether they may have brokers started for directories of their own, each of which takes the former one's place.
  bool takeovers = false;

  [[nodiscard]] std::string directory_of(uid_t uid) const { return databases + "/" + std::to_string(uid); }
  [[nodiscard]] std::string database_of(uid_t uid) const { return directory_of(uid) + "/own.dat"; }
};

// In the upper half of a request's sequence number, so that a reply tells whose request it answers.
constexpr std::uint32_t mark_of(uid_t uid) {
  return uid * 0x9e3779b1U;
}

}  // namespace secshr::test
