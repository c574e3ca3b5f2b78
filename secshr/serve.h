// The broker's loop: waits for datagrams, helpers, deadlines and signals, and says why it ended.
#pragma once

#include <sys/types.h>

#include <array>
#include <chrono>
#include <span>

#include "secshr/audit/log_channel.h"
#include "secshr/bookkeeping.h"
#include "secshr/broker.h"
#include "secshr/helper.h"
#include "secshr/server_socket.h"

namespace secshr {

// A socket in service, and where it lies.
struct ServicePoint {
  ServerSocket socket;
  int directory = -1;  // O_PATH
  std::string_view name;
};

struct Loop {
  std::span<ServicePoint> served;  // closed at the end
  protocol::SocketName server_name;
  LookerChannel& looker;
  WriterChannel& writer;
  LogChannel& log;
  Bookkeeping& books;
  std::array<pid_t, 3> helpers;  // our children whose end ends us
  int signals = -1;              // a signalfd of SIGTERM, SIGINT, SIGHUP and SIGCHLD
  std::chrono::seconds idle_timeout;
};

enum class LoopEnd { idle, terminated, reload, helper_died, name_lost, broken };
[[nodiscard]] const char* loop_end_name(LoopEnd end) noexcept;

// What was in the queue when it ends has been served, and what was parked has been answered.
[[nodiscard]] LoopEnd serve(Broker& broker, Kernel& kernel, const Loop& loop);

}  // namespace secshr
