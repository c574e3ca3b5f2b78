#include "admin/doctor/report.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace secshr::admin {

std::string_view word_of(Severity severity) noexcept {
  switch (severity) {
    case Severity::notice:
      return "notice";
    case Severity::warning:
      return "warning";
    case Severity::error:
      return "error";
  }
  return "unknown";
}

void Report::add(Finding finding) {
  const auto is_same = [&finding](const Finding& other) {
    return std::tie(other.where, other.reason) == std::tie(finding.where, finding.reason);
  };
  if (std::ranges::none_of(findings_, is_same)) findings_.push_back(std::move(finding));
}

void Report::could_not_look(std::string where, std::string why) {
  unseen_.push_back({std::move(where), std::move(why)});
}

void Report::acknowledge(std::span<const Acknowledgement> acknowledged) {
  for (Finding& finding : findings_) {
    // One that names the path says more of this very finding than one that names none.
    const auto speaks_of = [&finding](const Acknowledgement& each, bool with_path) {
      return each.finding == finding.id && each.where.has_value() == with_path &&
             (!with_path || *each.where == finding.where);
    };
    for (const bool with_path : {false, true}) {
      for (const Acknowledgement& each : acknowledged) {
        if (speaks_of(each, with_path)) finding.acknowledgement = each.reason;
      }
    }
  }
}

void Report::sort() {
  std::vector<Finding> sorted;
  sorted.reserve(findings_.size());
  for (const bool acknowledged : {false, true}) {
    for (const Severity severity : {Severity::error, Severity::warning, Severity::notice}) {
      for (const Finding& finding : findings_) {
        const bool is_next = finding.severity == severity && finding.acknowledgement.has_value() == acknowledged;
        if (is_next) sorted.push_back(finding);
      }
    }
  }
  findings_ = std::move(sorted);
}

std::optional<Severity> Report::worst() const noexcept {
  std::optional<Severity> worst;
  for (const Finding& finding : findings_) {
    if (!finding.acknowledgement && (!worst || *worst < finding.severity)) worst = finding.severity;
  }
  return worst;
}

ExitStatus Report::exit_status() const noexcept {
  if (!unseen_.empty()) return ExitStatus::error;
  return worst().value_or(Severity::notice) > Severity::notice ? ExitStatus::findings : ExitStatus::fine;
}

}  // namespace secshr::admin
