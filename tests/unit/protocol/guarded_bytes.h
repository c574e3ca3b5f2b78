// Bytes that end where an unmapped page begins: one byte read beyond them is a fault, in any build.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <span>
#include <stdexcept>

namespace secshr::protocol::test {

class GuardedBytes {
 public:
  explicit GuardedBytes(std::span<const std::byte> bytes) : size_(bytes.size()) {
    const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    const std::size_t usable = (size_ / page + 1) * page;
    length_ = usable + page;
    mapping_ = ::mmap(nullptr, length_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapping_ == MAP_FAILED) throw std::runtime_error("mmap");
    auto* base = static_cast<std::byte*>(mapping_);
    if (::mprotect(base + usable, page, PROT_NONE) != 0) throw std::runtime_error("mprotect");
    begin_ = base + usable - size_;
    std::ranges::copy(bytes, begin_);
  }
  GuardedBytes(const GuardedBytes&) = delete;
  GuardedBytes& operator=(const GuardedBytes&) = delete;
  ~GuardedBytes() { (void)::munmap(mapping_, length_); }

  [[nodiscard]] std::span<const std::byte> view() const noexcept { return {begin_, size_}; }

 private:
  std::size_t size_;
  std::size_t length_ = 0;
  void* mapping_ = nullptr;
  std::byte* begin_ = nullptr;
};

}  // namespace secshr::protocol::test
