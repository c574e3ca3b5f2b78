#include "admin/run_program.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "system/descriptor.h"

namespace secshr::admin {
namespace {

// Into the caller's strings, which posix_spawn does not write to.
std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  pointers.reserve(texts.size() + 1);
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

class FileActions {
 public:
  FileActions() { (void)posix_spawn_file_actions_init(&actions_); }
  FileActions(const FileActions&) = delete;
  FileActions& operator=(const FileActions&) = delete;
  ~FileActions() { (void)posix_spawn_file_actions_destroy(&actions_); }
  [[nodiscard]] posix_spawn_file_actions_t* get() noexcept { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_{};
};

std::string contents_of(int file) {
  std::string text;
  std::array<char, 4096> part{};
  ssize_t got = 0;
  while ((got = pread(file, part.data(), part.size(), static_cast<off_t>(text.size()))) > 0) {
    text.append(part.data(), static_cast<std::size_t>(got));
  }
  return text;
}

}  // namespace

Result<ProgramEnd> run_program(const std::string& path, const std::vector<std::string>& arguments,
                               const std::vector<std::string>& environment, Output output) {
  std::vector<std::string> all{path};
  all.insert(all.end(), arguments.begin(), arguments.end());
  std::vector<std::string> variables = environment;
  FileActions actions;
  const Descriptor kept(output == Output::kept ? memfd_create("output", MFD_CLOEXEC) : -1);
  if (output == Output::kept) {
    if (!kept) return system_error("memory", "make a file in");
    (void)posix_spawn_file_actions_adddup2(actions.get(), kept.get(), STDOUT_FILENO);
    (void)posix_spawn_file_actions_addopen(actions.get(), STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  }
  pid_t child = -1;
  const auto argument_pointers = pointers_to(all);
  const auto variable_pointers = pointers_to(variables);
  if (const int failed = posix_spawn(&child, path.c_str(), actions.get(), nullptr, argument_pointers.data(),
                                     variable_pointers.data());
      failed != 0) {
    return error(fmt::format("{}: {}", path, std::strerror(failed)));
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) return system_error(path, "wait for");
  }
  return ProgramEnd{WIFEXITED(status) ? WEXITSTATUS(status) : -1, kept ? contents_of(kept.get()) : std::string()};
}

}  // namespace secshr::admin
