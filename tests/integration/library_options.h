// How the tests open libsecshr for the adopted installation.
#pragma once

#include "client/include/secshr.h"
#include "tests/integration/broker_fixture.h"

namespace secshr::test {

inline secshr_options library_options() {
  secshr_options options{};
  options.size = sizeof options;
  options.profile = "gtm";
  options.installation = distribution.c_str();
  options.release = release.c_str();
  options.directory = tmp.c_str();
  return options;
}

}  // namespace secshr::test
