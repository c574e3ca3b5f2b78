// The table of waiting requests: its limits, and that a late answer finds nobody.
#include "secshr/exchange_table.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <set>
#include <vector>

#include "tests/support/simulated_machine.h"

namespace secshr {
namespace {

using Stage = Exchange::Stage;

TEST(ExchangeTable, holds_all_that_may_be_parked_the_one_being_handled_and_no_more) {
  ExchangeTable table;
  std::set<Exchange*> taken;
  for (std::size_t count = 0; count < limits::parked_exchanges + 1; ++count) {
    EXPECT_EQ(table.in_use(), count);
    Exchange* exchange = table.take();
    ASSERT_NE(exchange, nullptr) << count;
    EXPECT_EQ(exchange->stage, Stage::handling);
    EXPECT_TRUE(taken.insert(exchange).second) << "given twice";
  }
  EXPECT_EQ(table.take(), nullptr);
  EXPECT_EQ(table.in_use(), limits::parked_exchanges + 1);

  Exchange* released = *taken.begin();
  table.release(*released);
  EXPECT_EQ(table.in_use(), limits::parked_exchanges);
  EXPECT_EQ(table.take(), released);
  EXPECT_EQ(table.take(), nullptr);
}

TEST(ExchangeTable, finds_a_job_only_in_the_stage_that_waits_for_it) {
  ExchangeTable table;
  Exchange* exchange = table.take();
  exchange->job = 5;
  for (const Stage waiting : {Stage::looking, Stage::writing, Stage::queued}) {
    exchange->stage = waiting;
    for (const Stage asked : {Stage::looking, Stage::writing, Stage::queued}) {
      EXPECT_EQ(table.find(asked, 5), asked == waiting ? exchange : nullptr);
      EXPECT_EQ(table.find(asked, 4), nullptr);
      EXPECT_EQ(table.find(asked, 6), nullptr);
      EXPECT_EQ(table.find(asked, 0), nullptr);
    }
  }
}

TEST(ExchangeTable, finds_nobody_for_the_job_of_a_released_exchange) {
  ExchangeTable table;
  Exchange* exchange = table.take();
  exchange->job = 5;
  exchange->stage = Stage::looking;
  ASSERT_EQ(table.find(Stage::looking, 5), exchange);
  table.release(*exchange);
  EXPECT_EQ(table.find(Stage::looking, 5), nullptr);
  // Nor when its place is another request's.
  ASSERT_EQ(table.take(), exchange);
  exchange->stage = Stage::looking;
  EXPECT_EQ(table.find(Stage::looking, 5), nullptr);
}

TEST(ExchangeTable, keeps_nothing_of_a_released_exchange) {
  ExchangeTable table;
  Exchange* exchange = table.take();
  exchange->attempts = 2;
  exchange->peer = Peer{{1, 2, 3}, Descriptor()};
  exchange->header = protocol::RequestHeader{};
  exchange->request = protocol::Ping{};
  exchange->seen = Seen{};
  exchange->object = ObjectFacts{};
  exchange->told = true;
  exchange->credentials = Credentials{1, 2, 3};
  exchange->process = SimulatedMachine::descriptor_of_file(1);
  const int process = exchange->process.get();
  ASSERT_GE(::fcntl(process, F_GETFD), 0);
  table.release(*exchange);
  ASSERT_EQ(table.take(), exchange);
  EXPECT_EQ(exchange->job, 0U);
  EXPECT_EQ(exchange->attempts, 0U);
  EXPECT_FALSE(exchange->peer);
  EXPECT_FALSE(exchange->header);
  EXPECT_FALSE(exchange->request);
  EXPECT_FALSE(exchange->seen);
  EXPECT_FALSE(exchange->object);
  EXPECT_FALSE(exchange->told);
  EXPECT_FALSE(exchange->credentials);
  EXPECT_FALSE(exchange->process);
  EXPECT_LT(::fcntl(process, F_GETFD), 0) << "closed";
}

TEST(ExchangeTable, counts_what_each_uid_has_parked) {
  ExchangeTable table;
  const auto add = [&](uid_t uid, Stage stage) {
    Exchange* exchange = table.take();
    exchange->peer = Peer{{1, uid, 3}, Descriptor()};
    exchange->stage = stage;
    return exchange;
  };
  (void)add(10, Stage::handling);  // does not wait
  Exchange* looking = add(10, Stage::looking);
  (void)add(10, Stage::queued);
  (void)add(10, Stage::writing);
  (void)add(11, Stage::looking);
  EXPECT_EQ(table.parked_by(10), 3U);
  EXPECT_EQ(table.parked_by(11), 1U);
  EXPECT_EQ(table.parked_by(12), 0U);
  table.release(*looking);
  EXPECT_EQ(table.parked_by(10), 2U);
}

}  // namespace
}  // namespace secshr
