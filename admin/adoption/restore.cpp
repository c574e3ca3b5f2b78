#include "admin/adoption/restore.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <utility>
#include <vector>

#include "admin/adoption/adoption.h"
#include "admin/adoption/distribution.h"
#include "admin/adoption/package_manager.h"
#include "admin/adoption/record.h"
#include "admin/brokers/broker_process.h"
#include "admin/files.h"
#include "admin/single_run.h"
#include "installation/installation.h"
#include "secshr_paths.h"

namespace secshr::admin {
namespace {

using Kind = HelperFile::Kind;

Result<void> check_original(const Distribution& distribution) {
  if (distribution.helper.kind == Kind::foreign) return {};  // in its place already
  if (distribution.original.kind == Kind::foreign) return {};
  return refused(
      fmt::format("{}: the original is missing or is not the installation's own; reinstall the database's "
                  "package, then restore again",
                  distribution.original_path()));
}

// The setuid bit first, so that there is no moment with an original that clients refuse.
Result<void> put_original_back(const Distribution& distribution) {
  const std::string kept = distribution.original_path();
  const mode_t mode = distribution.original.status.st_mode & 07777U;
  if (chmod(kept.c_str(), mode | S_ISUID) != 0) return system_error(kept, "set the setuid bit");
  if (rename(kept.c_str(), distribution.helper_path().c_str()) != 0) return system_error(kept, "put back");
  return sync_directory_of(kept);
}

// The kept file where the original is in its place already: another name of it or its equal is of no use, and
// anything else is not ours to judge.
Result<void> drop_kept_original(const Distribution& distribution) {
  const HelperFile& kept = distribution.original;
  if (!kept.exists()) return {};
  if (kept.same_inode(distribution.helper) || kept.contents == distribution.helper.contents) {
    return remove_if_there(distribution.original_path());
  }
  fmt::print("{} differs from {}, which stays; the kept file is left where it is.\n", distribution.original_path(),
             distribution.helper_path());
  return {};
}

Result<void> verify(const std::string& directory) {
  const auto distribution = read_distribution(directory);
  if (!distribution) return std::unexpected(distribution.error());
  if (distribution->helper.kind != Kind::foreign || !distribution->helper.is_setuid_root()) {
    return error(fmt::format("{}: is still not the installation's own setuid program", distribution->helper_path()));
  }
  if (distribution->utf8_helper.kind == Kind::ours) {
    return error(fmt::format("{}: is still secshr's", distribution->utf8_helper_path()));
  }
  return {};
}

// Says whether anything was changed.
Result<bool> restore_files(const std::string& directory) {
  const auto before = read_distribution(directory);
  if (!before) return std::unexpected(before.error());
  if (auto possible = check_original(*before); !possible) return std::unexpected(possible.error());
  const bool put_back = before->helper.kind != Kind::foreign;
  const auto original = put_back ? put_original_back(*before) : drop_kept_original(*before);
  if (!original) return std::unexpected(original.error());

  const auto now = read_distribution(directory);
  if (!now) return std::unexpected(now.error());
  const bool relink = now->utf8_link == Utf8Link::other && now->utf8_helper.kind == Kind::ours;
  if (relink) {
    Undo undo;
    if (auto done = replace_with_link(now->utf8_helper_path(), now->helper_path(), undo); !done) {
      return std::unexpected(done.error());
    }
    undo.dismiss();
  }
  for (const std::string& path : {now->helper_path(), now->utf8_helper_path()}) {
    if (auto removed = remove_temporaries(path); !removed) return std::unexpected(removed.error());
    if (auto done = undivert_package_file(path); !done) return std::unexpected(done.error());
  }
  // What an upgrade of the package put there, since its own place was taken: the same program.
  if (auto removed = remove_if_there(now->utf8_original_path()); !removed) return std::unexpected(removed.error());
  if (auto verified = verify(directory); !verified) return std::unexpected(verified.error());
  return put_back || relink;
}

// Where there was no helper before; one that is there now and is not ours stays. Says whether anything was changed.
Result<bool> take_wrapper_out(const std::string& directory) {
  const auto before = read_distribution(directory);
  if (!before) return std::unexpected(before.error());
  const std::string path = before->helper_path();
  if (auto removed = remove_temporaries(path); !removed) return std::unexpected(removed.error());
  if (before->helper.kind != Kind::ours) return false;
  if (auto removed = remove_if_there(path); !removed) return std::unexpected(removed.error());
  if (auto synced = sync_directory_of(path); !synced) return std::unexpected(synced.error());
  return true;
}

Result<bool> undo_adoption(const std::string& directory, const Installation* record) {
  const bool had_none = record != nullptr && !has_original(*record->profile);
  return had_none ? take_wrapper_out(directory) : restore_files(directory);
}

// After the switch: no wrapper leads to the record any more, so that no new broker starts. The record goes last, for
// with it another restore can finish what could not be done now.
Result<void> forget(const Installation& installation) {
  if (auto ended = end_brokers(installation.name); !ended) return std::unexpected(ended.error());
  if (auto removed = remove_run_directory(installation.name); !removed) return removed;
  return remove_record(installation.name);
}

bool is_gone(const std::string& directory) {
  struct stat status{};
  return stat(directory.c_str(), &status) != 0 && errno == ENOENT;
}

}  // namespace

Result<ExitStatus> restore(const std::string& given) {
  if (auto root = require_root(); !root) return std::unexpected(root.error());
  const auto lock = take_single_run_lock();
  if (!lock) return std::unexpected(lock.error());
  const auto records = read_records();
  if (!records) return std::unexpected(records.error());

  // A directory that is gone has no other name than the record's.
  const bool gone = is_gone(given);
  const auto directory = gone ? Result<std::string>(given) : resolve_directory(given);
  if (!directory) return std::unexpected(directory.error());
  const auto known = std::ranges::find(*records, *directory, &Installation::directory);
  const Installation* const record = known != records->end() ? &*known : nullptr;
  if (gone && record == nullptr) return refused(fmt::format("{}: is missing, and not adopted", given));

  const auto changed = gone ? Result<bool>(true) : undo_adoption(*directory, record);
  if (!changed) return std::unexpected(changed.error());
  if (record != nullptr) {
    if (auto done = forget(*record); !done) return std::unexpected(done.error());
  }
  if (!*changed && record == nullptr) {
    fmt::print("{} is not adopted: there is nothing to restore.\n", *directory);
    return ExitStatus::fine;
  }
  fmt::print("{} is restored{}.\n", *directory, gone ? ": it is gone, and so is its record now" : "");
  if (record == nullptr) {
    return refused(fmt::format("{}: no readable record of it was found; if one is left in {}, remove it", *directory,
                               paths::installations));
  }
  return ExitStatus::fine;
}

}  // namespace secshr::admin
