#include "admin/leftovers/reap.h"

#include <fmt/format.h>

#include <cstdio>
#include <utility>

#include "admin/adoption/distribution.h"
#include "admin/helper_key.h"
#include "admin/leftovers/reap_report.h"
#include "admin/leftovers/socket_directories.h"
#include "installation/installation.h"
#include "secshr_paths.h"

namespace secshr::admin {
namespace {

// In whose place the next broker is to find the dead file of the one before.
AdoptedNames adopted_names(const InstallationRecords& records) {
  AdoptedNames adopted;
  adopted.complete = records.bad.empty();
  for (const Installation& installation : records.good) {
    const auto distribution = read_distribution(installation.directory);
    if (distribution && distribution->helper.exists()) {
      adopted.names.insert(key_of(distribution->helper, *installation.profile).socket);
    } else {
      adopted.complete = false;
    }
  }
  return adopted;
}

ReapedDirectory reap_directory(SocketDirectory found, const AdoptedNames& adopted, Reap reap) {
  ReapedDirectory reaped{
      std::move(found.path), std::move(found.origin), std::move(found.fault), found.is_missing, {}};
  if (!found.directory) return reaped;
  auto sockets = reap_sockets(found.directory.get(), adopted, reap);
  if (sockets) {
    reaped.sockets = *std::move(sockets);
  } else {
    reaped.fault = sockets.error().what;
  }
  return reaped;
}

}  // namespace

Result<ExitStatus> reap(const ReapRequest& request) {
  // Whether anybody is bound to a socket the kernel tells only who may write to it.
  if (auto root = require_root(); !root) return std::unexpected(root.error());
  const auto records = read_installations(paths::installations);
  if (!records) return error(to_string(records.error()));
  auto directories = request.directories.empty() ? served_socket_directories(records->good)
                                                 : given_socket_directories(request.directories);
  if (!directories) return std::unexpected(directories.error());
  const AdoptedNames adopted = adopted_names(*records);
  const Reap how = request.remove ? Reap::remove : Reap::look;
  std::vector<ReapedDirectory> reaped;
  for (SocketDirectory& each : *directories) reaped.push_back(reap_directory(std::move(each), adopted, how));
  fmt::print("{}", request.as_json ? reap_json(reaped, how) : reap_text(reaped, how));
  return reap_status(reaped, how);
}

}  // namespace secshr::admin
