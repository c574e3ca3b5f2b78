#include "client/refusal.h"

#include <cerrno>
#include <cinttypes>
#include <string_view>

#include "client/explanation.h"
#include "protocol/limits.h"
#include "protocol/rule_texts.h"

namespace secshr::client {

int explain_refusal(const protocol::Reply& reply) noexcept {
  const std::int32_t code = reply.code();
  if (code == protocol::reply_invalid_code) return fail(-EOPNOTSUPP, "the broker does not know this request");
  if (code == protocol::reply_foreign_key) {
    return fail(-EPROTO, "the broker serves another release: is `release` what the installation was adopted with?");
  }
  // No errno value is as large.
  if (code <= 0 || code >= 4096) return fail(-EPROTO, "the broker answered %" PRId32 ", which is no error", code);
  const auto rule = protocol::rule_id(reply.header.use_secshr);
  if (rule.empty()) {
    return fail(-code, "the broker: %s (process %" PRId32 " in its log)", text_of(code), reply.header.pid);
  }
  const char* const advice = protocol::rule_texts[static_cast<std::size_t>(reply.header.use_secshr - 1)].refusal;
  return fail(-code, "refused by the rule %.*s: %s (process %" PRId32 " in the broker's log)",
              static_cast<int>(rule.size()), rule.data(), advice, reply.header.pid);
}

}  // namespace secshr::client
