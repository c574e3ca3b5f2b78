#include "secshr/start/needed_capabilities.h"

#include <sys/capability.h>

#include <memory>

#include "secshr/privilege/capabilities.h"
#include "wrapper/handoff.h"

namespace secshr {
namespace {

struct FreeName {
  void operator()(char* name) const noexcept { (void)::cap_free(name); }
};

}  // namespace

std::string missing_capabilities() {
  const Capabilities own(::cap_get_proc());
  std::string missing;
  for (const cap_value_t capability : bounding_capabilities) {
    cap_flag_value_t held = CAP_CLEAR;
    if (own && ::cap_get_flag(own.get(), capability, CAP_PERMITTED, &held) == 0 && held == CAP_SET) continue;
    const std::unique_ptr<char, FreeName> name(::cap_to_name(capability));
    if (!missing.empty()) missing += ' ';
    missing += name ? name.get() : "unknown";
  }
  return missing;
}

}  // namespace secshr
