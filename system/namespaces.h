// In which namespaces a process lives, of those that decide whom a broker can serve: those whose processes, System V
// objects, files and sockets it sees.
#pragma once

#include <string>

namespace secshr {

// One word, the same for all that share them. `process`: a pid, or "self". Empty, with errno set: there is no
// telling.
[[nodiscard]] std::string namespaces_of(const std::string& process);

}  // namespace secshr
