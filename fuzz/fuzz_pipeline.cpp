// The whole pipeline on a machine in memory: any bytes as a sequence of what clients send, what helpers answer, what
// processes and objects become, and of time; held to the one rule as fuzz/pipeline/specification.h states it. The
// steps are described in fuzz/pipeline/world.h, so that an input can be read and written by hand.
//
// And nothing stays open: the next descriptor afterwards is the one that it was before.
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "fuzz/pipeline/require.h"
#include "fuzz/pipeline/world.h"
#include "system/descriptor.h"

namespace {

int next_descriptor() {
  const secshr::Descriptor next(::dup(STDERR_FILENO));
  if (!next) std::abort();
  return next.get();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const int before = next_descriptor();
  secshr::pipeline::World(secshr::pipeline::StepInput(std::span(data, size))).run();
  secshr::pipeline::require(next_descriptor() == before, "no descriptor stays open");
  return 0;
}
