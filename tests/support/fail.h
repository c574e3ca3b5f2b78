// What a test cannot go on without has failed; errno says why.
#pragma once

#include <cerrno>
#include <string>
#include <system_error>

namespace secshr::test {

[[noreturn]] inline void fail(const std::string& what) {
  throw std::system_error(errno, std::generic_category(), what);
}

}  // namespace secshr::test
