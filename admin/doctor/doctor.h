// secshrctl doctor: looks at the whole installation as a security advisor would. Changes nothing.
#pragma once

#include "admin/failure.h"

namespace secshr::admin {

// Refused by nothing but not being root. Findings: a warning or an error that is not acknowledged; error: something
// could not be looked at.
Result<ExitStatus> run_doctor(bool as_json);

}  // namespace secshr::admin
