// secshrd: started by the wrapper, as root, with what wrapper/handoff.h describes. Nothing but the wrapper runs it.
#include <syslog.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "secshr/start/starter.h"

int main(int argc, char** argv) {
  const auto invoker = ::geteuid() == 0 && ::getuid() == 0
                           ? secshr::take_invoker({argv, static_cast<std::size_t>(argc)})
                           : std::nullopt;
  if (!invoker) {
    (void)std::fputs("secshrd is started by the wrapper gtmsecshr and not by hand\n", stderr);
    return EXIT_FAILURE;
  }
  return secshr::run_starter(*invoker);
}
