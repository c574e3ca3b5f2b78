// What a system call filter would say of a call, without a kernel: an interpreter of the few instructions that
// filters are made of.
#pragma once

#include <linux/filter.h>
#include <linux/seccomp.h>

#include <cstdint>
#include <span>

namespace secshr::test {

// SECCOMP_RET_* with its data. Throws where the program does what no loaded filter could: an unknown instruction, a
// jump or a read out of bounds, an end without a word.
std::uint32_t evaluate_filter(std::span<const sock_filter> program, const seccomp_data& call);

}  // namespace secshr::test
