// What a start cannot do without. A machine may have taken capabilities from every program, root's too; a broker that
// lacked one would be told of as serving, and it or one of its helpers would end in the very next moment.
#pragma once

#include <string>

namespace secshr {

// The names of those of `bounding_capabilities` that this process does not hold, separated by blanks; empty: none.
[[nodiscard]] std::string missing_capabilities();

}  // namespace secshr
