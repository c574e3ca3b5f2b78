// Which System V objects are stranded, and whose database's they are: pure, from what was seen.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "admin/leftovers/database_files.h"
#include "admin/leftovers/ipc_listing.h"

namespace secshr::admin {

// Whether the process with this number lives and can have used something at that time.
using IsAlive = std::function<bool(pid_t pid, std::int64_t time)>;

// That all of its users that are known have ended, and that there can be no others: nobody is attached to it, waits
// for it, or has it open as databases are. What processes of other pid namespaces used cannot be judged, and is not.
[[nodiscard]] bool is_stranded(const IpcFacts& object, const IsAlive& is_alive);

struct StrandedDatabase {
  DatabaseFile file;
  std::vector<IpcFacts> objects;
  // Other files whose headers name the same objects, and whose own key set is not there: copies, most likely.
  std::vector<std::string> copies;
};

struct StrandedObjects {
  std::vector<StrandedDatabase> databases;
  std::vector<IpcFacts> unknown;  // of no database that was found
};

// An object is a database's if the header names its id and its time of change, or if its key is the file's. One that
// several headers name is that of the file whose key set is there, or of each of them.
[[nodiscard]] StrandedObjects find_stranded(const std::vector<IpcFacts>& objects,
                                            const std::vector<DatabaseFile>& files, const IsAlive& is_alive);

}  // namespace secshr::admin
