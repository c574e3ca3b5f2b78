// What a broker and the supervisors of its helpers do besides serving, and a system call of it that does not go well:
// a takeover leaves every directory served, and a worker that dies is replaced, or the broker is.
#include <csignal>

#include "secshr_paths.h"
#include "tests/integration/failed_service_fixture.h"

namespace secshr::test {
namespace {

class BrokerFailedHandover : public FailedServiceTest {
 protected:
  inline static const std::string another = "/mnt/test/another";

  void SetUp() override {
    FailedServiceTest::SetUp();
    if (!IsSkipped() && !HasFatalFailure()) make_directory(another, 01777);
  }

  // As stock clients do that find nobody, and later again.
  static void expect_served(const Identity& identity, const std::string& directory) {
    bool is_served = false;
    for (unsigned attempt = 0; attempt < 3 && !is_served; ++attempt) {
      is_served = start(identity, directory).ending == ending_of(StartStatus::serving);
    }
    EXPECT_TRUE(is_served) << directory;
    expect_serving(directory);
  }

  bool try_takeover(const std::optional<Fault>& fault) {
    // As if nobody had ever served: what was is asked for again, and takeovers are so many a minute.
    end_broker();
    if (exists(paths::run)) remove_tree(paths::run);
    become_whole();
    const auto client = connect(first_user);
    bool was_disturbed = false;
    {
      const Disturbance disturbance({{lock_holder().value_or(-1), Part::broker}}, fault);
      // It is there when the queue is closed, or before.
      EXPECT_EQ(client->send(server_in(), datagram(*client, protocol::Ping{})), 0);
      const Ending wrapper = start(second_user, another).ending;
      EXPECT_FALSE(wrapper.by_signal);
      EXPECT_LE(wrapper.code, static_cast<int>(StartStatus::not_adopted));
      EXPECT_NE(wrapper.code, 6);
      disturbance.rest();
      was_disturbed = disturbance.was_disturbed();
      if (!fault) recorded_ = disturbance.made();
      for (const int signal : disturbance.deaths()) EXPECT_EQ(signal, SIGABRT);
      EXPECT_TRUE(fault || wrapper == ending_of(StartStatus::serving));
    }
    const bool is_lost = !client->receive(std::chrono::milliseconds(fault ? 500 : 8000)).has_value();
    EXPECT_FALSE(is_lost && (!fault || is_to_be_heeded(*fault))) << "what was asked before is lost";
    if (is_lost) ++counts_.asked_again;
    expect_served(first_user, tmp);
    expect_served(second_user, another);
    // The former one ends, or is ended.
    EXPECT_TRUE(eventually([] { return find_broker_processes().brokers.size() == 1; }) ||
                eventually([] { return find_broker_processes().brokers.size() == 1; }))
        << "the former broker goes on";
    expect_whole(state_of(database));
    clean_up();
    return was_disturbed;
  }

  using Workers = std::vector<pid_t> BrokerProcesses::*;
  bool try_death(Workers supervisors, Workers workers, const std::optional<Fault>& fault) {
    become_whole();
    const BrokerProcesses found = find_broker_processes();
    bool was_disturbed = false;
    {
      const Disturbance disturbance({{(found.*supervisors).front(), Part::supervisor}}, fault);
      EXPECT_EQ(::kill((found.*workers).front(), SIGKILL), 0);
      expect_others_are_served();
      disturbance.rest();
      was_disturbed = disturbance.was_disturbed();
      if (!fault) recorded_ = disturbance.made();
      for (const int signal : disturbance.deaths()) EXPECT_TRUE(signal == SIGABRT || signal == SIGKILL) << signal;
    }
    expect_others_are_served();
    expect_whole(state_of(database));
    EXPECT_TRUE(fault || lock_holder() == found.brokers.front());
    clean_up();
    return was_disturbed;
  }
  void try_each_death(Workers supervisors, Workers workers) {
    (void)try_death(supervisors, workers, std::nullopt);
    ASSERT_FALSE(HasFailure()) << "without any fault";
    const auto calls = recorded_;
    try_all(calls.size(), every_fault_of(calls, {Part::supervisor, Part::new_worker}), 8,
            [&](const Fault& fault) { return try_death(supervisors, workers, fault); });
  }

  std::vector<MadeCall> recorded_;
};

TEST_F(BrokerFailedHandover, of_a_broker_that_is_taken_over_from) {
  (void)try_takeover(std::nullopt);
  ASSERT_FALSE(HasFailure()) << "without any fault";
  const auto calls = recorded_;
  try_all(calls.size(), every_fault_of(calls, {Part::broker}), 16,
          [this](const Fault& fault) { return try_takeover(fault); });
}

TEST_F(BrokerFailedHandover, of_a_worker_that_died) {
  try_each_death(&BrokerProcesses::looker_supervisors, &BrokerProcesses::lookers);
  try_each_death(&BrokerProcesses::writer_supervisors, &BrokerProcesses::writers);
  try_each_death(&BrokerProcesses::recorder_supervisors, &BrokerProcesses::recorders);
}

}  // namespace
}  // namespace secshr::test
