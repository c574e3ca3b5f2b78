// What the tests of the counters page have in common: a directory of their own, and counters that look consistent
// only when they are.
#pragma once

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "counters/counters_page.h"
#include "system/descriptor.h"

namespace secshr {

using CounterWords = std::array<std::uint64_t, counters_words>;

class ScratchDirectory {
 public:
  ScratchDirectory() {
    path_ = std::filesystem::temp_directory_path() / "secshr_counters_XXXXXX";
    if (::mkdtemp(path_.data()) == nullptr) std::abort();
    descriptor_.reset(::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  }
  ScratchDirectory(const ScratchDirectory&) = delete;
  ScratchDirectory& operator=(const ScratchDirectory&) = delete;
  ~ScratchDirectory() { std::filesystem::remove_all(path_); }

  [[nodiscard]] int descriptor() const { return descriptor_.get(); }
  [[nodiscard]] std::string path(const std::string& name = counters_page::file_name) const {
    return path_ + "/" + name;
  }
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(path(name), std::ios::binary) << text;
  }
  [[nodiscard]] std::string read(const std::string& name = counters_page::file_name) const {
    std::ifstream file(path(name), std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  [[nodiscard]] bool has(const std::string& name) const {
    return std::filesystem::exists(std::filesystem::symlink_status(path(name)));
  }

 private:
  std::string path_;
  Descriptor descriptor_;
};

// Every word of it this number.
inline Counters all(std::uint64_t number) {
  CounterWords words{};
  words.fill(number);
  return std::bit_cast<Counters>(words);
}
inline bool all_equal(const Counters& counters) {
  const auto words = std::bit_cast<CounterWords>(counters);
  return std::ranges::all_of(words, [&](std::uint64_t word) { return word == words[0]; });
}

// The words of a page's file.
inline std::string bytes_of(std::uint64_t word) {
  std::string bytes;
  for (unsigned shift = 0; shift < 64; shift += 8) bytes += static_cast<char>(word >> shift & 0xFFU);
  return bytes;
}

}  // namespace secshr
