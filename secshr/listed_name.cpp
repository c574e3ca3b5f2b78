#include "secshr/listed_name.h"

#include <unistd.h>

#include <array>
#include <cstddef>

#include "secshr/limits.h"
#include "system/read_lines.h"

namespace secshr {

// Reading it again from its start shows it as it is now. A list that is longer than the limit is not read to its end,
// so that nobody can keep the broker reading: the name may be in the rest.
bool is_listed(int table, std::string_view name) noexcept {
  if (::lseek(table, 0, SEEK_SET) != 0) return true;
  std::array<char, 16384> buffer{};
  std::size_t read = 0;
  const bool found = any_line(table, buffer, [&](std::string_view line) {
    read += line.size();
    return line.ends_with(name) || read > limits::listed_names_size;
  });
  return found || read == 0;
}

}  // namespace secshr
