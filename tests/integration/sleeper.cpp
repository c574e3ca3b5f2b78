// A process to be woken and continued. It does as its arguments say, and stops itself when it is ready:
//
//   caught | ignored | default          what SIGALRM does: caught, the process exits with 14
//   [named NAME]                        what it calls itself
//   [executable FILE | readable FILE]   how it maps a file
//
// It has a second thread, and it is static: nothing of it but itself is mapped.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <csignal>
#include <string_view>
#include <thread>

namespace {

bool arrange_alarm(std::string_view what) {
  if (what == "caught") return std::signal(SIGALRM, [](int) { ::_exit(14); }) != SIG_ERR;
  return std::signal(SIGALRM, what == "ignored" ? SIG_IGN : SIG_DFL) != SIG_ERR;
}

bool map(const char* path, int protection) {
  const int file = ::open(path, O_RDONLY | O_CLOEXEC);
  return file >= 0 && ::mmap(nullptr, 4096, protection, MAP_PRIVATE, file, 0) != MAP_FAILED;
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 2 || !arrange_alarm(arguments[1])) return 3;
  for (int index = 2; index + 1 < count; index += 2) {
    const std::string_view what = arguments[index];
    const char* const which = arguments[index + 1];
    if (what == "named" && ::prctl(PR_SET_NAME, which) != 0) return 4;
    if (what == "executable" && !map(which, PROT_READ | PROT_EXEC)) return 5;
    if (what == "readable" && !map(which, PROT_READ)) return 6;
  }
  const std::thread second([] {
    while (true) (void)::pause();
  });
  if (std::raise(SIGSTOP) != 0) return 7;
  while (true) (void)::pause();
}
