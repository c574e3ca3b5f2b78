#include "admin/files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "system/descriptor.h"

namespace secshr::admin {
namespace {

// A leading dot: neither a program that anyone starts nor the name of a record.
std::string beside(const std::string& path, std::string_view suffix) {
  const std::size_t slash = path.rfind('/');
  return fmt::format("{}/.{}{}", path.substr(0, slash), path.substr(slash + 1), suffix);
}
std::string new_name(const std::string& path) {
  return beside(path, ".secshr-new");
}
std::string previous_name(const std::string& path) {
  return beside(path, ".secshr-previous");
}

Result<void> write_all(int file, const std::string& path, std::string_view contents) {
  while (!contents.empty()) {
    const ssize_t written = write(file, contents.data(), contents.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return system_error(path, "write");
    contents.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

Result<void> make_file(const std::string& path, std::string_view contents, Access access) {
  const Descriptor file(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file) return system_error(path, "create");
  // The owner first, since a change of owner clears the setuid bit; the contents next, since a write may; the mode
  // last.
  if (fchown(file.get(), 0, access.group) != 0) return system_error(path, "give to root");
  if (auto written = write_all(file.get(), path, contents); !written) return written;
  if (fchmod(file.get(), access.mode) != 0) return system_error(path, "set the mode");
  if (fsync(file.get()) != 0) return system_error(path, "write to disk");
  return {};
}

// Keeps the present file under its "previous" name, and puts it back if the change is undone.
Result<void> keep_previous(const std::string& path, Undo& undo) {
  const std::string previous = previous_name(path);
  if (link(path.c_str(), previous.c_str()) != 0) {
    if (errno != ENOENT) return system_error(path, "keep for undoing");
    undo.add([path] { (void)unlink(path.c_str()); });
    return {};
  }
  undo.add([path, previous] {
    if (rename(previous.c_str(), path.c_str()) != 0) {
      fmt::print(stderr, "secshrctl: could not put {} back; it is kept as {}\n", path, previous);
      return;
    }
    // Two names of one file: rename(2) then does nothing, and leaves both.
    (void)unlink(previous.c_str());
  });
  return {};
}

Result<void> put_in_place(const std::string& path) {
  const std::string made = new_name(path);
  if (rename(made.c_str(), path.c_str()) != 0) return system_error(path, "replace");
  // As above: a no-op where both already were the same file.
  if (auto removed = remove_if_there(made); !removed) return removed;
  return sync_directory_of(path);
}

}  // namespace

Result<void> replace_with_contents(const std::string& path, std::string_view contents, Access access, Undo& undo) {
  const std::string made = new_name(path);
  if (auto clean = remove_temporaries(path); !clean) return clean;
  undo.add([made] { (void)unlink(made.c_str()); });
  if (auto written = make_file(made, contents, access); !written) return written;
  if (auto kept = keep_previous(path, undo); !kept) return kept;
  return put_in_place(path);
}

Result<void> replace_with_link(const std::string& path, const std::string& existing, Undo& undo) {
  const std::string made = new_name(path);
  if (auto clean = remove_temporaries(path); !clean) return clean;
  undo.add([made] { (void)unlink(made.c_str()); });
  if (link(existing.c_str(), made.c_str()) != 0) return system_error(made, "link to " + existing);
  if (auto kept = keep_previous(path, undo); !kept) return kept;
  return put_in_place(path);
}

Result<void> remove_temporaries(const std::string& path) {
  if (auto removed = remove_if_there(new_name(path)); !removed) return removed;
  return remove_if_there(previous_name(path));
}

Result<void> remove_if_there(const std::string& path) {
  if (unlink(path.c_str()) != 0 && errno != ENOENT) return system_error(path, "remove");
  return {};
}

Result<void> sync_directory_of(const std::string& path) {
  const std::string directory = path.substr(0, path.rfind('/'));
  const Descriptor opened(open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!opened || fsync(opened.get()) != 0) return system_error(directory, "write to disk");
  return {};
}

}  // namespace secshr::admin
