#include "secshr/start/tell_wrapper.h"

#include <sys/socket.h>
#include <unistd.h>

namespace secshr {

void tell_wrapper(StartStatus status) noexcept {
  const auto byte = static_cast<unsigned char>(status);
  (void)::send(readiness_descriptor, &byte, 1, MSG_NOSIGNAL);
  (void)::close(readiness_descriptor);
}

}  // namespace secshr
