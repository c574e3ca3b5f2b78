#include "secshr/operations/remove_socket.h"

namespace secshr {

Outcome remove_socket(Kernel& kernel, const Permit<SocketRemoval>& permit) noexcept {
  const SocketRemoval& removal = permit.what();
  return outcome_of(kernel.remove_socket(removal.directory, removal.name.c_str(), removal.rights, removal.facts));
}

}  // namespace secshr
