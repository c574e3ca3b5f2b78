// A program that asks, gives up at once, executes itself and asks something else: the same process to the broker,
// whose answer to the first question comes when the second one waits. asks_again INSTALLATION RELEASE DIRECTORY SEMID
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "client/include/secshr.h"

int main(int argc, char** argv) {
  if (argc < 5) return 120;
  const bool is_again = argc > 5;
  secshr_options options{};
  options.size = sizeof options;
  options.profile = "gtm";
  options.installation = argv[1];
  options.release = argv[2];
  options.directory = argv[3];
  options.reply_timeout_ms = is_again ? 0 : 50;
  options.attempts = is_again ? 0 : 1;
  secshr_t* handle = nullptr;
  if (secshr_open(&handle, &options) != 0) return 121;
  if (is_again) return -secshr_remove_semaphore(handle, std::atoi(argv[4]));
  if (secshr_ping(handle) != -ETIMEDOUT) return 122;
  char again[] = "again";
  char* arguments[] = {argv[0], argv[1], argv[2], argv[3], argv[4], again, nullptr};
  (void)::execv("/proc/self/exe", arguments);
  return 123;
}
