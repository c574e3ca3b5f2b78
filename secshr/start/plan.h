// What a start is about: found out and opened as root before anything is waited for or served.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "installation/configuration.h"
#include "installation/installation.h"
#include "protocol/socket_names.h"
#include "secshr/authenticate.h"
#include "secshr/start/invoker.h"
#include "system/descriptor.h"
#include "wrapper/handoff.h"

namespace secshr {

// Why a start failed: what the wrapper exits with, and what the log says.
struct StartFault {
  StartStatus status;
  const char* reason;  // a fixed word
  std::string detail;
};
template <typename Value>
using Started = std::expected<Value, StartFault>;

[[nodiscard]] std::unexpected<StartFault> start_fault(StartStatus status, const char* reason,
                                                      std::string detail = {});

struct PlannedDirectory {
  std::string name;
  Descriptor descriptor;  // O_PATH
  std::uint32_t idle_ms = 0;
  bool is_reserved = false;  // the administrator's, or /tmp
  bool is_formers = false;   // the broker's that is to be taken over
};

// Who may send to the server sockets.
struct SocketAccess {
  mode_t mode = 0666;
  gid_t group = 0;
};

struct Plan {
  Configuration configuration;
  // What is wrong with the administrator's own, where that in force is the one that was kept.
  std::optional<ConfigurationError> refused_configuration;
  std::string log_unavailable;  // why, where the disk does not let us have the audit log
  Installation installation;
  protocol::SocketName server_name;
  OverflowIds overflow;
  SocketAccess access;
  bool has_left_cgroup = true;                // of who started it
  std::vector<PlannedDirectory> directories;  // the invoker's first; empty until chosen
  std::vector<std::string> left_out;          // those that cannot be served, and why
};

// What the administrator decided, for the installation whose wrapper was run.
[[nodiscard]] Started<Plan> read_configuration();

// Where its place cannot be had, the kept configuration and its log count. Where that is the disk's fault alone,
// service goes on without: nothing that is written to what is given back then gets anywhere.
[[nodiscard]] Started<Descriptor> open_audit_log(Plan& plan);

// The directory that the invoker's environment names, provided that the invoker could create a file there, and the
// pinned ones, which are served whoever starts the broker.
[[nodiscard]] Started<void> choose_directories(Plan& plan, const Invoker& invoker);

}  // namespace secshr
