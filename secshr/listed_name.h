// Whether the kernel's list of bound sockets has a name in it.
#pragma once

#include <string_view>

namespace secshr {

// `table` is an open /proc/…/net/unix. Any socket whose path ends so, wherever it lies: the table knows paths as they
// were bound, absolute or not, and no files. Where nobody can tell, it is there.
[[nodiscard]] bool is_listed(int table, std::string_view name) noexcept;

}  // namespace secshr
