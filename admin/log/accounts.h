// Users by their accounts' names, and the names by uid.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

namespace secshr::admin {

// nullopt: there is no such account.
std::optional<uid_t> uid_of_account(const std::string& name);
std::optional<std::string> account_of(uid_t uid);

}  // namespace secshr::admin
