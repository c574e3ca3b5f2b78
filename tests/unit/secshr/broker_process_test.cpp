// Waking and continuing through the whole broker: what was looked at is what is signalled, and nothing else is.
#include <csignal>
#include <filesystem>
#include <limits>

#include "tests/unit/secshr/broker_fixture.h"

namespace secshr {
namespace {

using namespace test;

constexpr pid_t target = 7000;
constexpr uid_t targets_uid = 2009;

class BrokerProcess : public BrokerTest {
 protected:
  BrokerProcess() { machine.start(target, {.uid = targets_uid, .gid = 1, .comm = "mupip"}); }

  std::string ask(const protocol::Request& request) {
    serve(bob_pid, request);
    machine.settle(broker);
    return outcome();
  }
  std::string wake(std::int32_t pid = target) { return ask(protocol::Wake{pid}); }
  std::string resume(std::int32_t pid = target) { return ask(protocol::ContinueProcess{pid}); }
  // Until what was seen of a process a moment ago counts no more.
  void pass_the_moment() { machine.clock += limits::target_known_for + std::chrono::milliseconds(1); }
  // How many looks it took.
  std::size_t looks_for(const protocol::Request& request) {
    serve(bob_pid, request);
    const std::size_t looks = machine.looks_waiting();
    machine.settle(broker);
    return looks;
  }
  SimulatedProcess& process() { return machine.processes.at(target); }

  const std::string not_ours = refused_with("proc.install", EPERM);
};

TEST_F(BrokerProcess, wakes_and_continues_a_process_of_the_installation_whoever_runs_it) {
  EXPECT_EQ(wake(), done);
  EXPECT_EQ(resume(), done);
  const auto signals = machine.signals();
  ASSERT_EQ(signals.size(), 2U);
  EXPECT_EQ(signals[0].signal, SIGALRM);
  EXPECT_EQ(signals[1].signal, SIGCONT);
  for (const auto& signal : signals) EXPECT_EQ(signal.birth, process().birth);
  EXPECT_EQ(broker.parked(), 0U);
}

TEST_F(BrokerProcess, says_who_asked_and_whose_process_it_was) {
  for (const bool runs_installation : {true, false}) {
    pass_the_moment();
    process().runs_installation = runs_installation;
    wake();
    const auto record = machine.records().back();
    EXPECT_EQ(record.pid, bob_pid);
    EXPECT_EQ(record.uid, bob);
    EXPECT_EQ(record.comm, "") << "the process that was looked at did not ask";
    EXPECT_EQ(record.request, "wake");
    EXPECT_EQ(record.object, std::to_string(target));
    EXPECT_EQ(record.owner, targets_uid);
    EXPECT_EQ(record.mode, std::nullopt);
    resume();
    EXPECT_EQ(machine.records().back().request, "continue");
    EXPECT_EQ(machine.records().back().owner, targets_uid);
  }
}

TEST_F(BrokerProcess, signals_nobody_outside_the_installation) {
  process().runs_installation = false;
  EXPECT_EQ(wake(), not_ours);
  EXPECT_EQ(resume(), not_ours);
  EXPECT_TRUE(machine.signals().empty());
}

// What root runs cannot be looked into.
TEST_F(BrokerProcess, signals_no_process_of_roots) {
  process().uid = 0;
  EXPECT_EQ(wake(), not_ours);
  EXPECT_EQ(resume(), not_ours);
  EXPECT_TRUE(machine.signals().empty());
}

TEST_F(BrokerProcess, signals_no_process_that_runs_as_two_users_at_once) {
  process().mixed_ids = true;
  EXPECT_EQ(wake(), not_ours);
  EXPECT_EQ(resume(), not_ours);
  EXPECT_TRUE(machine.signals().empty());
}

TEST_F(BrokerProcess, does_not_wake_a_process_that_would_die_of_it) {
  process().catches_alarm = false;
  EXPECT_EQ(wake(), refused_with("wake.caught", EPERM));
  EXPECT_TRUE(machine.signals().empty());
  EXPECT_EQ(resume(), done);
  ASSERT_EQ(machine.signals().size(), 1U);
  EXPECT_EQ(machine.signals()[0].signal, SIGCONT);
}

TEST_F(BrokerProcess, signals_no_group_and_not_everybody) {
  for (const std::int32_t pid : {0, -1, -target, std::numeric_limits<std::int32_t>::min()}) {
    EXPECT_EQ(wake(pid), refused_with("proc.install", EINVAL)) << pid;
    EXPECT_EQ(resume(pid), refused_with("proc.install", EINVAL)) << pid;
    EXPECT_EQ(machine.records().back().object, std::to_string(pid));
  }
  EXPECT_TRUE(machine.signals().empty());
}

TEST_F(BrokerProcess, answers_for_one_that_ended_as_stock_servers_do) {
  process().alive = false;
  EXPECT_EQ(wake(), refused_with("proc.install", ESRCH));
  EXPECT_EQ(resume(), done);
  EXPECT_TRUE(machine.signals().empty());
  process().zombie = true;
  EXPECT_EQ(wake(), refused_with("proc.install", ESRCH));
  EXPECT_EQ(resume(), refused_with("proc.install", ESRCH));
  EXPECT_TRUE(machine.signals().empty());
}

// One that is waited for is continued again and again.
TEST_F(BrokerProcess, looks_once_at_one_that_is_continued_again_within_a_moment) {
  EXPECT_EQ(looks_for(protocol::ContinueProcess{target}), 1U);
  EXPECT_EQ(looks_for(protocol::ContinueProcess{target}), 0U);
  EXPECT_EQ(outcome(), done);
  ASSERT_EQ(machine.signals().size(), 2U);
  EXPECT_EQ(machine.signals()[1].birth, process().birth);
  EXPECT_EQ(machine.records().back().owner, targets_uid);
  // Whoever asks; and being continued does not prolong the moment.
  machine.clock += limits::target_known_for;
  EXPECT_EQ(looks_for(protocol::ContinueProcess{target}), 0U);
  machine.clock += std::chrono::milliseconds(1);
  EXPECT_EQ(looks_for(protocol::ContinueProcess{target}), 1U);
  EXPECT_EQ(outcome(), done);
}

TEST_F(BrokerProcess, looks_each_time_at_one_that_is_woken) {
  EXPECT_EQ(looks_for(protocol::ContinueProcess{target}), 1U);
  for (int round = 0; round < 2; ++round) EXPECT_EQ(looks_for(protocol::Wake{target}), 1U);
}

TEST_F(BrokerProcess, looks_each_time_where_processes_have_no_numbers_of_their_own) {
  machine.numbers_processes = false;
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(looks_for(protocol::ContinueProcess{target}), 1U);
    EXPECT_EQ(outcome(), done);
  }
}

TEST_F(BrokerProcess, takes_no_later_process_for_the_one_that_it_has_looked_at) {
  EXPECT_EQ(resume(), done);
  machine.start(target, {.uid = targets_uid, .gid = 1, .runs_installation = false});
  EXPECT_EQ(resume(), not_ours);
  EXPECT_EQ(machine.signals().size(), 1U);
}

TEST_F(BrokerProcess, remembers_nobody_that_was_refused) {
  process().runs_installation = false;
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(looks_for(protocol::ContinueProcess{target}), 1U);
    EXPECT_EQ(outcome(), not_ours);
  }
  // The moment begins when the look was asked for: one that took longer says nothing any more.
  process().runs_installation = true;
  serve(bob_pid, protocol::ContinueProcess{target});
  machine.clock += limits::target_known_for + std::chrono::milliseconds(1);
  machine.settle(broker);
  EXPECT_EQ(outcome(), done);
  EXPECT_EQ(looks_for(protocol::ContinueProcess{target}), 1U);
}

TEST_F(BrokerProcess, looks_at_the_client_each_time_where_its_groups_decide) {
  Restrictions restrictions;
  restrictions.continue_process.groups = {3100};
  Service restricted = service;
  restricted.restrictions = &restrictions;
  Broker strict{restricted, machine.kernel(), machine.looker(), machine.writer(), machine.audit()};
  machine.processes.at(bob_pid).groups = {3100};
  const auto ask_strict = [&] {
    machine.send(bob_pid, encoded(header_of(bob_pid), protocol::ContinueProcess{target}));
    EXPECT_TRUE(strict.handle_request(served));
    machine.settle(strict);
    return outcome();
  };
  EXPECT_EQ(ask_strict(), done);
  machine.processes.at(bob_pid).groups = {};
  EXPECT_EQ(ask_strict(), refused_with("cfg.off", EPERM));
}

// Where only some are served, the others are told nothing, not even whether there is such a process.
TEST_F(BrokerProcess, tells_who_is_not_served_nothing_of_a_process) {
  const gid_t operators = 3100;
  Service locked = service;
  locked.lockdown = Lockdown{operators};
  Broker strict{locked, machine.kernel(), machine.looker(), machine.writer(), machine.audit()};
  const pid_t operators_pid = 5000;
  machine.start(operators_pid, {.uid = bob, .gid = 1, .groups = {operators}});
  const auto ask_of = [&](pid_t pid, const protocol::Request& request) {
    machine.send(pid, encoded(header_of(pid), request));
    EXPECT_TRUE(strict.handle_request(served));
    machine.settle(strict);
    return outcome();
  };
  process().alive = false;
  for (const pid_t named : {target, -1}) {
    EXPECT_EQ(ask_of(bob_pid, protocol::ContinueProcess{named}), refused_with("lockdown", EPERM)) << named;
    EXPECT_EQ(ask_of(bob_pid, protocol::Wake{named}), refused_with("lockdown", EPERM)) << named;
  }
  EXPECT_EQ(ask_of(operators_pid, protocol::ContinueProcess{target}), done);
  EXPECT_EQ(ask_of(operators_pid, protocol::Wake{target}), refused_with("proc.install", ESRCH));
  EXPECT_EQ(ask_of(operators_pid, protocol::Wake{-1}), refused_with("proc.install", EINVAL));
}

TEST_F(BrokerProcess, refuses_a_thread_id) {
  machine.open_process_error = ENOENT;
  EXPECT_EQ(wake(), not_ours);
  EXPECT_EQ(resume(), not_ours);
  EXPECT_TRUE(machine.signals().empty());
}

// Where a group decides, the client is looked at first. That wait is nobody's share, but what follows is.
TEST_F(BrokerProcess, keeps_to_the_limit_of_a_uid_where_the_client_is_looked_at_before_the_process) {
  const gid_t operators = 3100;
  Restrictions restrictions;
  restrictions.continue_process.groups = {operators};
  Service restricted = service;
  restricted.restrictions = &restrictions;
  Broker strict{restricted, machine.kernel(), machine.looker(), machine.writer(), machine.audit()};
  constexpr std::size_t asked = limits::parked_slow_per_uid + 5;
  static_assert(asked < limits::parked_exchanges);
  for (std::size_t count = 0; count < asked; ++count) {
    const pid_t pid = 5000 + static_cast<pid_t>(count);
    machine.start(pid, {.uid = bob, .gid = 1, .groups = {operators}});
    machine.send(pid, encoded(header_of(pid), protocol::ContinueProcess{target}));
    ASSERT_TRUE(strict.handle_request(served));
  }
  ASSERT_EQ(strict.parked(), asked);
  // Their clients are seen; their targets hang.
  for (std::size_t count = 0; count < asked; ++count) {
    std::size_t place = 0;
    while (machine.look_at(place) != LookAt::client) ASSERT_LT(++place, machine.looks_waiting());
    strict.on_seen(machine.look(place));
  }
  EXPECT_EQ(strict.parked(), limits::parked_slow_per_uid);
  EXPECT_EQ(machine.records().size(), 5U);
  EXPECT_EQ(outcome(), refused_with("rate.uid", EBUSY));
  machine.settle(strict);
  EXPECT_EQ(machine.signals().size(), limits::parked_slow_per_uid);
}

// The pid is given to another process, of the same installation and all, at each moment in between.

TEST_F(BrokerProcess, signals_nobody_when_the_pid_was_reused_before_the_look) {
  for (const protocol::Request& request :
       {protocol::Request(protocol::Wake{target}), protocol::Request(protocol::ContinueProcess{target})}) {
    serve(bob_pid, request);
    machine.start(target, {.uid = targets_uid, .gid = 1});
    machine.settle(broker);
    EXPECT_EQ(outcome(), refused_with("proc.install", ESRCH));
  }
  EXPECT_TRUE(machine.signals().empty());
}

TEST_F(BrokerProcess, signals_nobody_when_the_pid_was_reused_between_look_and_signal) {
  for (const protocol::Request& request :
       {protocol::Request(protocol::Wake{target}), protocol::Request(protocol::ContinueProcess{target})}) {
    serve(bob_pid, request);
    Seen seen = machine.look();
    ASSERT_EQ(seen.report.verdict, LookVerdict::seen);
    machine.start(target, {.uid = targets_uid, .gid = 1});
    broker.on_seen(std::move(seen));
    // To continue what has ended is done already.
    EXPECT_EQ(outcome(), std::holds_alternative<protocol::Wake>(request) ? failed_with(ESRCH) : done);
  }
  EXPECT_TRUE(machine.signals().empty());
}

TEST_F(BrokerProcess, looks_at_the_named_process_and_not_at_the_client) {
  process().runs_installation = false;
  ASSERT_TRUE(machine.processes.at(bob_pid).runs_installation);
  EXPECT_EQ(wake(), not_ours);
  process().runs_installation = true;
  machine.processes.at(bob_pid).runs_installation = false;
  machine.processes.at(bob_pid).catches_alarm = false;
  EXPECT_EQ(wake(), done);
}

TEST_F(BrokerProcess, says_that_the_signal_failed) {
  for (const int error : {EPERM, ESRCH, EINVAL}) {
    machine.signal_error = error;
    EXPECT_EQ(wake(), failed_with(error));
    EXPECT_EQ(resume(), error == ESRCH ? done : failed_with(error));
  }
}

TEST_F(BrokerProcess, keeps_no_descriptor_of_a_process_however_the_request_ends) {
  const auto descriptors = [] {
    const std::filesystem::directory_iterator entries("/proc/self/fd");
    return std::distance(begin(entries), end(entries));
  };
  wake();
  const auto before = descriptors();
  for (int round = 0; round < 50; ++round) {
    wake();
    process().runs_installation = round % 2 == 0;
    machine.looker_error = round % 3 == 0 ? std::optional(EAGAIN) : std::nullopt;
    resume();
    wake(0);
    wake(target + 1);
  }
  EXPECT_EQ(descriptors(), before);
}

TEST_F(BrokerProcess, opens_no_process_for_a_uid_that_has_used_its_share) {
  for (std::size_t count = 0; count < limits::parked_slow_per_uid; ++count) serve(bob_pid, protocol::Wake{target});
  ASSERT_EQ(broker.parked(), limits::parked_slow_per_uid);
  machine.open_process_error = EMFILE;
  serve(bob_pid, protocol::Wake{target});
  EXPECT_EQ(outcome(), refused_with("rate.uid", EBUSY));
  serve(bob_pid, protocol::ContinueProcess{0});
  EXPECT_EQ(outcome(), refused_with("rate.uid", EBUSY));
  machine.open_process_error.reset();
  machine.settle(broker);
  EXPECT_EQ(machine.signals().size(), limits::parked_slow_per_uid);
}

TEST_F(BrokerProcess, does_not_signal_after_the_deadline) {
  serve(bob_pid, protocol::Wake{target});
  pass(limits::request_deadline);
  EXPECT_EQ(outcome(), failed_with(ETIMEDOUT));
  machine.settle(broker);
  EXPECT_TRUE(machine.signals().empty());
  EXPECT_EQ(machine.records().size(), 1U);
}

}  // namespace
}  // namespace secshr
