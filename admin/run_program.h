// Running another program to its end.
#pragma once

#include <string>
#include <vector>

#include "admin/failure.h"

namespace secshr::admin {

struct ProgramEnd {
  int status = -1;     // of its exit; -1 where a signal ended it
  std::string output;  // what it wrote to its standard output, where that was asked for
};

enum class Output { shown, kept };  // kept: and what it says of errors is nobody's concern

// The absolute path, the arguments after it, and the whole environment.
Result<ProgramEnd> run_program(const std::string& path, const std::vector<std::string>& arguments,
                               const std::vector<std::string>& environment, Output output);

}  // namespace secshr::admin
