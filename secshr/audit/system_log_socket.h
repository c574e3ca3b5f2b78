// The way to whichever system log there is: the journal's own socket, or else /dev/log. Every message looks both up
// anew, so that a daemon that was restarted is found, and none waits: what neither takes at once is gone.
#pragma once

#include <sys/un.h>

#include <optional>
#include <string_view>

#include "system/descriptor.h"

namespace secshr {

struct SystemLogPlaces {
  std::string_view journal = "/run/systemd/journal/socket";
  std::string_view syslog = "/dev/log";
};

class SystemLogSocket {
 public:
  // In the process that is going to log, before it gives socket(2) away. Where a name is longer than an address can
  // be, nobody listens.
  explicit SystemLogSocket(const SystemLogPlaces& places = {}) noexcept;

  // One message in the words of each: `entry` in the journal's protocol, `line` in syslog's. One of them is sent.
  void send(std::string_view entry, std::string_view line) const noexcept;

 private:
  [[nodiscard]] bool send_to(const std::optional<sockaddr_un>& place, std::string_view message) const noexcept;

  std::optional<sockaddr_un> journal_;
  std::optional<sockaddr_un> syslog_;
  Descriptor socket_;
};

}  // namespace secshr
