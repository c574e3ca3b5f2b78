// Root's wish that the next start take over, though nothing has changed.
#pragma once

namespace secshr::test {

void ask_for_renewal();

}  // namespace secshr::test
