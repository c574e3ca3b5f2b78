// A report of secshrctl doctor for people and for programs. Pure: the text is printed elsewhere.
#pragma once

#include <string>
#include <vector>

#include "admin/doctor/report.h"

namespace secshr::admin {

// What was looked at, by name.
struct Scope {
  std::vector<std::string> installations;
  std::vector<std::string> directories;  // of sockets
};

std::string text_of(const Report& report, const Scope& scope);
std::string json_of(const Report& report, const Scope& scope);

}  // namespace secshr::admin
