// Which process may be woken or continued: one of the adopted installation, and woken only where it lives on.
#include <cerrno>

#include "tests/unit/secshr/authorize_fixture.h"

namespace secshr {
namespace {

using namespace test;

class AuthorizeProcess : public AuthorizeTest {
 protected:
  AuthorizeProcess() { named_process = process_.get(); }

  std::string wake_decision(const Seen& seen) { return decision(protocol::Wake{other_pid}, seen); }
  std::string continue_decision(const Seen& seen) { return decision(protocol::ContinueProcess{other_pid}, seen); }

 private:
  Descriptor process_ = machine.pidfd_of(other_pid);
};

TEST_F(AuthorizeProcess, permits_just_the_process_that_was_looked_at) {
  const Seen seen = seen_process();
  const auto wake = authorize(protocol::Wake{other_pid}, &seen);
  ASSERT_TRUE(wake);
  EXPECT_EQ(std::get<Permit<ProcessWake>>(*wake).what().pidfd, named_process);
  const auto resume = authorize(protocol::ContinueProcess{other_pid}, &seen);
  ASSERT_TRUE(resume);
  EXPECT_EQ(std::get<Permit<ProcessContinue>>(*resume).what().pidfd, named_process);
  EXPECT_TRUE(machine.journal.empty()) << "to authorize changes nothing";
}

TEST_F(AuthorizeProcess, refuses_a_process_that_does_not_run_the_installation) {
  for (const bool catches_alarm : {true, false}) {
    EXPECT_EQ(wake_decision(seen_process(false, catches_alarm)), denied("proc.install", EPERM));
    EXPECT_EQ(continue_decision(seen_process(false, catches_alarm)), denied("proc.install", EPERM));
  }
}

// The default action of SIGALRM kills.
TEST_F(AuthorizeProcess, refuses_to_wake_a_process_that_does_not_catch_the_signal_but_continues_it) {
  EXPECT_EQ(wake_decision(seen_process(true, false)), denied("wake.caught", EPERM));
  EXPECT_EQ(continue_decision(seen_process(true, false)), permitted);
  EXPECT_EQ(wake_decision(seen_process(true, true)), permitted);
}

TEST_F(AuthorizeProcess, refuses_whatever_the_looker_did_not_see_though_the_rest_of_its_report_is_fine) {
  for (const auto verdict :
       {LookVerdict::peer_mixed, LookVerdict::too_many_groups, LookVerdict::other_namespace, LookVerdict::unreadable,
        LookVerdict::wrong_type, LookVerdict::not_a_database, static_cast<LookVerdict>(99)}) {
    Seen seen = seen_process();
    seen.report.verdict = verdict;
    EXPECT_EQ(wake_decision(seen), denied("proc.install", EPERM)) << static_cast<int>(verdict);
    EXPECT_EQ(continue_decision(seen), denied("proc.install", EPERM)) << static_cast<int>(verdict);
  }
}

TEST_F(AuthorizeProcess, tells_that_the_process_ended_before_it_was_looked_at) {
  Seen seen = seen_process();
  seen.report.verdict = LookVerdict::peer_gone;
  EXPECT_EQ(wake_decision(seen), denied("proc.install", ESRCH));
  EXPECT_EQ(continue_decision(seen), denied("proc.install", ESRCH));
}

TEST_F(AuthorizeProcess, tells_the_record_whose_process_it_refused_and_nothing_of_one_that_it_did_not_see) {
  const auto object_of = [&](const protocol::Request& request, const Seen& seen) -> std::optional<ObjectFacts> {
    const auto permit = authorize(request, &seen);
    EXPECT_FALSE(permit);
    return permit ? std::nullopt : permit.error().object;
  };
  const auto expect_owner = [&](const protocol::Request& request, const Seen& seen) {
    const auto object = object_of(request, seen);
    ASSERT_TRUE(object);
    EXPECT_EQ(object->owner, other_uid);
    EXPECT_EQ(object->mode, std::nullopt);
  };
  expect_owner(protocol::Wake{other_pid}, seen_process(false));
  expect_owner(protocol::ContinueProcess{other_pid}, seen_process(false));
  expect_owner(protocol::Wake{other_pid}, seen_process(true, false));
  Seen unseen = seen_process();
  unseen.report.verdict = LookVerdict::peer_mixed;
  EXPECT_FALSE(object_of(protocol::Wake{other_pid}, unseen));
}

}  // namespace
}  // namespace secshr
