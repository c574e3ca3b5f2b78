// Exits with 0 when it runs as root or holds any capability at all, with 1 otherwise. Static: run setuid by the
// tests.
#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

int main() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct sets[2] = {};
  if (::syscall(SYS_capget, &header, sets) != 0) return 2;
  const bool capable = (sets[0].permitted | sets[1].permitted | sets[0].effective | sets[1].effective) != 0;
  return ::geteuid() == 0 || ::getuid() == 0 || capable ? 0 : 1;
}
