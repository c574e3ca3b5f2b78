// Linked as secshrd is, and confined as its broker: ends in the way its argument says, "return" after an exception
// that was caught, "throw", "abort". What a library asks of the kernel on the way differs between a static program
// and others.
#include <unistd.h>

#include <cstdlib>
#include <stdexcept>
#include <string_view>

#include "secshr/privilege/least_privilege.h"
#include "secshr/privilege/syscall_filter.h"

namespace {

void fail() {
  throw std::runtime_error("broken");
}

int fail_and_go_on() {
  try {
    fail();
  } catch (const std::runtime_error&) {
    return 0;
  }
  return 1;
}

// NOLINTNEXTLINE(bugprone-exception-escape): which is what it is here for
void end_by_exception() noexcept {
  fail();
}

}  // namespace

int main(int argc, char** argv) {
  using namespace secshr;
  if (argc != 2) return 2;
  if (drop_privileges({"secshrd-test", 64191, broker_capabilities}) != nullptr) return 3;
  if (confine(Confined::broker, ActingAsRoot::refused) != nullptr) return 4;
  const std::string_view how(argv[1]);
  if (how == "throw") end_by_exception();
  if (how == "abort") std::abort();
  ::_exit(fail_and_go_on());  // with no more ado, as a sanitizer would make
}
