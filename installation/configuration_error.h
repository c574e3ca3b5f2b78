// What is wrong in a configuration file, and where: the one kind of failure of this library.
#pragma once

#include <string>

namespace secshr {

struct ConfigurationError {
  std::string file;
  unsigned line = 0;  // 0: the file as a whole
  unsigned column = 0;
  std::string what;
  bool is_missing = false;  // there is no such file
};

// "FILE:LINE:COLUMN: what", or "FILE: what" for the file as a whole.
std::string to_string(const ConfigurationError& error);

}  // namespace secshr
