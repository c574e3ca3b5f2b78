// A file or directory that nobody may change, by its file system's own flag.
#pragma once

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>

#include <string>

#include "system/descriptor.h"

namespace secshr::test {

// While it lives.
class Immutable {
 public:
  explicit Immutable(const std::string& path)
      : file_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)), is_set_(file_ && set(FS_IMMUTABLE_FL)) {}
  Immutable(const Immutable&) = delete;
  Immutable& operator=(const Immutable&) = delete;
  ~Immutable() {
    if (is_set_) (void)set(0);
  }
  // Not every file system has the flag.
  [[nodiscard]] bool is_set() const { return is_set_; }

 private:
  [[nodiscard]] bool set(int flags) const { return ::ioctl(file_.get(), FS_IOC_SETFLAGS, &flags) == 0; }

  Descriptor file_;
  bool is_set_;
};

}  // namespace secshr::test
