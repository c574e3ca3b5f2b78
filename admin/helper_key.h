// What clients derive from an installation's helper: the server key, and the server socket's name.
#pragma once

#include <cstdint>
#include <string>

#include "admin/adoption/helper_file.h"
#include "protocol/profile.h"

namespace secshr::admin {

struct HelperKey {
  std::uint32_t key = 0;
  std::string socket;  // the server socket's name in each served directory
};

// `helper` exists.
HelperKey key_of(const HelperFile& helper, const protocol::Profile& profile);

// As it is written everywhere: 0x2e9e59cb.
std::string key_text(std::uint32_t key);

}  // namespace secshr::admin
