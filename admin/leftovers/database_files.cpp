#include "admin/leftovers/database_files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <set>
#include <span>
#include <utility>

#include "admin/leftovers/directory_names.h"
#include "protocol/database_header.h"
#include "protocol/server_key.h"
#include "secshr/audit/logfmt.h"
#include "system/descriptor.h"
#include "system/open_resolved.h"
#include "system/path_of.h"
#include "system/reopen.h"

namespace secshr::admin {
namespace {

// Each level keeps a descriptor open.
constexpr int deepest = 64;

class Search {
 public:
  void add_file(const std::string& path) {
    const Descriptor file = open_resolved(AT_FDCWD, path.c_str(), O_PATH, RESOLVE_NO_MAGICLINKS);
    if (!file) return not_seen(path, std::strerror(errno));
    if (const auto fault = add_database(file.get(), path_of(file.get()))) not_seen(path, *fault);
  }
  void add_directory(const std::string& path) {
    const Descriptor directory = open_resolved(AT_FDCWD, path.c_str(), O_PATH | O_DIRECTORY, RESOLVE_NO_MAGICLINKS);
    if (!directory) return not_seen(path, std::strerror(errno));
    go_through(directory.get(), path_of(directory.get()), deepest);
  }
  DatabaseSearch take() {
    std::ranges::sort(result_.found, {}, &DatabaseFile::path);
    return std::move(result_);
  }

 private:
  void not_seen(const std::string& path, std::string_view why) {
    result_.not_seen.push_back(fmt::format("{}: {}", log_value(path), why));
  }

  // `file` is an O_PATH descriptor. Why it is none; nothing where it is one.
  std::optional<std::string> add_database(int file, const std::string& path) {
    struct stat facts{};
    if (::fstat(file, &facts) != 0) return std::strerror(errno);
    if (!S_ISREG(facts.st_mode)) return "is no regular file";
    // Without waiting: somebody may hold a lease on it.
    const Descriptor opened = reopen(file, O_RDONLY | O_NONBLOCK);
    if (!opened) return std::strerror(errno);
    std::array<std::byte, protocol::inspected_size> bytes{};
    const ssize_t size = ::pread(opened.get(), bytes.data(), bytes.size(), 0);
    if (size < 0) return std::strerror(errno);
    const auto header = protocol::parse_database_header(std::span(bytes).first(static_cast<std::size_t>(size)));
    if (!header) return "is no database file of GT.M or YottaDB";
    if (!seen_.emplace(facts.st_dev, facts.st_ino).second) return std::nullopt;
    result_.found.push_back(
        {path, facts.st_uid, header->format, header->ids, protocol::database_key(facts.st_dev, facts.st_ino)});
    return std::nullopt;
  }

  void go_through(int directory, const std::string& path, int levels) {
    if (levels == 0) return not_seen(path, "is too deep to be looked into");
    auto names = names_in_directory(directory);
    if (!names) return not_seen(path, names.error().what);
    for (const std::string& name : *names) look_at(directory, name, path, levels);
  }

  void look_at(int directory, const std::string& name, const std::string& parent, int levels) {
    const Descriptor file = open_resolved(directory, name.c_str(), O_PATH | O_NOFOLLOW,
                                          RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS);
    struct stat facts{};
    const std::string path = parent + (parent.ends_with('/') ? "" : "/") + name;
    if (!file && errno == EXDEV) return not_seen(path, "is another file system; name it as well");
    if (!file || ::fstat(file.get(), &facts) != 0) return;  // gone, or a link
    if (S_ISDIR(facts.st_mode)) {
      go_through(file.get(), path, levels - 1);
    } else if (S_ISREG(facts.st_mode)) {
      (void)add_database(file.get(), path);
    }
  }

  DatabaseSearch result_;
  std::set<std::pair<dev_t, ino_t>> seen_;
};

}  // namespace

DatabaseSearch find_databases(const std::vector<std::string>& files, const std::vector<std::string>& directories) {
  Search search;
  for (const std::string& file : files) search.add_file(file);
  for (const std::string& directory : directories) search.add_directory(directory);
  return search.take();
}

}  // namespace secshr::admin
