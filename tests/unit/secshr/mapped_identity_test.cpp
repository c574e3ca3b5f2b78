// Every file system that the kernel can keep a segment in is known, whether or not the machine has huge pages to
// give.
#include "secshr/looker/mapped_identity.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

#include "system/descriptor.h"
#include "system/read_lines.h"

namespace secshr {
namespace {

// The sizes in bytes that this kernel has, each in a directory of its own: hugepages-2048kB.
std::vector<std::size_t> huge_page_sizes() {
  std::vector<std::size_t> sizes;
  std::error_code none;
  for (const auto& entry : std::filesystem::directory_iterator("/sys/kernel/mm/hugepages", none)) {
    const std::string name = entry.path().filename();
    const auto digits = name.find_first_of("0123456789");
    std::size_t kilobytes = 0;
    if (digits == std::string::npos) continue;
    (void)std::from_chars(name.data() + digits, name.data() + name.size(), kilobytes);
    sizes.push_back(kilobytes * 1024);
  }
  return sizes;
}

using Line = std::array<char, 8192>;

// How our own maps name what is mapped at that address; the path lies in the line.
std::optional<MappedFile> mapped_at(const void* address, Line& line) {
  std::array<char, 32> start{};
  (void)std::snprintf(start.data(), start.size(), "%lx-", reinterpret_cast<unsigned long>(address));
  const Descriptor maps(::open("/proc/self/maps", O_RDONLY | O_CLOEXEC));
  std::optional<MappedFile> found;
  (void)any_line(maps.get(), line, [&](std::string_view each) {
    if (each.starts_with(start.data())) found = parse_maps_line(each);
    return found.has_value();
  });
  return found;
}

bool is_known(const std::vector<MappedFile>& known, const MappedFile& mapping) {
  return std::ranges::any_of(known, [&](const MappedFile& each) { return same_device(each, mapping); });
}

TEST(KernelsOwnFileSystems, are_the_one_of_segments_and_one_for_each_size_of_huge_pages) {
  const auto known = kernels_own_file_systems();
  EXPECT_EQ(known.size(), 1 + huge_page_sizes().size());
  for (const MappedFile& each : known) {
    EXPECT_EQ(std::ranges::count_if(known, [&](const MappedFile& other) { return same_device(each, other); }), 1);
  }
  const int id = ::shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600);
  ASSERT_GE(id, 0);
  void* const start = ::shmat(id, nullptr, SHM_RDONLY);
  EXPECT_EQ(::shmctl(id, IPC_RMID, nullptr), 0);
  ASSERT_NE(reinterpret_cast<std::intptr_t>(start), -1);
  Line line{};
  const auto mapping = mapped_at(start, line);
  ASSERT_TRUE(mapping);
  EXPECT_TRUE(shows_segment(*mapping, known, id));
  EXPECT_FALSE(shows_segment(*mapping, known, id + 1));
  (void)::shmdt(start);
}

// A segment of huge pages takes privilege; a file in memory lies on the same file system and takes none.
TEST(KernelsOwnFileSystems, have_those_of_huge_pages_though_none_is_set_aside) {
  const auto known = kernels_own_file_systems();
  for (const std::size_t size : huge_page_sizes()) {
    SCOPED_TRACE(size);
    const auto size_flag = static_cast<unsigned>(std::countr_zero(size)) << MAP_HUGE_SHIFT;
    const Descriptor file(::memfd_create("SYSV00000000", MFD_CLOEXEC | MFD_HUGETLB | size_flag));
    ASSERT_TRUE(file);
    ASSERT_EQ(::ftruncate(file.get(), static_cast<off_t>(size)), 0);
    void* const start = ::mmap(nullptr, size, PROT_READ, MAP_SHARED | MAP_NORESERVE, file.get(), 0);
    ASSERT_NE(start, MAP_FAILED);
    Line line{};
    const auto mapping = mapped_at(start, line);
    ASSERT_TRUE(mapping);
    EXPECT_TRUE(is_known(known, *mapping));
    EXPECT_FALSE(shows_segment(*mapping, known, static_cast<std::int32_t>(mapping->inode))) << mapping->path;
    (void)::munmap(start, size);
  }
}

// Anybody can make files of any name there.
TEST(KernelsOwnFileSystems, are_not_those_that_are_mounted) {
  const auto known = kernels_own_file_systems();
  for (const char* path : {"/proc/self/exe", "/etc/passwd"}) {
    const Descriptor file(::open(path, O_RDONLY | O_CLOEXEC));
    ASSERT_TRUE(file) << path;
    void* const start = ::mmap(nullptr, 4096, PROT_READ, MAP_PRIVATE, file.get(), 0);
    ASSERT_NE(start, MAP_FAILED) << path;
    Line line{};
    const auto mapping = mapped_at(start, line);
    ASSERT_TRUE(mapping) << path;
    EXPECT_FALSE(is_known(known, *mapping)) << path;
    (void)::munmap(start, 4096);
  }
}

}  // namespace
}  // namespace secshr
