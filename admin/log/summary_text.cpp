#include "admin/log/summary_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "admin/log/accounts.h"
#include "admin/log/log_text.h"
#include "protocol/rule_texts.h"
#include "secshr/outcome.h"

namespace secshr::admin {
namespace {

std::string user_of(const std::optional<uid_t>& uid) {
  if (!uid) return std::string(not_known);
  const auto account = account_of(*uid);
  return account ? fmt::format("{} ({})", *uid, escaped(*account)) : fmt::format("{}", *uid);
}

// Why it was not done.
std::string reason_of(const SummaryKey& key) {
  if (const auto* const text = protocol::find_rule_text(key.rule)) {
    return fmt::format("{}: {}", key.rule, text->refusal);
  }
  if (key.rule != not_known) return key.rule;
  if (key.code == "0x8000") return "0x8000: no request that there is";
  if (key.code == "0x8001") return "0x8001: asked with another release's key";
  if (key.verdict == verdict_name(Verdict::failed) && !key.code.empty()) {
    return fmt::format("{}: the operating system said no", key.code);
  }
  return key.code;
}

std::string count_text(const SummaryCount& count) {
  if (count.counted == 0) return fmt::format("{}", count.lines);
  return fmt::format("{} ({} with a line each, {} only counted)", count.all(), count.lines, count.counted);
}

struct Row {
  std::string count;
  std::string user;
  std::string request;
  std::string verdict;
  std::string reason;
};

std::string table(const std::vector<Row>& rows) {
  std::size_t count = 0;
  std::size_t user = 0;
  std::size_t request = 0;
  for (const Row& row : rows) {
    count = std::max(count, row.count.size());
    user = std::max(user, row.user.size());
    request = std::max(request, row.request.size());
  }
  std::string text;
  for (const Row& row : rows) {
    std::string line = fmt::format("  {:>{}}  {:<{}}  {:<{}}  {:<8}  {}", row.count, count, row.user, user,
                                   row.request, request, row.verdict, row.reason);
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

std::string groups_text(const LogSummary& summary) {
  std::vector<Row> rows{{"count", "uid", "request", "verdict", "why"}};
  for (const auto& [key, count] : summary.groups()) {
    rows.push_back({fmt::format("{}", count.all()), user_of(key.uid), key.request, key.verdict, reason_of(key)});
  }
  if (summary.others.all() > 0) rows.push_back({fmt::format("{}", summary.others.all()), "all others", "-", "-", ""});
  return rows.size() == 1 ? std::string() : "\n" + table(rows);
}

nlohmann::ordered_json json_of(const SummaryCount& count) {
  return {{"lines", count.lines}, {"counted", count.counted}};
}

// Null where the log has no word for it.
nlohmann::ordered_json word(const std::string& text) {
  if (text.empty() || text == not_known) return nullptr;
  return text;
}

nlohmann::ordered_json json_of(const SummaryGroup& group) {
  nlohmann::ordered_json json{{"uid", nullptr}, {"account", nullptr}};
  if (group.key.uid) {
    json["uid"] = *group.key.uid;
    if (const auto account = account_of(*group.key.uid)) json["account"] = escaped(*account);
  }
  json["request"] = word(group.key.request);
  json["verdict"] = group.key.verdict;
  json["rule"] = word(group.key.rule);
  json["errno"] = word(group.key.code);
  json.update(json_of(group.count));
  return json;
}

}  // namespace

std::string text_of(const LogSummary& summary, std::string_view installation) {
  std::string text = fmt::format("{}\n", installation);
  const auto line = [&](std::string_view what, std::string_view value) {
    text += fmt::format("  {:<18} {}\n", what, value);
  };
  const auto line_if_any = [&](std::string_view what, std::uint64_t count, std::string_view remark) {
    if (count > 0) line(what, fmt::format("{}{}", count, remark));
  };
  if (!summary.first.empty()) line("from", summary.first);
  if (!summary.last.empty()) line("to", summary.last);
  line("requests", count_text(summary.requests));
  for (const auto& [verdict, count] : summary.verdicts) {
    const bool is_withheld = verdict == withheld_verdict;
    line("  " + verdict,
         fmt::format("{}{}", count.all(), is_withheld ? ": refused or dropped by a rule, and only counted" : ""));
  }
  line_if_any("undecided", summary.undecided, ": counted, and the log does not say whether they are among these");
  if (summary.starts.all() > 0) line("failed starts", count_text(summary.starts));
  line_if_any("late writes", summary.late, ": of headers, after the client was told that there was none");
  line_if_any("repeated lines", summary.repeated, "");
  line_if_any("lost lines", summary.lost, ": a disk did not take them");
  line_if_any("odd lines", summary.odd, ": not of the log's form");
  return text + groups_text(summary);
}

nlohmann::ordered_json json_of(const LogSummary& summary, std::string_view installation) {
  nlohmann::ordered_json json{{"installation", installation},
                              {"from", word(summary.first)},
                              {"to", word(summary.last)},
                              {"requests", json_of(summary.requests)}};
  json["verdicts"] = nlohmann::ordered_json::object();
  for (const auto& [verdict, count] : summary.verdicts) json["verdicts"][verdict] = json_of(count);
  json["undecided"] = summary.undecided;
  json["failed_starts"] = json_of(summary.starts);
  json["late_writes"] = summary.late;
  json["repeated_lines"] = summary.repeated;
  json["lost_lines"] = summary.lost;
  json["odd_lines"] = summary.odd;
  json["groups"] = nlohmann::ordered_json::array();
  for (const SummaryGroup& group : summary.groups()) json["groups"].push_back(json_of(group));
  json["other_groups"] = json_of(summary.others);
  return json;
}

}  // namespace secshr::admin
