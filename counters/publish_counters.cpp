#include "counters/publish_counters.h"

#include <endian.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <bit>
#include <cerrno>
#include <utility>

#include "counters/map_file.h"
#include "system/descriptor.h"

namespace secshr {
namespace {

namespace page = counters_page;

constexpr const char* unfinished_name = "counters.new";

void store(std::uint64_t& word, std::uint64_t value, std::memory_order order) noexcept {
  std::atomic_ref(word).store(htole64(value), order);
}

}  // namespace

std::expected<CountersPage, int> CountersPage::create(int directory, const Counters& first) noexcept {
  // What a starter that was killed has left.
  if (::unlinkat(directory, unfinished_name, 0) != 0 && errno != ENOENT) return std::unexpected(errno);
  const Descriptor file(
      ::openat(directory, unfinished_name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC, 0600));
  if (!file) return std::unexpected(errno);
  const auto fail = [directory](int error) {
    (void)::unlinkat(directory, unfinished_name, 0);
    return std::unexpected(error);
  };
  // With its blocks: a store into a hole is a signal once the file system is full.
  if (const int error = ::posix_fallocate(file.get(), 0, page::size)) return fail(error);
  if (::fchmod(file.get(), 0644) != 0) return fail(errno);
  auto region = map_file(file.get(), page::size, boost::interprocess::read_write);
  if (!region) return fail(region.error());

  auto* const words = static_cast<std::uint64_t*>(region->get_address());
  words[page::magic_word] = htole64(page::magic);
  words[page::version_word] = htole64(page::version);
  words[page::size_word] = htole64(page::size);
  CountersPage made(*std::move(region));
  made.publish(first);
  if (::renameat(directory, unfinished_name, directory, page::file_name) != 0) return fail(errno);
  return made;
}

void CountersPage::publish(const Counters& counters) noexcept {
  auto* const words = static_cast<std::uint64_t*>(region_.get_address());
  if (words == nullptr) return;
  store(words[page::sequence_word], sequence_ + 1, std::memory_order_relaxed);
  // A reader that sees any of the words that follow sees this odd number, too, when it looks again.
  std::atomic_thread_fence(std::memory_order_release);
  auto* next = words + page::first_counter;
  for (const auto value : std::bit_cast<std::array<std::uint64_t, counters_words>>(counters)) {
    store(*next++, value, std::memory_order_relaxed);
  }
  sequence_ += 2;
  store(words[page::sequence_word], sequence_, std::memory_order_release);
}

}  // namespace secshr
