#include "admin/leftovers/stranded_objects.h"

#include <algorithm>
#include <iterator>
#include <ranges>

namespace secshr::admin {
namespace {

bool has_key_of(const IpcFacts& object, const DatabaseFile& file) {
  return object.kind == IpcKind::set && object.key == file.key;
}
bool is_named_by(const IpcFacts& object, const DatabaseFile& file) {
  const protocol::IpcIds& ids = file.ids;
  return object.kind == IpcKind::segment ? object.id == ids.shmid && object.made == ids.shm_ctime
                                         : object.id == ids.semid && object.made == ids.sem_ctime;
}
bool belongs(const IpcFacts& object, const DatabaseFile& file) {
  return is_named_by(object, file) || has_key_of(object, file);
}

// Whoever has it open is attached to its segment, and need not be the last who operated on its sets.
bool is_open(const DatabaseFile& file, const std::vector<IpcFacts>& objects) {
  return std::ranges::any_of(objects, [&](const IpcFacts& each) {
    return each.kind == IpcKind::segment && is_named_by(each, file) && each.attached > 0;
  });
}

bool share_one(const StrandedDatabase& one, const StrandedDatabase& other) {
  return std::ranges::any_of(one.objects, [&](const IpcFacts& object) { return is_named_by(object, other.file); });
}

bool has_key_set(const StrandedDatabase& database) {
  return std::ranges::any_of(database.objects,
                             [&](const IpcFacts& object) { return has_key_of(object, database.file); });
}

std::vector<StrandedDatabase> without_copies(const std::vector<StrandedDatabase>& databases) {
  std::vector<StrandedDatabase> originals;
  for (const StrandedDatabase& each : databases) {
    const bool is_copy = !has_key_set(each) && std::ranges::any_of(databases, [&](const StrandedDatabase& other) {
      return has_key_set(other) && share_one(each, other);
    });
    if (is_copy) continue;
    originals.push_back(each);
    for (const StrandedDatabase& other : databases) {
      if (other.file.path != each.file.path && share_one(each, other)) {
        originals.back().copies.push_back(other.file.path);
      }
    }
  }
  return originals;
}

}  // namespace

bool is_stranded(const IpcFacts& object, const IsAlive& is_alive) {
  if (object.attached > 0 || object.awaited || object.others_used || object.opened.value_or(0) > 0) return false;
  const std::int64_t last = std::max(object.made, object.used);
  return std::ranges::none_of(object.pids, [&](pid_t pid) { return is_alive(pid, last); });
}

StrandedObjects find_stranded(const std::vector<IpcFacts>& objects, const std::vector<DatabaseFile>& files,
                              const IsAlive& is_alive) {
  std::vector<DatabaseFile> open;
  std::ranges::copy_if(files, std::back_inserter(open),
                       [&](const DatabaseFile& file) { return is_open(file, objects); });
  std::vector<IpcFacts> stranded;
  std::ranges::copy_if(objects, std::back_inserter(stranded), [&](const IpcFacts& object) {
    return is_stranded(object, is_alive) &&
           std::ranges::none_of(open, [&](const DatabaseFile& file) { return belongs(object, file); });
  });

  std::vector<StrandedDatabase> databases;
  StrandedObjects result;
  for (const DatabaseFile& file : files) {
    StrandedDatabase database{file, {}, {}};
    std::ranges::copy_if(stranded, std::back_inserter(database.objects),
                         [&](const IpcFacts& object) { return belongs(object, file); });
    if (!database.objects.empty()) databases.push_back(std::move(database));
  }
  std::ranges::copy_if(stranded, std::back_inserter(result.unknown), [&](const IpcFacts& object) {
    return std::ranges::none_of(files, [&](const DatabaseFile& file) { return belongs(object, file); });
  });
  result.databases = without_copies(databases);
  return result;
}

}  // namespace secshr::admin
