#include "admin/log/audit_filter.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <string_view>
#include <utility>
#include <vector>

#include "admin/log/accounts.h"
#include "protocol/request.h"
#include "protocol/rules.h"
#include "secshr/audit/audit.h"
#include "secshr/audit/logfmt.h"
#include "secshr/outcome.h"

namespace secshr::admin {
namespace {

using Words = std::vector<std::string_view>;

Words request_words() {
  Words words;
  for (const auto code : protocol::request_codes) words.emplace_back(protocol::request_name(code));
  words.insert(words.end(), {recorded::flush_open, recorded::flush_close, recorded::leftover,
                             recorded::unchanged_header, "unknown", not_known});
  return words;
}
Words verdict_words() {
  Words words;
  for (const Verdict verdict : {Verdict::done, Verdict::refused, Verdict::failed, Verdict::dropped}) {
    words.emplace_back(verdict_name(verdict));
  }
  return words;
}
Words rule_words() {
  Words words(protocol::rule_ids.begin(), protocol::rule_ids.end());
  words.push_back(not_known);
  return words;
}

std::unexpected<Failure> usage(std::string what) {
  return std::unexpected(Failure{ExitStatus::usage, std::move(what)});
}

Result<void> check_word(std::string_view option, const std::optional<std::string>& word, const Words& known) {
  if (!word || std::ranges::find(known, *word) != known.end()) return {};
  return usage(fmt::format("{}: {}: must be one of {}", option, log_value(*word), fmt::join(known, " ")));
}

Result<std::optional<uid_t>> uid_of(const std::optional<std::string>& user) {
  if (!user) return std::nullopt;
  uid_t uid = 0;
  const char* const end = user->data() + user->size();
  const auto [rest, failed] = std::from_chars(user->data(), end, uid);
  if (failed == std::errc() && rest == end) return uid;
  if (const auto found = uid_of_account(*user)) return found;
  return usage(fmt::format("--uid: {}: is neither a uid nor the name of an account", log_value(*user)));
}

Result<std::optional<std::string>> time_of(std::string_view option, const std::optional<std::string>& text,
                                           LogTime now) {
  if (!text) return std::nullopt;
  if (auto time = parse_log_time(*text, now)) return time;
  return usage(
      fmt::format("{}: {}: must be a time in UTC like 2000-12-31T23:59:59Z, 2000-12-31T23:59 or 2000-12-31, or "
                  "an age like 90s, 10m, 2h, 1d or 3w",
                  option, log_value(*text)));
}

}  // namespace

Result<LogFilter> make_filter(const AuditRequest& request, LogTime now) {
  if (auto good = check_word("--request", request.request, request_words()); !good)
    return std::unexpected(good.error());
  if (auto good = check_word("--verdict", request.verdict, verdict_words()); !good)
    return std::unexpected(good.error());
  if (auto good = check_word("--rule", request.rule, rule_words()); !good) return std::unexpected(good.error());
  const auto uid = uid_of(request.user);
  if (!uid) return std::unexpected(uid.error());
  auto since = time_of("--since", request.since, now);
  if (!since) return std::unexpected(since.error());
  auto until = time_of("--until", request.until, now);
  if (!until) return std::unexpected(until.error());
  return LogFilter{*uid,         request.pid,       request.request,  request.verdict,
                   request.rule, *std::move(since), *std::move(until)};
}

}  // namespace secshr::admin
