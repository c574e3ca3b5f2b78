#include "counters/read_counters.h"

#include <endian.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <bit>
#include <cerrno>
#include <chrono>
#include <optional>
#include <thread>

#include "counters/map_file.h"
#include "system/descriptor.h"

namespace secshr {
namespace {

namespace page = counters_page;

// A writer that lost the processor in the middle has it again within this.
constexpr std::chrono::milliseconds patience{200};
constexpr std::chrono::milliseconds between_rounds{1};
// One that writes all the time leaves a gap within so many.
constexpr unsigned attempts_per_round = 100;

std::uint64_t load(const std::uint64_t& word, std::memory_order order) noexcept {
  // The library's reference takes no const object; a load writes nothing.
  return le64toh(std::atomic_ref(const_cast<std::uint64_t&>(word)).load(order));
}

// Nothing where the writer was at it meanwhile.
std::optional<Counters> read_once(std::span<const std::uint64_t> words) noexcept {
  const auto before = load(words[page::sequence_word], std::memory_order_acquire);
  if (before % 2 != 0) return std::nullopt;
  std::array<std::uint64_t, counters_words> copy{};
  const auto* next = words.data() + page::first_counter;
  for (auto& word : copy) word = load(*next++, std::memory_order_relaxed);
  std::atomic_thread_fence(std::memory_order_acquire);
  if (load(words[page::sequence_word], std::memory_order_relaxed) != before) return std::nullopt;
  return std::bit_cast<Counters>(copy);
}

bool has_layout(std::span<const std::uint64_t> words) noexcept {
  return words.size() == page::words && le64toh(words[page::magic_word]) == page::magic &&
         le64toh(words[page::version_word]) == page::version && le64toh(words[page::size_word]) == page::size;
}

// 0, or why such a file is not to be mapped.
int fault_of(const struct stat& file) noexcept {
  if (!S_ISREG(file.st_mode)) return EINVAL;
  if ((file.st_uid != 0 && file.st_uid != ::geteuid()) || (file.st_mode & (S_IWGRP | S_IWOTH)) != 0) return EPERM;
  return file.st_size == static_cast<off_t>(page::size) ? 0 : EBADMSG;
}

}  // namespace

std::expected<Counters, int> read_counters_page(std::span<const std::uint64_t> words) noexcept {
  if (!has_layout(words)) return std::unexpected(EBADMSG);
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (true) {
    for (unsigned attempt = 0; attempt < attempts_per_round; ++attempt) {
      if (const auto counters = read_once(words)) return *counters;
    }
    if (std::chrono::steady_clock::now() >= deadline) return std::unexpected(EAGAIN);
    std::this_thread::sleep_for(between_rounds);
  }
}

std::expected<Counters, int> read_counters(const std::string& path) noexcept {
  // Looked at before it is opened for reading: a FIFO would wait, a device might act.
  const Descriptor file(::open(path.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  struct stat facts{};
  if (!file || ::fstat(file.get(), &facts) != 0) return std::unexpected(errno);
  if (const int fault = fault_of(facts)) return std::unexpected(fault);
  const auto region = map_file(file.get(), counters_page::size, boost::interprocess::read_only);
  if (!region) return std::unexpected(region.error());
  return read_counters_page({static_cast<const std::uint64_t*>(region->get_address()), counters_page::words});
}

}  // namespace secshr
