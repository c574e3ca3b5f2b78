#include "installation/programs.h"

#include <elf.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include "system/reopen.h"

namespace secshr {
namespace {

namespace fs = std::filesystem;

// Most of an installation are routines: no need to open those.
bool may_be_program(const fs::directory_entry& entry) {
  constexpr fs::perms executable = fs::perms::owner_exec | fs::perms::group_exec | fs::perms::others_exec;
  std::error_code unknown;
  const fs::file_status status = entry.symlink_status(unknown);
  const bool library = entry.path().filename().native().contains(".so");
  return fs::is_regular_file(status) && (library || (status.permissions() & executable) != fs::perms::none);
}

bool is_elf(int file) noexcept {
  std::array<char, SELFMAG> magic{};
  return ::pread(file, magic.data(), magic.size(), 0) == SELFMAG && std::memcmp(magic.data(), ELFMAG, SELFMAG) == 0;
}

// Invalid where it is no program. What was opened is what is looked at.
Descriptor open_program(const char* path) noexcept {
  Descriptor pin(::open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC));
  struct stat facts{};
  if (!pin || ::fstat(pin.get(), &facts) != 0 || !S_ISREG(facts.st_mode)) return {};
  const Descriptor file = reopen(pin.get(), O_RDONLY);
  return file && is_elf(file.get()) ? std::move(pin) : Descriptor();
}

}  // namespace

std::vector<Descriptor> open_programs(const std::string& directory) {
  std::vector<Descriptor> programs;
  std::error_code error;
  for (fs::directory_iterator entry(directory, error), end; !error && entry != end; entry.increment(error)) {
    if (!may_be_program(*entry)) continue;
    if (Descriptor program = open_program(entry->path().c_str())) programs.push_back(std::move(program));
  }
  return programs;
}

}  // namespace secshr
