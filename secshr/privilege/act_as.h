// Acting as somebody else for one call, as guards: the switch back is armed before the switch. The process's own real
// and saved ids stay, so that whoever is acted as can neither signal nor trace it; permitted capabilities stay,
// effective ones exist only inside the switches themselves. A switch back that fails ends the process: it must not go
// on as somebody else.
#pragma once

#include <sys/capability.h>
#include <sys/types.h>

#include <expected>
#include <span>

namespace secshr {

// Raises capabilities from permitted to effective, and lowers all of them again when it goes.
class RaisedCapabilities {
 public:
  explicit RaisedCapabilities(std::span<const cap_value_t> capabilities) noexcept;
  RaisedCapabilities(const RaisedCapabilities&) = delete;
  RaisedCapabilities& operator=(const RaisedCapabilities&) = delete;
  ~RaisedCapabilities();
  [[nodiscard]] bool ok() const noexcept { return ok_; }

 private:
  bool ok_ = false;
};

// What decides about files: fsuid, fsgid and, where given, supplementary groups. Without groups the process's own
// (none) stay.
class FileIdentity {
 public:
  FileIdentity(uid_t uid, gid_t gid, std::span<const gid_t> groups = {}) noexcept;
  FileIdentity(const FileIdentity&) = delete;
  FileIdentity& operator=(const FileIdentity&) = delete;
  ~FileIdentity();
  // Supplementary groups for one that was made without. Whether they are in force; after a failure nothing may be
  // done with it.
  [[nodiscard]] bool take_groups(std::span<const gid_t> groups) noexcept;
  [[nodiscard]] bool ok() const noexcept { return ok_; }

 private:
  [[nodiscard]] bool set_groups(std::span<const gid_t> groups) noexcept;

  bool groups_set_ = false;
  bool ok_ = false;
};

// What decides about System V objects: the effective uid. Root only where the administrator has said so: it comes
// without root's capabilities, but with what is root's own.
enum class ActingAsRoot : bool { refused, allowed };
class IpcIdentity {
 public:
  explicit IpcIdentity(uid_t uid, ActingAsRoot root = ActingAsRoot::refused) noexcept;
  IpcIdentity(const IpcIdentity&) = delete;
  IpcIdentity& operator=(const IpcIdentity&) = delete;
  ~IpcIdentity();
  [[nodiscard]] bool ok() const noexcept { return ok_; }

 private:
  bool ok_ = false;
};

}  // namespace secshr
