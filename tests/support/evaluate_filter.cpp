#include "tests/support/evaluate_filter.h"

#include <cstring>
#include <stdexcept>

namespace secshr::test {
namespace {

std::uint32_t load_word(const seccomp_data& call, std::uint32_t offset) {
  if (offset % 4 != 0 || offset > sizeof call - 4) throw std::runtime_error("reads beside the call");
  std::uint32_t word = 0;
  std::memcpy(&word, reinterpret_cast<const char*>(&call) + offset, sizeof word);
  return word;
}

bool compare(std::uint16_t code, std::uint32_t accumulator, std::uint32_t value) {
  switch (code) {
    case BPF_JMP | BPF_JEQ | BPF_K:
      return accumulator == value;
    case BPF_JMP | BPF_JGT | BPF_K:
      return accumulator > value;
    case BPF_JMP | BPF_JGE | BPF_K:
      return accumulator >= value;
    case BPF_JMP | BPF_JSET | BPF_K:
      return (accumulator & value) != 0;
    default:
      throw std::runtime_error("unknown instruction");
  }
}

}  // namespace

std::uint32_t evaluate_filter(std::span<const sock_filter> program, const seccomp_data& call) {
  std::uint32_t accumulator = 0;
  for (std::size_t at = 0; at < program.size(); ++at) {
    const auto& [code, if_true, if_false, value] = program[at];
    switch (code) {
      case BPF_LD | BPF_W | BPF_ABS:
        accumulator = load_word(call, value);
        break;
      case BPF_ALU | BPF_AND | BPF_K:
        accumulator &= value;
        break;
      case BPF_JMP | BPF_JA:
        at += value;
        break;
      case BPF_RET | BPF_K:
        return value;
      default:
        at += compare(code, accumulator, value) ? if_true : if_false;
    }
  }
  throw std::runtime_error("ends without a word");
}

}  // namespace secshr::test
