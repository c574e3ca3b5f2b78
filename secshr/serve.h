// The broker's loop: waits for datagrams, helpers, deadlines and signals, and says why it ended.
#pragma once

#include <sys/types.h>

#include <array>
#include <chrono>
#include <span>

#include "secshr/audit/audit.h"
#include "secshr/audit/log_channel.h"
#include "secshr/bookkeeping.h"
#include "secshr/broker.h"
#include "secshr/control/control_port.h"
#include "secshr/helper.h"
#include "secshr/instance_lock.h"
#include "secshr/service_point.h"

namespace secshr {

struct Loop {
  std::span<ServicePoint> served;  // closed at the end
  protocol::SocketName server_name;
  InstanceLock& lock;  // given up when they are closed
  ControlPort& control;
  LookerChannel& looker;
  WriterChannel& writer;
  LogChannel& log;
  Audit& audit;
  Bookkeeping& books;
  std::array<pid_t, 3> helpers;  // our children whose end ends us
  int signals = -1;              // a signalfd of SIGTERM, SIGINT, SIGHUP and SIGCHLD
  std::chrono::seconds idle_timeout;
};

enum class LoopEnd { idle, terminated, reload, taken_over, helper_died, name_lost, broken };
[[nodiscard]] const char* loop_end_name(LoopEnd end) noexcept;

// It ends in this order: what is in the queues is served, and the queues are closed so that nothing is lost in them;
// the lock is given up, so that another may serve; what was parked is answered.
[[nodiscard]] LoopEnd serve(Broker& broker, Kernel& kernel, const Loop& loop);

}  // namespace secshr
