#include "secshr/start/invoker.h"

#include <fcntl.h>
#include <grp.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <string_view>

#include "system/local_file_system.h"
#include "system/open_resolved.h"

namespace secshr {
namespace {

std::optional<std::uint32_t> parse_id(std::string_view text) {
  std::uint32_t id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return id;
}

// Be the invoker for a moment, while still the starter. The effective capabilities go and come back with the
// effective uid, as the kernel does it by itself as long as no securebits say otherwise.
class AsInvoker {
 public:
  explicit AsInvoker(const Invoker& invoker) noexcept {
    ok_ = ::setgroups(invoker.groups.size(), invoker.groups.data()) == 0 && ::setegid(invoker.gid) == 0 &&
          ::seteuid(invoker.uid) == 0;
  }
  AsInvoker(const AsInvoker&) = delete;
  AsInvoker& operator=(const AsInvoker&) = delete;
  ~AsInvoker() {
    if (::seteuid(0) != 0 || ::setegid(0) != 0 || ::setgroups(0, nullptr) != 0) std::abort();
  }
  [[nodiscard]] bool ok() const noexcept { return ok_; }

 private:
  bool ok_ = false;
};

std::expected<Descriptor, DirectoryFault> open_as(const char* path, const Invoker& invoker) noexcept {
  const AsInvoker as_invoker(invoker);
  if (!as_invoker.ok()) return std::unexpected(DirectoryFault{"not-creatable", EPERM});
  Descriptor directory = open_resolved(AT_FDCWD, path, O_PATH | O_DIRECTORY, RESOLVE_NO_MAGICLINKS);
  if (!directory) {
    const int error = errno;
    const char* reason = error == ENOENT ? "missing" : error == ENOTDIR ? "not-a-directory" : "not-creatable";
    return std::unexpected(DirectoryFault{reason, error});
  }
  if (::syscall(SYS_faccessat2, directory.get(), "", W_OK | X_OK, AT_EACCESS | AT_EMPTY_PATH) != 0) {
    return std::unexpected(DirectoryFault{"not-creatable", errno});
  }
  return directory;
}

}  // namespace

std::optional<Invoker> take_invoker(std::span<char*> arguments) {
  if (arguments.size() != 4 || std::string_view(arguments[1]) != "--invoker") return std::nullopt;
  const auto uid = parse_id(arguments[2]);
  const auto gid = parse_id(arguments[3]);
  const int count = ::getgroups(0, nullptr);
  if (!uid || !gid || count < 0) return std::nullopt;
  Invoker invoker{*uid, *gid, std::vector<gid_t>(static_cast<std::size_t>(count))};
  if (::getgroups(count, invoker.groups.data()) != count || ::setgroups(0, nullptr) != 0) return std::nullopt;
  return invoker;
}

std::expected<Descriptor, DirectoryFault> open_served_directory(const std::string& path, const Invoker& invoker,
                                                                bool any_file_system) noexcept {
  if (!path.starts_with('/')) return std::unexpected(DirectoryFault{"not-absolute", EINVAL});
  auto directory = open_as(path.c_str(), invoker);
  if (directory && !any_file_system && !is_on_local_file_system(directory->get())) {
    return std::unexpected(DirectoryFault{"file-system", EPERM});
  }
  return directory;
}

}  // namespace secshr
