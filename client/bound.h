// Whether somebody is bound to a socket file.
#pragma once

#include <sys/un.h>

namespace secshr::client {

// 0: somebody is. ECONNREFUSED: nobody, or it is no socket. Another errno value: it cannot be told, for that reason.
[[nodiscard]] int look_whether_bound(const sockaddr_un& address) noexcept;

// The address of the file that a descriptor stands for, whatever has become of its name.
[[nodiscard]] sockaddr_un address_of_file(int file) noexcept;

// Whether the error is this process's own want, which says nothing about anything that was asked for.
[[nodiscard]] bool is_shortage(int error) noexcept;

}  // namespace secshr::client
