// The functions of secshr.h: what no call could succeed with is refused, what the process can do itself it does, and
// the rest the broker is asked for.
// Of all that is in the library only this can be seen from outside.
#pragma GCC visibility push(default)
#include "client/include/secshr.h"
#pragma GCC visibility pop

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <new>
#include <string_view>

#include "client/ask.h"
#include "client/explanation.h"
#include "client/handle.h"
#include "client/plain_calls.h"
#include "client/uncancelled.h"
#include "client/variables.h"
#include "protocol/communication_key.h"

struct secshr_handle : secshr::client::Handle {};

namespace {

using namespace secshr::client;
namespace protocol = secshr::protocol;

bool is_usable_directory(std::string_view path) noexcept {
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  return path.starts_with('/') && path.size() <= protocol::maximum_directory &&
         std::ranges::none_of(path, is_control) && path.find("/../") == std::string_view::npos &&
         !path.ends_with("/..");
}

constexpr std::size_t largest_options = 4096;

// As far as the caller's own structure goes.
secshr_options known_part(const secshr_options& given) noexcept {
  secshr_options known{};
  std::memcpy(&known, &given, std::min(given.size, sizeof known));
  return known;
}

// What this release does not know must ask for nothing: it could be what the caller relies on.
bool asks_for_the_unknown(const secshr_options& given) noexcept {
  if (given.size <= sizeof given) return false;
  if (given.size > largest_options) return true;
  const auto* const bytes = reinterpret_cast<const unsigned char*>(&given);
  return std::any_of(bytes + sizeof given, bytes + given.size, [](unsigned char each) { return each != 0; });
}

int choose_profile(Handle& handle, const char* name) noexcept {
  handle.profile = protocol::find_profile(name == nullptr ? "generic" : name);
  return handle.profile != nullptr ? 0 : fail(-EINVAL, "there is no profile %s", name);
}

int choose_wrapper(Handle& handle, const char* installation) noexcept {
  if (installation == nullptr) installation = read_variable(handle.profile->dist_variable);
  if (installation == nullptr) {
    const std::string_view name = handle.profile->dist_variable;
    return fail(-EINVAL, "no installation is named, and %.*s is not set", static_cast<int>(name.size()), name.data());
  }
  if (installation[0] != '/') return fail(-EINVAL, "the installation %s is not an absolute path", installation);
  const int size = std::snprintf(handle.wrapper.data(), handle.wrapper.size(), "%s/gtmsecshr", installation);
  if (static_cast<std::size_t>(size) < handle.wrapper.size()) return 0;
  return fail(-EINVAL, "the installation's path is too long");
}

// One that is given must be right; one of the environment is not the caller's doing, and is replaced as stock clients
// do.
int choose_directory(Handle& handle, const char* directory) noexcept {
  if (directory != nullptr && !is_usable_directory(directory)) {
    return fail(-EINVAL, "the directory must be an absolute path of at most %zu bytes, without \"..\"",
                protocol::maximum_directory);
  }
  if (directory == nullptr) {
    for (const auto name : handle.profile->tmp_variables) {
      directory = read_variable(name);
      if (directory != nullptr) break;
    }
    if (directory == nullptr || !is_usable_directory(directory)) directory = "/tmp";
  }
  (void)std::snprintf(handle.directory.data(), handle.directory.size(), "%s", directory);
  return 0;
}

// Where a broker that is started makes a copy of its log. Looked at now: in a call other threads may change the
// environment.
void choose_log(Handle& handle) noexcept {
  for (const auto name : handle.profile->log_variables) {
    const char* const value = read_variable(name);
    if (value == nullptr) continue;
    const int size = std::snprintf(handle.log.data(), handle.log.size(), "%.*s=%s", static_cast<int>(name.size()),
                                   name.data(), value);
    if (static_cast<std::size_t>(size) >= handle.log.size()) handle.log.front() = '\0';
    return;
  }
}

constexpr unsigned default_timeout_ms = 5000;
constexpr unsigned default_attempts = 5;
constexpr unsigned longest_timeout_ms = 3'600'000;
constexpr unsigned most_attempts = 1000;

int fill(Handle& handle, const secshr_options& options) noexcept {
  if (const int wrong = choose_profile(handle, options.profile); wrong != 0) return wrong;
  if (const int wrong = choose_wrapper(handle, options.installation); wrong != 0) return wrong;
  if (const int wrong = choose_directory(handle, options.directory); wrong != 0) return wrong;
  choose_log(handle);
  if (options.release == nullptr || options.release[0] == '\0') {
    return fail(-EINVAL, "no release is named: it is what the installation was adopted with");
  }
  if (options.reply_timeout_ms > longest_timeout_ms) return fail(-EINVAL, "the timeout is longer than an hour");
  handle.communication_key = protocol::communication_key(options.release);
  if (options.attempts > most_attempts) return fail(-EINVAL, "more than %u attempts", most_attempts);
  handle.reply_timeout =
      std::chrono::milliseconds(options.reply_timeout_ms != 0 ? options.reply_timeout_ms : default_timeout_ms);
  handle.attempts = options.attempts != 0 ? options.attempts : default_attempts;
  return 0;
}

int check_process(const Handle* handle, pid_t pid) noexcept {
  if (handle == nullptr) return fail(-EINVAL, "no handle");
  if (pid > 0 && pid <= protocol::maximum_pid) return 0;
  return fail(-EINVAL, "%d is no process: groups and everybody cannot be signalled", pid);
}

int check_id(const Handle* handle, int id) noexcept {
  if (handle == nullptr) return fail(-EINVAL, "no handle");
  return id >= 0 ? 0 : fail(-EINVAL, "%d is no id", id);
}

int check_path(const Handle* handle, const char* path) noexcept {
  if (handle == nullptr || path == nullptr) return fail(-EINVAL, "no %s", handle == nullptr ? "handle" : "path");
  const std::string_view text(path);
  if (!text.starts_with('/')) return fail(-EINVAL, "the path must be absolute");
  if (text.size() > protocol::maximum_path) {
    return fail(-EINVAL, "the path is longer than %zu bytes", protocol::maximum_path);
  }
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  return std::ranges::none_of(text, is_control) ? 0 : fail(-EINVAL, "the path holds a control byte");
}

// Opening names a set and its time, and a segment and its time or neither; closing names nothing.
bool is_well_formed(const protocol::IpcIds& ids) noexcept {
  if (ids == protocol::closed_ids) return true;
  const bool has_segment = ids.shmid >= 0 && ids.shm_ctime != 0;
  const bool has_no_segment =
      ids.shmid == protocol::closed_ids.shmid && ids.shm_ctime == protocol::closed_ids.shm_ctime;
  return ids.semid >= 0 && ids.sem_ctime != 0 && (has_segment || has_no_segment);
}

// What was asked to be away, and is: by whomever.
template <typename IsGone>
int unless_gone(int result, IsGone is_gone) noexcept {
  return result != 0 && is_gone() ? 0 : result;
}

}  // namespace

extern "C" {

int secshr_open(secshr_t** handle, const secshr_options* options) {
  if (handle == nullptr || options == nullptr) return fail(-EINVAL, "no options, or no place for the handle");
  if (options->size < offsetof(secshr_options, reply_timeout_ms)) return fail(-EINVAL, "options.size is not set");
  if (asks_for_the_unknown(*options)) return fail(-E2BIG, "an option is set that this release does not know");
  auto* const made = new (std::nothrow) secshr_handle;
  if (made == nullptr) return fail(-ENOMEM, "no memory");
  const int wrong = fill(*made, known_part(*options));
  if (wrong != 0) {
    delete made;
    return wrong;
  }
  *handle = made;
  return 0;
}

void secshr_close(secshr_t* handle) {
  delete handle;
}

int secshr_wake(secshr_t* handle, pid_t pid) {
  const Uncancelled uncancelled;
  if (const int wrong = check_process(handle, pid); wrong != 0) return wrong;
  const int plain = signal_process(pid, SIGALRM);
  return needs_the_owner(plain) ? ask(*handle, protocol::Wake{pid}) : plain;
}

int secshr_continue(secshr_t* handle, pid_t pid) {
  const Uncancelled uncancelled;
  if (const int wrong = check_process(handle, pid); wrong != 0) return wrong;
  const int plain = signal_process(pid, SIGCONT);
  if (plain == -ESRCH) return 0;
  return needs_the_owner(plain) ? ask(*handle, protocol::ContinueProcess{pid}) : plain;
}

int secshr_remove_semaphore(secshr_t* handle, int semid) {
  const Uncancelled uncancelled;
  if (const int wrong = check_id(handle, semid); wrong != 0) return wrong;
  const int plain = remove_semaphore_set(semid);
  if (!needs_the_owner(plain)) return plain;
  return unless_gone(ask(*handle, protocol::RemoveSemaphoreSet{semid}), [&] { return is_semaphore_set_gone(semid); });
}

int secshr_remove_segment(secshr_t* handle, int shmid) {
  const Uncancelled uncancelled;
  if (const int wrong = check_id(handle, shmid); wrong != 0) return wrong;
  const int plain = remove_segment(shmid);
  if (!needs_the_owner(plain)) return plain;
  return unless_gone(ask(*handle, protocol::RemoveSegment{shmid}), [&] { return is_segment_gone(shmid); });
}

int secshr_remove_socket(secshr_t* handle, const char* path) {
  const Uncancelled uncancelled;
  if (const int wrong = check_path(handle, path); wrong != 0) return wrong;
  const int plain = remove_socket(*handle->profile, path);
  if (!needs_the_owner(plain)) return plain;
  return unless_gone(ask(*handle, protocol::RemoveFile{path}), [&] { return is_file_gone(path); });
}

int secshr_flush_ids(secshr_t* handle, const char* path, const secshr_ids* ids) {
  const Uncancelled uncancelled;
  if (const int wrong = check_path(handle, path); wrong != 0) return wrong;
  if (ids == nullptr) return fail(-EINVAL, "no ids");
  const protocol::IpcIds wanted{ids->semid, ids->shmid, ids->sem_ctime, ids->shm_ctime};
  if (!is_well_formed(wanted)) {
    return fail(-EINVAL,
                "ids must name a set and its time, with a segment and its time or -1 and 0; or be SECSHR_CLOSED_IDS");
  }
  const int plain = flush_ids(path, wanted);
  return needs_the_owner(plain) ? ask(*handle, protocol::FlushHeader{wanted, path}) : plain;
}

int secshr_ping(secshr_t* handle) {
  const Uncancelled uncancelled;
  if (handle == nullptr) return fail(-EINVAL, "no handle");
  return ask(*handle, protocol::Ping{});
}

const char* secshr_explain(void) {
  return explanation();
}

}  // extern "C"
