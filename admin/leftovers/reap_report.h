// What reap says: pure, from what was found.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "admin/failure.h"
#include "admin/leftovers/leftover_sockets.h"

namespace secshr::admin {

struct ReapedDirectory {
  std::string path;
  std::string origin;
  std::string fault;        // why it was not looked at; empty: it was
  bool is_missing = false;  // which is the fault, then
  std::vector<SocketFile> sockets;
};

// A fixed ident for JSON, and a sentence.
[[nodiscard]] std::string_view ident_of(SocketVerdict verdict);
[[nodiscard]] std::string explain(const SocketFile& socket);

[[nodiscard]] std::string reap_text(const std::vector<ReapedDirectory>& directories, Reap reap);
[[nodiscard]] std::string reap_json(const std::vector<ReapedDirectory>& directories, Reap reap);
// A directory that was named and cannot be looked at is an error, and one that is merely expected and missing is not.
[[nodiscard]] ExitStatus reap_status(const std::vector<ReapedDirectory>& directories, Reap reap);

}  // namespace secshr::admin
