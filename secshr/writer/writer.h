// The writer: gets a database file's read-only descriptor and puts 24 bytes into its header. It holds DAC_OVERRIDE,
// which makes it the most dangerous process here and therefore the smallest: it takes no name, from nobody.
#pragma once

#include "secshr/helper_pool.h"

namespace secshr {

// One worker's life: serves write requests from the channel until it closes.
void serve_writes(int channel, BusyMark& busy) noexcept;

}  // namespace secshr
