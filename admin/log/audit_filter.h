// The filter that a command line of secshrctl audit asks for. What no line can have is a wrong command line, and not
// an empty answer.
#pragma once

#include "admin/failure.h"
#include "admin/log/audit.h"
#include "admin/log/log_filter.h"
#include "admin/log/log_time.h"

namespace secshr::admin {

Result<LogFilter> make_filter(const AuditRequest& request, LogTime now);

}  // namespace secshr::admin
