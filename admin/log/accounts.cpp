#include "admin/log/accounts.h"

#include <pwd.h>

namespace secshr::admin {

std::optional<uid_t> uid_of_account(const std::string& name) {
  const passwd* const account = getpwnam(name.c_str());
  if (account == nullptr) return std::nullopt;
  return account->pw_uid;
}

std::optional<std::string> account_of(uid_t uid) {
  const passwd* const account = getpwuid(uid);
  if (account == nullptr) return std::nullopt;
  return account->pw_name;
}

}  // namespace secshr::admin
