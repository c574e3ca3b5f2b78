#include "admin/adoption/adopt.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdio>
#include <utility>
#include <vector>

#include "admin/adoption/adoption.h"
#include "admin/adoption/distribution.h"
#include "admin/adoption/generic_directory.h"
#include "admin/adoption/installed_profile.h"
#include "admin/adoption/package_manager.h"
#include "admin/adoption/record.h"
#include "admin/adoption/release_string.h"
#include "admin/brokers/broker_process.h"
#include "admin/files.h"
#include "admin/single_run.h"
#include "installation/configuration.h"
#include "installation/root_file.h"
#include "protocol/communication_key.h"
#include "secshr_paths.h"

namespace secshr::admin {
namespace {

using Kind = HelperFile::Kind;

// What is to be, decided before anything is changed.
struct Plan {
  Installation installation;
  std::string wrapper;  // the contents of DIST/gtmsecshr
};

Result<std::string> decide_release(const AdoptRequest& request, const Installation* recorded,
                                   const Installation& installation) {
  if (request.release) {
    if (!is_release(*request.release)) {
      return std::unexpected(Failure{ExitStatus::usage, "--release: must be 1 to 128 printable ASCII characters"});
    }
    return *request.release;
  }
  if (!has_original(*installation.profile)) {
    if (recorded != nullptr) return recorded->release;
    return std::unexpected(Failure{ExitStatus::usage,
                                   "--release: is needed with --profile generic: the text that the clients compute "
                                   "their communication key from"});
  }
  constexpr std::size_t most_library_bytes = 256UL * 1024 * 1024;
  const std::string path = fmt::format("{}/{}", installation.directory, installation.profile->access_file);
  const auto library = read_root_file(path.c_str(), most_library_bytes);
  if (!library) return refused(to_string(library.error()));
  return find_release(*library, *installation.profile);
}

Result<std::string> keep_name(const AdoptRequest& request, const Installation& recorded) {
  if (!request.name || *request.name == recorded.name) return recorded.name;
  return refused(fmt::format("{0}: is adopted as {1} already; to rename it: secshrctl restore {0}, then adopt again",
                             recorded.directory, recorded.name));
}

Result<std::string> find_name(const AdoptRequest& request, const std::vector<Installation>& records,
                              const std::string& directory) {
  const std::optional<std::string> name = request.name ? request.name : default_name(directory);
  if (!name) return refused(fmt::format("{}: no name can be made of it; say one with --name", directory));
  if (!is_installation_name(*name)) {
    return std::unexpected(
        Failure{ExitStatus::usage, "--name: must be 1 to 64 of A-Z a-z 0-9 . _ - and not begin with . or -"});
  }
  const auto taken = std::ranges::find(records, *name, &Installation::name);
  if (taken != records.end()) {
    return refused(
        fmt::format("{} is the name of the installation in {}; say another with --name", *name, taken->directory));
  }
  struct stat record{};
  if (lstat(record_path(*name).c_str(), &record) == 0) {
    return refused(fmt::format("{}: is there and cannot be read (see above); mend or remove it", record_path(*name)));
  }
  return *name;
}

// The original may only be kept, or have been kept, if it is one.
Result<void> check_original(const Distribution& distribution) {
  const HelperFile& helper = distribution.helper;
  const HelperFile& original = distribution.original;
  if (helper.kind == Kind::absent) {
    return refused(fmt::format("{}: is missing; reinstall the database's package first", distribution.helper_path()));
  }
  if (original.kind == Kind::ours) {
    return refused(fmt::format("{}: is not the installation's own; reinstall the database's package and remove it",
                               distribution.original_path()));
  }
  if (helper.kind == Kind::ours) {
    if (original.exists()) return {};
    return refused(
        fmt::format("{}: is missing, so that restore would have nothing to put back; reinstall the "
                    "database's package, then adopt again",
                    distribution.original_path()));
  }
  if (!helper.is_setuid_root()) {
    return refused(fmt::format("{}: is not setuid root; repair the installation first", distribution.helper_path()));
  }
  if (original.exists() && original.contents != helper.contents) {
    return refused(
        fmt::format("{} differs from {}, which an earlier adoption kept. If the installation was upgraded, "
                    "remove the kept one and adopt again",
                    distribution.helper_path(), distribution.original_path()));
  }
  return {};
}

// A utf8/gtmsecshr of its own is replaced only if nothing is lost by that.
Result<void> check_utf8(const Distribution& distribution) {
  const HelperFile& utf8 = distribution.utf8_helper;
  if (distribution.utf8_link != Utf8Link::other || utf8.kind == Kind::ours) return {};
  if (utf8.contents == distribution.helper.contents || utf8.contents == distribution.original.contents) return {};
  return refused(fmt::format("{}: is neither the same program as {} nor secshr's; it would be lost",
                             distribution.utf8_helper_path(), distribution.helper_path()));
}

// That nothing of the installation's own is lost, and that restore can undo it.
Result<void> check_place(const protocol::Profile& profile, const Distribution& distribution) {
  if (!has_original(profile)) return check_generic_directory(distribution);
  if (auto fits = check_original(distribution); !fits) return fits;
  return check_utf8(distribution);
}

Result<Plan> make_plan(const AdoptRequest& request, const Distribution& distribution) {
  const auto records = read_records();
  if (!records) return std::unexpected(records.error());
  const auto known = std::ranges::find(*records, distribution.directory, &Installation::directory);
  const Installation* const recorded = known != records->end() ? &*known : nullptr;
  Plan plan;
  plan.installation.directory = distribution.directory;
  const auto profile = decide_profile(request, recorded, distribution.directory);
  if (!profile) return std::unexpected(profile.error());
  plan.installation.profile = *profile;
  if (auto fits = check_place(**profile, distribution); !fits) return std::unexpected(fits.error());
  auto release = decide_release(request, recorded, plan.installation);
  if (!release) return std::unexpected(release.error());
  plan.installation.release = *std::move(release);
  plan.installation.communication_key = protocol::communication_key(plan.installation.release);
  auto name =
      recorded != nullptr ? keep_name(request, *recorded) : find_name(request, *records, distribution.directory);
  if (!name) return std::unexpected(name.error());
  plan.installation.name = *std::move(name);
  auto wrapper = read_installed_wrapper();
  if (!wrapper) return std::unexpected(wrapper.error());
  plan.wrapper = *std::move(wrapper);
  // What is written must be readable, or the wrapper would be known to nobody.
  const std::string path = record_path(plan.installation.name);
  const auto reread = parse_installation(format_installation(plan.installation), path, plan.installation.name);
  if (!reread)
    return refused(fmt::format("{}: cannot be recorded: {}", distribution.directory, to_string(reread.error())));
  return plan;
}

// By link(2), while it is still in its place: the file keeps its inode, and there is no moment without it.
Result<void> keep_original(const Distribution& distribution, Undo& undo) {
  if (distribution.original.exists()) return {};
  const std::string kept = distribution.original_path();
  if (link(distribution.helper_path().c_str(), kept.c_str()) != 0) return system_error(kept, "create");
  undo.add([kept] { (void)unlink(kept.c_str()); });
  return sync_directory_of(kept);
}

// The kept original must not stay a way around secshr: a setuid program that anyone may start is no less dangerous
// for its name. Only this bit is taken, and restore gives it back.
Result<void> disarm_original(const Distribution& distribution, Undo& undo) {
  const std::string path = distribution.original_path();
  struct stat status{};
  if (lstat(path.c_str(), &status) != 0) return system_error(path, "inspect");
  const mode_t mode = status.st_mode & 07777U;
  undo.add([path, mode] { (void)chmod(path.c_str(), mode); });
  if (chmod(path.c_str(), mode & ~static_cast<mode_t>(S_ISUID)) != 0)
    return system_error(path, "clear the setuid bit");
  return {};
}

Result<void> verify(const Plan& plan) {
  const auto distribution = read_distribution(plan.installation.directory);
  if (!distribution) return std::unexpected(distribution.error());
  const auto faults = adoption_faults(plan.installation, *distribution, plan.wrapper);
  if (faults.empty()) return {};
  return error(fmt::format("{}: {}", plan.installation.directory, fmt::join(faults, "; ")));
}

Result<void> clean_up(const Distribution& distribution, const Installation& installation) {
  for (const std::string& path :
       {distribution.helper_path(), distribution.utf8_helper_path(), record_path(installation.name)}) {
    if (auto removed = remove_temporaries(path); !removed) return removed;
  }
  return {};
}

// A copy that is right stays: its inode is in the keys of the processes that run.
bool needs_new_wrapper(const Plan& plan, const Distribution& before) {
  const HelperFile& helper = before.helper;
  const Access found{helper.status.st_mode & 07777U, helper.status.st_gid};
  return helper.kind != Kind::ours || helper.contents != plan.wrapper || helper.status.st_uid != 0 ||
         found != wrapper_access(*plan.installation.profile, before);
}

Result<void> switch_helper(const Plan& plan, const Distribution& before, Undo& undo) {
  const Access access = wrapper_access(*plan.installation.profile, before);
  return replace_with_contents(before.helper_path(), plan.wrapper, access, undo);
}

// What was the same file under a second name is another one now; a symbolic link has followed by itself.
Result<void> switch_utf8(const std::string& directory, Undo& undo) {
  const auto now = read_distribution(directory);
  if (!now) return std::unexpected(now.error());
  if (now->utf8_link != Utf8Link::other) return {};
  return replace_with_link(now->utf8_helper_path(), now->helper_path(), undo);
}

// Before anything of the package's is touched: were it upgraded meanwhile, it would put the original back.
Result<void> keep_from_packages(const Distribution& before, Undo& undo) {
  const auto is_packaged = is_package_file(before.helper_path());
  if (!is_packaged) return std::unexpected(is_packaged.error());
  if (!*is_packaged) return {};
  if (auto done = divert_package_file(before.helper_path(), before.original_path(), undo); !done) return done;
  if (before.utf8_link == Utf8Link::absent) return {};
  return divert_package_file(before.utf8_helper_path(), before.utf8_original_path(), undo);
}

Result<void> carry_out(const Plan& plan, const Distribution& before) {
  const bool keeps_original = has_original(*plan.installation.profile);
  Undo undo;
  if (keeps_original) {
    if (auto done = keep_from_packages(before, undo); !done) return done;
    if (auto done = keep_original(before, undo); !done) return done;
  }
  // The record before the switch: the new wrapper is known from its first moment.
  if (auto done = write_record(plan.installation, undo); !done) return done;
  if (needs_new_wrapper(plan, before)) {
    if (auto done = switch_helper(plan, before, undo); !done) return done;
  }
  if (auto done = switch_utf8(before.directory, undo); !done) return done;
  // Last, for until here the original's other names were in use.
  if (keeps_original) {
    if (auto done = disarm_original(before, undo); !done) return done;
  }
  if (auto verified = verify(plan); !verified) return verified;
  undo.dismiss();
  return {};
}

// Adopting is possible without, but the first request would find it out.
void warn_about_configuration() {
  const auto configuration = load_configuration(paths::configuration);
  if (configuration) return;
  fmt::print(stderr, "secshrctl: warning: {}; no broker starts with it until this is mended\n",
             to_string(configuration.error()));
}

// A broker that serves the wrapper's former inode, or the former release, answers for nobody any more.
Result<void> end_former_broker(const Installation& installation) {
  const auto ended = end_brokers(installation.name);
  if (!ended) return std::unexpected(ended.error());
  if (*ended == BrokerEnd::ended) fmt::print("The running broker has ended; the next request starts a new one.\n");
  return {};
}

}  // namespace

Result<ExitStatus> adopt(const AdoptRequest& request) {
  if (auto root = require_root(); !root) return std::unexpected(root.error());
  const auto lock = take_single_run_lock();
  if (!lock) return std::unexpected(lock.error());
  const auto directory = resolve_directory(request.directory);
  if (!directory) return std::unexpected(directory.error());
  const auto before = read_distribution(*directory);
  if (!before) return std::unexpected(before.error());
  const auto plan = make_plan(request, *before);
  if (!plan) return std::unexpected(plan.error());
  const Installation& installation = plan->installation;
  warn_about_configuration();

  if (adoption_faults(installation, *before, plan->wrapper).empty()) {
    Undo undo;
    if (auto kept = keep_from_packages(*before, undo); !kept) return std::unexpected(kept.error());
    undo.dismiss();
    if (auto clean = clean_up(*before, installation); !clean) return std::unexpected(clean.error());
    fmt::print("{} is adopted as {} already, and intact.\n", installation.directory, installation.name);
    return ExitStatus::fine;
  }
  if (auto done = carry_out(*plan, *before); !done) return std::unexpected(done.error());
  if (auto clean = clean_up(*before, installation); !clean) return std::unexpected(clean.error());
  fmt::print("{} is adopted as {} ({}, communication key {:#010x}).\n", installation.directory, installation.name,
             installation.release, installation.communication_key);
  if (before->helper.exists() && needs_new_wrapper(*plan, *before)) {
    fmt::print("Processes that run already keep asking the former gtmsecshr; restart them.\n");
  }
  if (auto ended = end_former_broker(installation); !ended) return std::unexpected(ended.error());
  return ExitStatus::fine;
}

}  // namespace secshr::admin
