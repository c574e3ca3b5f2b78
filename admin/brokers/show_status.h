// A status in the forms in which it is shown.
#pragma once

#include <string>

#include "admin/brokers/status_view.h"

namespace secshr::admin {

std::string text_of(const Status& status);
std::string json_of(const Status& status);

}  // namespace secshr::admin
