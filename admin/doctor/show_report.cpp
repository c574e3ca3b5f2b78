#include "admin/doctor/show_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string_view>

#include "admin/style.h"
#include "secshr/audit/logfmt.h"
#include "secshr_paths.h"

namespace secshr::admin {
namespace {

constexpr std::size_t severity_width = std::string_view("warning").size();

Colour colour_of(const Finding& finding) noexcept {
  if (finding.acknowledgement || finding.severity == Severity::notice) return Colour::faint;
  return finding.severity == Severity::error ? Colour::bad : Colour::warning;
}

std::string list_of(const std::vector<std::string>& names) {
  if (names.empty()) return "none";
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : " ") + log_value(name);
  return text;
}

void append_line(std::string& text, std::string_view label, std::string_view value) {
  fmt::format_to(std::back_inserter(text), "         {:<13} {}\n", label, value);
}

void append_finding(std::string& text, const Finding& finding) {
  const std::string severity = fmt::format("{:<{}}", word_of(finding.severity), severity_width);
  fmt::format_to(std::back_inserter(text), "\n{}  {}", coloured(severity, colour_of(finding)),
                 coloured(finding.id, Colour::strong));
  if (!finding.where.empty()) text += "  " + log_value(finding.where);
  text += "\n";
  append_line(text, "why", finding.reason);
  if (!finding.command.empty()) append_line(text, "to mend it", finding.command);
  if (finding.acknowledgement) append_line(text, "acknowledged", *finding.acknowledgement);
}

std::string count_of(std::size_t count, std::string_view what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

std::string summary_of(const Report& report) {
  const auto count = [&report](Severity severity) {
    return static_cast<std::size_t>(std::ranges::count_if(report.findings(), [severity](const Finding& finding) {
      return finding.severity == severity && !finding.acknowledgement;
    }));
  };
  const auto acknowledged = std::ranges::count_if(
      report.findings(), [](const Finding& finding) { return finding.acknowledgement.has_value(); });
  return fmt::format("{}, {}, {}; {} acknowledged", count_of(count(Severity::error), "error"),
                     count_of(count(Severity::warning), "warning"), count_of(count(Severity::notice), "notice"),
                     acknowledged);
}

std::string verdict_of(const Report& report) {
  const auto worst = report.worst();
  if (worst) return std::string(word_of(*worst));
  return report.findings().empty() ? "nothing found" : "nothing but what is acknowledged";
}

// null stands for what there is none of.
nlohmann::ordered_json json_text(const std::string& text) {
  if (text.empty()) return nullptr;
  return text;
}

nlohmann::ordered_json json_of(const Finding& finding) {
  nlohmann::ordered_json json{
      {"finding", finding.id},    {"severity", word_of(finding.severity)}, {"where", json_text(finding.where)},
      {"reason", finding.reason}, {"command", json_text(finding.command)}, {"acknowledged", nullptr}};
  if (finding.acknowledgement) json["acknowledged"] = *finding.acknowledgement;
  return json;
}

}  // namespace

std::string text_of(const Report& report, const Scope& scope) {
  std::string text = fmt::format("secshr {}\n", paths::version);
  fmt::format_to(std::back_inserter(text), "  {:<18} {}\n  {:<18} {}\n", "installations",
                 list_of(scope.installations), "directories", list_of(scope.directories));
  for (const Finding& finding : report.findings()) append_finding(text, finding);
  for (const Unseen& unseen : report.unseen()) {
    fmt::format_to(std::back_inserter(text), "\n{}  {}\n", coloured("could not look", Colour::bad),
                   log_value(unseen.where));
    append_line(text, "why", unseen.why);
  }
  const Colour colour = report.exit_status() == ExitStatus::fine ? Colour::good : Colour::bad;
  fmt::format_to(std::back_inserter(text), "\nworst: {} ({})\n", coloured(verdict_of(report), colour),
                 summary_of(report));
  return text;
}

std::string json_of(const Report& report, const Scope& scope) {
  nlohmann::ordered_json json{{"version", paths::version}, {"worst", nullptr}};
  if (const auto worst = report.worst()) json["worst"] = word_of(*worst);
  json["installations"] = scope.installations;
  json["directories"] = scope.directories;
  json["findings"] = nlohmann::ordered_json::array();
  for (const Finding& finding : report.findings()) json["findings"].push_back(json_of(finding));
  json["could_not_look"] = nlohmann::ordered_json::array();
  for (const Unseen& unseen : report.unseen()) {
    json["could_not_look"].push_back({{"where", unseen.where}, {"why", unseen.why}});
  }
  // Names of files may be no valid UTF-8.
  return json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace secshr::admin
