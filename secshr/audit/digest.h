// Keeps the log readable: whatever changed something is a line, but routine is counted, and so is what is refused
// more often than is worth a line. The counts are said once a minute, so that lines and counts together are the
// records.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "secshr/audit/audit.h"
#include "secshr/kernel.h"

namespace secshr {

struct DigestLimits {
  bool routine_lines = false;  // of a wake, continue or ping that was done
  // A line each for so many of what was refused, failed or dropped. All uids together have `uids_worth` times as
  // many, and besides these their first ones, as long as they are no more than `uids_with_first_line`: what ten uids
  // take leaves an eleventh its line.
  unsigned refusals_per_minute_per_uid = 60;
};

class Digest final : public Audit {
 public:
  static constexpr std::chrono::minutes minute{1};
  static constexpr unsigned uids_worth = 10;
  static constexpr unsigned uids_with_first_line = 256;
  // Uids that can have lines in a minute. Those of others are withheld.
  static constexpr std::size_t uids_with_lines = 1024;
  // Uids whose withheld records are counted apart. Those of others are counted together.
  static constexpr std::size_t uids_withheld = 256;
  // Rules that are counted apart, and how many of them a summary names.
  static constexpr std::size_t rules_counted = 31;
  static constexpr std::size_t rules_named = 8;

  // All that is allocated is allocated here.
  Digest(Audit& log, const DigestLimits& limits, MonotonicTime now);

  // The time is that of the last tick(): call that after each wait, before what was waited for is served. The names
  // of rules are literals.
  Ticket record(const AuditRecord& record) noexcept override;
  void event(std::string_view name, std::string_view detail) noexcept override { log_.event(name, detail); }
  void summary(const AuditSummary& summary) noexcept override { log_.summary(summary); }
  [[nodiscard]] bool has_written(Ticket ticket) const noexcept override { return log_.has_written(ticket); }

  // Writes the summaries that are due: a minute after the first record that is withheld. Those are `served`, with
  // what was done of routine, and for each uid one `withheld`, which counts by rule, or by verdict where there was no
  // rule. A detail that begins with "no uid:" is about records without one, "other uids:" about those that found no
  // place of their own.
  void tick(MonotonicTime now) noexcept;
  // When tick() has something to do. nullopt: nothing is withheld.
  [[nodiscard]] std::optional<MonotonicTime> next_due() const noexcept;
  // All that is withheld, at the end of the broker's life.
  void flush() noexcept;

 private:
  using Uid = std::optional<uid_t>;  // records without one count as those of one more uid

  static constexpr std::size_t routine_requests = 4;

  struct Lines {
    Uid uid;
    unsigned count = 0;
  };
  struct Withheld {
    Uid uid;
    std::uint64_t count = 0;
    std::array<std::uint64_t, rules_counted + 1> by_rule{};  // the last: rules without a place of their own
  };

  [[nodiscard]] bool takes_line(Uid uid) noexcept;
  void begin_minute() noexcept;
  void withhold(const AuditRecord& record) noexcept;
  [[nodiscard]] Withheld& withheld_of(Uid uid) noexcept;
  void count_withheld() noexcept;
  [[nodiscard]] std::size_t index_of_rule(const Outcome& outcome) noexcept;
  void write_served() noexcept;
  void write_withheld(const Withheld& withheld, std::string_view about) noexcept;

  Audit& log_;
  DigestLimits limits_;
  MonotonicTime now_;
  MonotonicTime minute_ends_;    // of those who have lines
  MonotonicTime summaries_due_;  // where something is withheld
  std::uint64_t records_withheld_ = 0;

  std::array<std::uint64_t, routine_requests> served_{};
  std::uint64_t common_lines_ = 0;
  unsigned first_lines_ = 0;
  std::vector<Lines> lines_;        // sorted by uid, as are the next
  std::vector<Withheld> withheld_;  // neither ever grows beyond what was reserved
  Withheld others_;
  std::array<std::string_view, rules_counted> rules_;  // as they came
  std::size_t rules_known_ = 0;
};

}  // namespace secshr
