#include "secshr/privilege/compile_filter.h"

#include <seccomp.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <type_traits>

#include "system/descriptor.h"

namespace secshr {
namespace {

struct ReleaseFilter {
  void operator()(scmp_filter_ctx filter) const noexcept { seccomp_release(filter); }
};
using Filter = std::unique_ptr<std::remove_pointer_t<scmp_filter_ctx>, ReleaseFilter>;

// By number in a tree instead of one after the other.
constexpr std::uint32_t binary_tree = 2;

std::expected<Filter, int> make_filter(std::uint32_t otherwise) {
  Filter filter(seccomp_init(otherwise));
  if (!filter) return std::unexpected(ENOMEM);
  int error = seccomp_attr_set(filter.get(), SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
  if (error == 0) error = seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_OPTIMIZE, binary_tree);
  if (error != 0) return std::unexpected(-error);
  return filter;
}

scmp_arg_cmp comparison(const Argument& argument, pid_t self) noexcept {
  switch (argument.is) {
    case Argument::Is::equal:
      return {argument.index, SCMP_CMP_EQ, argument.value, 0};
    case Argument::Is::at_most:
      return {argument.index, SCMP_CMP_LE, argument.value, 0};
    case Argument::Is::masked:
      return {argument.index, SCMP_CMP_MASKED_EQ, argument.mask, argument.value};
    default:
      return {argument.index, SCMP_CMP_EQ, static_cast<std::uint64_t>(self), 0};
  }
}

std::vector<scmp_arg_cmp> comparisons(const SyscallRow& row, pid_t self) {
  std::vector<scmp_arg_cmp> all;
  for (const Argument& argument : row.arguments) {
    if (argument.is != Argument::Is::anything) all.push_back(comparison(argument, self));
  }
  return all;
}

// The library does not say what comes of a call that has a row without conditions besides one with.
bool is_covered(const SyscallRow& row, std::span<const SyscallRow> rows) noexcept {
  return !row.is_unconditional() && std::ranges::any_of(rows, [&](const SyscallRow& other) {
    return other.number == row.number && other.is_unconditional();
  });
}

int add_rows(const Filter& filter, std::uint32_t action, std::span<const SyscallRow> rows, pid_t self) {
  for (const SyscallRow& row : rows) {
    if (is_covered(row, rows)) continue;
    const auto compared = comparisons(row, self);
    const int error = seccomp_rule_add_exact_array(filter.get(), action, row.number,
                                                   static_cast<unsigned>(compared.size()), compared.data());
    // A row that is there twice, in two tables.
    if (error != 0 && error != -EEXIST) return -error;
  }
  return 0;
}

// The library gives a program away into a file only.
std::expected<FilterProgram, int> program_of(const Filter& filter) {
  const Descriptor file(::memfd_create("filter", MFD_CLOEXEC));
  if (!file) return std::unexpected(errno);
  if (const int error = seccomp_export_bpf(filter.get(), file.get()); error != 0) return std::unexpected(-error);
  const off_t size = ::lseek(file.get(), 0, SEEK_END);
  if (size <= 0) return std::unexpected(EIO);
  FilterProgram program(static_cast<std::size_t>(size) / sizeof(sock_filter));
  if (::pread(file.get(), program.data(), static_cast<std::size_t>(size), 0) != size) return std::unexpected(EIO);
  return program;
}

std::expected<FilterProgram, int> compile(std::uint32_t action, std::uint32_t otherwise,
                                          std::span<const SyscallRow> rows, pid_t self) {
  const auto filter = make_filter(otherwise);
  if (!filter) return std::unexpected(filter.error());
  if (const int error = add_rows(*filter, action, rows, self); error != 0) return std::unexpected(error);
  return program_of(*filter);
}

}  // namespace

std::expected<FilterProgram, int> compile_allowing(std::span<const SyscallRow> rows, pid_t self) {
  return compile(SCMP_ACT_ALLOW, SCMP_ACT_ERRNO(ENOSYS), rows, self);
}

std::expected<FilterProgram, int> compile_killing(std::span<const SyscallRow> rows) {
  return compile(SCMP_ACT_KILL_PROCESS, SCMP_ACT_ALLOW, rows, 0);
}

}  // namespace secshr
