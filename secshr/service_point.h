// A socket in service, and where it lies.
#pragma once

#include <string_view>

#include "secshr/kernel.h"
#include "secshr/server_socket.h"

namespace secshr {

struct ServicePoint {
  ServerSocket socket;
  int directory = -1;     // O_PATH
  std::string_view name;  // of the directory, as who named it first spelt it
  MonotonicTime last_datagram;
  // To be closed as soon as nobody's datagram is in its queue, or then.
  bool is_leaving = false;
  bool is_sealed = false;
  MonotonicTime close_by = MonotonicTime::max();
};

}  // namespace secshr
