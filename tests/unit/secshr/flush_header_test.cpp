// What the writer's answer means to the client and to the log, and that the writer is told exactly what was
// permitted.
#include "secshr/operations/flush_header.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <string_view>

#include "tests/support/simulated_machine.h"

namespace secshr {
namespace {

constexpr std::int32_t some_error = ENOSPC;

struct Meaning {
  WriteReport report;
  Verdict verdict;
  std::string_view rule;
  std::int32_t code;
};

class OutcomeOfFlush : public testing::TestWithParam<Meaning> {};

TEST_P(OutcomeOfFlush, is_what_the_writer_said) {
  const Meaning& meaning = GetParam();
  const Outcome outcome = outcome_of_flush(meaning.report);
  EXPECT_EQ(outcome.verdict, meaning.verdict);
  EXPECT_EQ(outcome.rule, meaning.rule);
  EXPECT_EQ(outcome.code, meaning.code);
}

INSTANTIATE_TEST_SUITE_P(EveryVerdict, OutcomeOfFlush,
                         testing::Values(Meaning{{1, WriteVerdict::written, 0}, Verdict::done, "-", 0},
                                         Meaning{{1, WriteVerdict::changed, 0}, Verdict::failed, "-", EBUSY},
                                         Meaning{{1, WriteVerdict::refused, 0}, Verdict::refused, "hdr.type", EPERM},
                                         Meaning{{1, WriteVerdict::too_late, 0}, Verdict::failed, "-", ETIMEDOUT},
                                         Meaning{
                                             {1, WriteVerdict::failed, some_error}, Verdict::failed, "-", some_error},
                                         // A failure is never told as a success.
                                         Meaning{{1, WriteVerdict::failed, 0}, Verdict::failed, "-", EIO}));

TEST(StartFlush, tells_the_writer_what_the_permit_says) {
  SimulatedMachine machine;
  constexpr protocol::IpcIds ids{7, 8, 70, 80};
  constexpr protocol::IpcIds before{1, 2, 3, 4};
  machine.semaphore_sets[7] = {{2001, 2001, 70}, 0};
  machine.segments[8] = {{2001, 2001, 80}};
  Seen seen;
  seen.report.verdict = LookVerdict::seen;
  seen.report.ids = before;
  seen.file = SimulatedMachine::descriptor_of_file(42);
  machine.files[42] = {.ids = before};
  const Peer peer{{1001, 2001, 3001}, Descriptor()};
  const Evidence evidence{&seen, nullptr, -1, -1, {}};
  const auto permit =
      Authorizer(machine.kernel(), Policy()).authorize(peer, protocol::FlushHeader{ids, "/d"}, evidence);
  ASSERT_TRUE(permit);

  const auto deadline = machine.clock + std::chrono::seconds(1);
  const auto& flush = std::get<Permit<HeaderFlush>>(*permit);
  ASSERT_TRUE(start_flush(flush, machine.writer(), 9, deadline));
  EXPECT_EQ(machine.next_write().job, 9U);
  EXPECT_EQ(machine.next_write().deadline, deadline);
  EXPECT_EQ(machine.next_write().expected, before);
  EXPECT_EQ(machine.next_write().wanted, ids);
  EXPECT_EQ(machine.write().verdict, WriteVerdict::written);
  EXPECT_EQ(machine.files.at(42).ids, ids);

  machine.writer_error = EAGAIN;
  const auto refused = start_flush(flush, machine.writer(), 10, deadline);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error(), EAGAIN);
}

}  // namespace
}  // namespace secshr
