#include "admin/helper_key.h"

#include <fmt/format.h>

#include "protocol/server_key.h"
#include "protocol/socket_names.h"

namespace secshr::admin {

HelperKey key_of(const HelperFile& helper, const protocol::Profile& profile) {
  const std::uint32_t key = protocol::server_key(helper.status.st_dev, helper.status.st_ino);
  return {key, std::string(protocol::server_socket_name(profile, key).view())};
}

std::string key_text(std::uint32_t key) {
  return fmt::format("{:#010x}", key);
}

}  // namespace secshr::admin
