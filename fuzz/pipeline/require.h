// What ends a fuzzer's run, and says why.
#pragma once

#include <cstdio>
#include <cstdlib>

namespace secshr::pipeline {

inline void require(bool holds, const char* what) {
  if (holds) return;
  (void)std::fprintf(stderr, "specification violated: %s\n", what);
  std::abort();
}

}  // namespace secshr::pipeline
