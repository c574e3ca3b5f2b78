#include "secshr/looker/mapped_identity.h"

#include <fcntl.h>
#include <sys/mman.h>

#include <array>
#include <cstdio>
#include <string_view>
#include <utility>

#include "installation/programs.h"
#include "system/descriptor.h"
#include "system/read_lines.h"
#include "system/reopen.h"

namespace secshr {
namespace {

constexpr std::size_t page = 4096;

// A page of a file, or of anonymous shared memory, for as long as it is looked at.
class MappedPage {
 public:
  MappedPage(int flags, int file, std::size_t size = page) noexcept
      : size_(size), start_(::mmap(nullptr, size, PROT_READ, flags, file, 0)) {}
  MappedPage(const MappedPage&) = delete;
  MappedPage& operator=(const MappedPage&) = delete;
  ~MappedPage() {
    if (start_ != MAP_FAILED) (void)::munmap(start_, size_);
  }
  // As our own maps name what is mapped there.
  [[nodiscard]] std::optional<MappedFile> identity() const noexcept {
    if (start_ == MAP_FAILED) return std::nullopt;
    const Descriptor maps(::open("/proc/self/maps", O_RDONLY | O_CLOEXEC));
    if (!maps) return std::nullopt;
    std::array<char, 32> text{};
    const int length = std::snprintf(text.data(), text.size(), "%lx-", reinterpret_cast<unsigned long>(start_));
    const std::string_view start(text.data(), static_cast<std::size_t>(length));
    std::optional<MappedFile> found;
    std::array<char, 8192> buffer{};
    (void)any_line(maps.get(), buffer, [&](std::string_view line) {
      if (line.starts_with(start)) found = parse_maps_line(line);
      return found.has_value();
    });
    if (found) found->path = {};
    return found;
  }

 private:
  std::size_t size_;
  void* start_;
};

// Never touched and nothing reserved for it, so that it can be had where no huge page is free, or none was ever set
// aside.
std::optional<MappedFile> identity_of_huge_page(unsigned size_bits) noexcept {
  const int flags =
      MAP_SHARED | MAP_ANONYMOUS | MAP_HUGETLB | MAP_NORESERVE | static_cast<int>(size_bits << MAP_HUGE_SHIFT);
  return MappedPage(flags, -1, std::size_t{1} << size_bits).identity();
}

}  // namespace

std::vector<MappedFile> kernels_own_file_systems() {
  const auto tmpfs = MappedPage(MAP_SHARED | MAP_ANONYMOUS, -1).identity();
  if (!tmpfs) return {};
  std::vector<MappedFile> found{*tmpfs};
  // 2 MiB and 1 GiB, all that x86-64 has. A size that this machine or kernel does not have is of no segment either.
  for (const unsigned size_bits : {21U, 30U}) {
    if (const auto huge = identity_of_huge_page(size_bits)) found.push_back(*huge);
  }
  return found;
}

std::vector<Program> installation_programs(const std::string& directory) {
  std::vector<Program> programs;
  for (Descriptor& pin : open_programs(directory)) {
    const Descriptor file = reopen(pin.get(), O_RDONLY);
    const auto identity = file ? MappedPage(MAP_PRIVATE, file.get()).identity() : std::nullopt;
    if (identity) programs.push_back({*identity, std::move(pin)});
  }
  return programs;
}

}  // namespace secshr
