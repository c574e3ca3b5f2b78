// Whether the broker and its helpers are as they were: the same processes, without a descriptor or a page more.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <map>
#include <ostream>
#include <vector>

namespace secshr::test {

struct VitalSigns {
  std::map<pid_t, std::size_t> descriptors;  // by process, broker and helpers
  long kilobytes = 0;                        // of memory of all together, shared pages once (Pss)
  std::vector<pid_t> zombies;                // of the whole world
  [[nodiscard]] std::size_t all_descriptors() const;
};
VitalSigns vital_signs();
std::ostream& operator<<(std::ostream& out, const VitalSigns& signs);

}  // namespace secshr::test
