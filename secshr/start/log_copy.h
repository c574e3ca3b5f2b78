// The audit log's file, and the copy of it that the invoking user's $gtm_log asks for.
#pragma once

#include <string>

#include "secshr/start/invoker.h"
#include "secshr/start/plan.h"
#include "system/descriptor.h"

namespace secshr {

struct Logs {
  Descriptor log;
  Descriptor copy;           // none where nobody asked, or where it was refused
  std::string copy_refused;  // why
};

// As root: a file of root's own, in the directory that the environment names, provided that the invoker could create
// a file there. Whoever may write to that directory can take the copy away, but neither read nor change it.
void open_log_copy(const Plan& plan, const Invoker& invoker, Logs& logs);

}  // namespace secshr
