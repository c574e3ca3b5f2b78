// Becoming the broker of an installation: in an empty place, in that of one that is to be renewed or does not serve
// the invoker's directory, or in that of one that no longer answers. Or finding out that nothing is to be done.
#pragma once

#include "secshr/start/invoker.h"
#include "secshr/start/log_copy.h"
#include "secshr/start/plan.h"

namespace secshr {

// `signals` as in Loop. Comes back when another broker serves, when it failed, or when this one has ended.
[[nodiscard]] Started<StartStatus> take_place(Plan& plan, const Invoker& invoker, int signals, Logs& logs);

}  // namespace secshr
