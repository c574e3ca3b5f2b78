// What secshrctl doctor has found: each with a word of its own, and what could not be looked at at all.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "admin/failure.h"
#include "installation/acknowledgements.h"

namespace secshr::admin {

// In rising order.
enum class Severity : std::uint8_t {
  notice,   // worth knowing
  warning,  // somebody can be disturbed by it, or a protection is missing
  error,    // somebody can gain by it, or secshr does not work
};
std::string_view word_of(Severity severity) noexcept;

struct Finding {
  std::string_view id;  // one of finding_ids
  Severity severity = Severity::notice;
  std::string where;    // a path; empty: the machine
  std::string reason;   // one sentence
  std::string command;  // what mends it, for a shell; empty: nothing that can be typed
  std::optional<std::string> acknowledgement = std::nullopt;
};

struct Unseen {
  std::string where;
  std::string why;
};

class Report {
 public:
  // The same of one place twice is one, which goes by its first name: several things lie below one directory.
  void add(Finding finding);
  void could_not_look(std::string where, std::string why);
  void acknowledge(std::span<const Acknowledgement> acknowledged);
  // What counts before what is acknowledged, the worst first, each kind as it was found.
  void sort();

  [[nodiscard]] const std::vector<Finding>& findings() const noexcept { return findings_; }
  [[nodiscard]] const std::vector<Unseen>& unseen() const noexcept { return unseen_; }
  // Of those that are not acknowledged.
  [[nodiscard]] std::optional<Severity> worst() const noexcept;
  [[nodiscard]] ExitStatus exit_status() const noexcept;

 private:
  std::vector<Finding> findings_;
  std::vector<Unseen> unseen_;
};

}  // namespace secshr::admin
