// What the semaphore sets and segments themselves say about ids that go into a database header or come out of it,
// whoever asks. Asked twice: for the decision, and by the writer directly before it writes.
#pragma once

#include <optional>

#include "protocol/request.h"
#include "secshr/ipc_objects.h"
#include "secshr/outcome.h"

namespace secshr {

// How many may be attached to the segment that a header names while its ids are taken out: nobody, or one process,
// which was shown to be the requester.
enum class Attached : bool { nobody, requester };

// nullopt: nothing about the objects forbids to replace `found` by `wanted`. `attached` counts where that is closing.
[[nodiscard]] std::optional<Denied> denial_by_objects(IpcObjects& objects, const protocol::IpcIds& wanted,
                                                      const protocol::IpcIds& found, Attached attached) noexcept;

}  // namespace secshr
