#include "secshr/privilege/syscall_filter.h"

#include <linux/seccomp.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
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

bool is_unconditional(const SyscallRow& row) noexcept {
  return std::ranges::all_of(row.arguments, [](const Argument& each) { return each.is == Argument::Is::anything; });
}

// The library does not say what comes of a call that has a row without conditions besides one with.
bool is_covered(const SyscallRow& row, std::span<const SyscallRow> rows) noexcept {
  return !is_unconditional(row) && std::ranges::any_of(rows, [&](const SyscallRow& other) {
    return other.number == row.number && is_unconditional(other);
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
std::expected<std::vector<sock_filter>, int> program_of(const Filter& filter) {
  const Descriptor file(::memfd_create("filter", MFD_CLOEXEC));
  if (!file) return std::unexpected(errno);
  if (const int error = seccomp_export_bpf(filter.get(), file.get()); error != 0) return std::unexpected(-error);
  const off_t size = ::lseek(file.get(), 0, SEEK_END);
  if (size <= 0) return std::unexpected(EIO);
  std::vector<sock_filter> program(static_cast<std::size_t>(size) / sizeof(sock_filter));
  if (::pread(file.get(), program.data(), static_cast<std::size_t>(size), 0) != size) return std::unexpected(EIO);
  return program;
}

std::expected<std::vector<sock_filter>, int> compile(std::uint32_t action, std::uint32_t otherwise,
                                                     std::span<const SyscallRow> rows, pid_t self) {
  const auto filter = make_filter(otherwise);
  if (!filter) return std::unexpected(filter.error());
  if (const int error = add_rows(*filter, action, rows, self); error != 0) return std::unexpected(error);
  return program_of(*filter);
}

// A call that no table has, and that tells whether there is a filter.
bool is_filtered() noexcept {
  return ::prctl(PR_GET_SECCOMP, 0, 0, 0, 0) == -1 && errno == ENOSYS;
}

}  // namespace

std::expected<SyscallFilter, int> SyscallFilter::allowing(std::span<const SyscallRow> rows, pid_t self) {
  auto program = compile(SCMP_ACT_ALLOW, SCMP_ACT_ERRNO(ENOSYS), rows, self);
  if (!program) return std::unexpected(program.error());
  return SyscallFilter(*std::move(program));
}

std::expected<SyscallFilter, int> SyscallFilter::killing(std::span<const SyscallRow> rows) {
  auto program = compile(SCMP_ACT_KILL_PROCESS, SCMP_ACT_ALLOW, rows, 0);
  if (!program) return std::unexpected(program.error());
  return SyscallFilter(*std::move(program));
}

bool SyscallFilter::load() const noexcept {
  const sock_fprog program{static_cast<unsigned short>(program_.size()), const_cast<sock_filter*>(program_.data())};
  return ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0;
}

const char* confine(Confined process, ActingAsRoot root) {
  const auto fatal = SyscallFilter::killing(fatal_calls(root));
  const auto allowed = SyscallFilter::allowing(allowed_calls(process), ::getpid());
  if (!fatal || !allowed) return "filter";
  // The fatal ones first: the second is the one that allows no third.
  if (!fatal->load() || !allowed->load()) return "filter-load";
  return is_filtered() ? nullptr : "filter-differs";
}

}  // namespace secshr
