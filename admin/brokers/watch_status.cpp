// The live view: the status, drawn anew in place.
#include <fmt/format.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdio>
#include <string_view>

#include "admin/brokers/show_status.h"
#include "admin/brokers/status.h"
#include "admin/style.h"
#include "system/descriptor.h"

namespace secshr::admin {
namespace {

// The other screen of the terminal, without a cursor and without waiting for ends of lines; all as before at the end.
class Screen {
 public:
  Screen() {
    is_changed_ = ::tcgetattr(STDIN_FILENO, &before_) == 0;
    if (is_changed_) {
      termios raw = before_;
      raw.c_lflag &= static_cast<tcflag_t>(~(ICANON | ECHO));
      raw.c_cc[VSUSP] = _POSIX_VDISABLE;  // or whoever is next would have this screen
      (void)::tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    }
    // Lines that are too long are cut, so that the height can be counted in lines.
    fmt::print("\033[?1049h\033[?25l\033[?7l");
  }
  Screen(const Screen&) = delete;
  Screen& operator=(const Screen&) = delete;
  ~Screen() {
    fmt::print("\033[?7h\033[?25h\033[?1049l");
    (void)std::fflush(stdout);
    if (is_changed_) (void)::tcsetattr(STDIN_FILENO, TCSANOW, &before_);
  }

  // From the top, as much as there is room for, and below it the footer. Each line to its end, and nothing of what
  // was there below.
  static bool draw(std::string_view text, std::string_view footer) {
    std::string drawn = "\033[H";
    const std::size_t room = height() - 1;
    const auto lines = static_cast<std::size_t>(std::ranges::count(text, '\n'));
    std::size_t left = lines <= room ? lines : room;
    for (const char each : text) {
      if (left == 0) break;
      if (each == '\n') drawn += "\033[K";
      drawn += each;
      if (each == '\n') --left;
    }
    const std::string below = lines <= room ? "" : fmt::format("{} more lines; ", lines - room);
    fmt::print("{}{}\033[K\033[J", drawn, coloured(fmt::format("{}{}", below, footer), Colour::faint));
    return std::fflush(stdout) == 0;
  }

 private:
  static std::size_t height() noexcept {
    winsize size{};
    const bool is_known = ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0;
    return is_known ? size.ws_row : 24;
  }

  termios before_{};
  bool is_changed_ = false;
};

Descriptor take_interrupts() {
  sigset_t ends;
  (void)sigemptyset(&ends);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT}) (void)sigaddset(&ends, signal);
  if (sigprocmask(SIG_BLOCK, &ends, nullptr) != 0) return Descriptor();
  return Descriptor(::signalfd(-1, &ends, SFD_CLOEXEC));
}

// Until the interval has passed; false when it was interrupted, or told to quit by a q.
bool wait(int interrupts, std::chrono::milliseconds interval) {
  const auto until = std::chrono::steady_clock::now() + interval;
  while (true) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now()).count();
    if (left <= 0) return true;
    pollfd entries[] = {{interrupts, POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}};
    const int ready = ::poll(entries, 2, static_cast<int>(left));
    if (ready < 0 && errno != EINTR) return false;
    if (entries[0].revents != 0) return false;
    if (entries[1].revents == 0) continue;
    char key = 0;
    if (::read(STDIN_FILENO, &key, 1) != 1 || key == 'q') return false;
  }
}

}  // namespace

Result<ExitStatus> watch_status(std::chrono::milliseconds interval) {
  if (::isatty(STDOUT_FILENO) != 1 || ::isatty(STDIN_FILENO) != 1) {
    return std::unexpected(Failure{ExitStatus::usage, "--watch is for a terminal; elsewhere take secshrctl metrics"});
  }
  // Before the screen is changed: what is wrong from the beginning is to be read on the usual one.
  auto status = look_at_all();
  if (!status) return std::unexpected(status.error());
  const Descriptor interrupts = take_interrupts();
  if (!interrupts) return system_error("signals", "take");
  const Screen screen;
  do {
    if (!Screen::draw(text_of(*status), "q ends")) return ExitStatus::error;
    if (!wait(interrupts.get(), interval)) break;
    status = look_at_all();
  } while (status);
  return status ? Result<ExitStatus>(ExitStatus::fine) : std::unexpected(status.error());
}

}  // namespace secshr::admin
