// Datagram sockets of the UNIX domain, addressed by descriptors: what a name stood for when it was looked up is what
// is connected to, and a directory's own path, which may be long or gone, is never needed.
#pragma once

#include <sys/un.h>

#include "system/descriptor.h"

namespace secshr {

// Nonblocking, not inherited; invalid with errno set where there is none to be had.
[[nodiscard]] Descriptor make_datagram_socket() noexcept;

// `directory` is a descriptor.
[[nodiscard]] sockaddr_un address_in(int directory, const char* name) noexcept;

// Connects to the very socket file that `file`, an O_PATH descriptor, stands for: 0, or an errno. After an error the
// socket is connected as it was before.
[[nodiscard]] int connect_to_file(int socket, int file) noexcept;
void disconnect(int socket) noexcept;

}  // namespace secshr
