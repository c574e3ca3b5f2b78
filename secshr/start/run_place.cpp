#include "secshr/start/run_place.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "secshr_paths.h"
#include "system/namespaces.h"

namespace secshr {
namespace {

// Says whose the place is, for as long as /run lives.
constexpr char owners_name[] = "namespaces";

// Appears whole or not at all, and only where nobody was faster. 0, or an errno.
int write_owners(int directory, const std::string& owners) {
  // Told from those of all other starters, of which one that was killed may have left its own.
  const std::string unfinished = fmt::format(".{}.{}.{}", owners_name, owners, ::getpid());
  (void)::unlinkat(directory, unfinished.c_str(), 0);
  const Descriptor file(::openat(directory, unfinished.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  if (!file) return errno;
  int error = ::write(file.get(), owners.data(), owners.size()) == static_cast<ssize_t>(owners.size()) ? 0 : EIO;
  if (error == 0 && ::linkat(directory, unfinished.c_str(), directory, owners_name, 0) != 0) error = errno;
  (void)::unlinkat(directory, unfinished.c_str(), 0);
  return error == EEXIST ? 0 : error;
}

std::expected<std::string, int> read_owners(int directory) {
  const Descriptor file(::openat(directory, owners_name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  std::array<char, 256> text{};
  const ssize_t size = file ? ::read(file.get(), text.data(), text.size()) : -1;
  if (size < 0) return std::unexpected(errno);
  return std::string(text.data(), static_cast<std::size_t>(size));
}

std::expected<std::string, int> owners_of(int directory, const std::string& ours) {
  auto owners = read_owners(directory);
  if (owners || owners.error() != ENOENT) return owners;
  if (const int error = write_owners(directory, ours); error != 0) return std::unexpected(error);
  return read_owners(directory);
}

}  // namespace

std::expected<Descriptor, PlaceFault> open_run_place(const std::string& installation) {
  auto place = open_place(paths::run, installation);
  if (!place) return place;
  const std::string path = fmt::format("{}/{}", paths::run, installation);
  const std::string ours = namespaces_of("self");
  if (ours.empty()) return std::unexpected(PlaceFault{"/proc/self/ns", std::strerror(errno)});
  const auto owners = owners_of(place->get(), ours);
  if (!owners) return std::unexpected(PlaceFault{path + "/" + owners_name, std::strerror(owners.error())});
  return *owners == ours ? std::move(place) : open_place(path, ours);
}

}  // namespace secshr
