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

TEST(ExchangeTable, holds_all_that_may_be_parked_and_no_more) {
  ExchangeTable table;
  std::set<Exchange*> taken;
  for (std::size_t count = 0; count < limits::parked_exchanges; ++count) {
    EXPECT_EQ(table.in_use(), count);
    EXPECT_FALSE(table.is_full());
    Exchange* exchange = table.take();
    ASSERT_NE(exchange, nullptr) << count;
    EXPECT_EQ(exchange->stage, Stage::handling);
    EXPECT_TRUE(taken.insert(exchange).second) << "given twice";
  }
  EXPECT_EQ(table.take(), nullptr);
  EXPECT_EQ(table.in_use(), limits::parked_exchanges);
  EXPECT_TRUE(table.is_full());

  Exchange* released = *taken.begin();
  table.release(*released);
  EXPECT_EQ(table.in_use(), limits::parked_exchanges - 1);
  EXPECT_FALSE(table.is_full());
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

class ExchangeTableRoom : public testing::Test {
 protected:
  Exchange* add(LookAt look, uid_t uid, Stage stage = Stage::queued) {
    Exchange* exchange = table.take();
    if (exchange == nullptr) return nullptr;
    exchange->peer = Peer{{1, uid, 3}, Descriptor()};
    exchange->look = look;
    exchange->stage = stage;
    return exchange;
  }
  void add(std::size_t count, LookAt look, uid_t uid) {
    for (std::size_t each = 0; each < count; ++each) ASSERT_NE(add(look, uid), nullptr);
  }
  ExchangeTable table;
};

TEST_F(ExchangeTableRoom, is_bounded_for_the_files_of_a_uid_in_every_stage_that_waits) {
  add(limits::parked_files_per_uid - 4, LookAt::file, 10);
  (void)add(LookAt::file, 10, Stage::handling);  // does not wait
  for (const Stage stage : {Stage::looking, Stage::queued, Stage::writing}) (void)add(LookAt::file, 10, stage);
  EXPECT_TRUE(table.has_room_for(LookAt::file, 10));
  Exchange* last = add(LookAt::file, 10, Stage::recording);
  EXPECT_FALSE(table.has_room_for(LookAt::file, 10));
  EXPECT_TRUE(table.has_room_for(LookAt::file, 11));
  EXPECT_TRUE(table.has_room_for(LookAt::process, 10));
  EXPECT_TRUE(table.has_room_for(LookAt::client, 10));
  table.release(*last);
  EXPECT_TRUE(table.has_room_for(LookAt::file, 10));
}

TEST_F(ExchangeTableRoom, is_bounded_for_all_of_a_uid_that_can_hang) {
  add(limits::parked_files_per_uid, LookAt::file, 10);
  add(limits::parked_slow_per_uid - limits::parked_files_per_uid - 1, LookAt::process, 10);
  EXPECT_TRUE(table.has_room_for(LookAt::process, 10));
  add(1, LookAt::process, 10);
  EXPECT_FALSE(table.has_room_for(LookAt::process, 10));
  EXPECT_TRUE(table.has_room_for(LookAt::client, 10));
  EXPECT_TRUE(table.has_room_for(LookAt::file, 11));
  EXPECT_TRUE(table.has_room_for(LookAt::process, 11));
}

TEST_F(ExchangeTableRoom, is_bounded_for_all_that_can_hang_and_the_rest_is_for_clients_of_whatever_uid) {
  for (std::size_t count = 0; count + 1 < limits::parked_slow; ++count) {
    (void)add(count % 2 == 0 ? LookAt::file : LookAt::process, static_cast<uid_t>(1000 + count));
  }
  EXPECT_TRUE(table.has_room_for(LookAt::file, 1));
  add(1, LookAt::process, 1);
  EXPECT_FALSE(table.has_room_for(LookAt::file, 2));
  EXPECT_FALSE(table.has_room_for(LookAt::process, 2));
  while (!table.is_full()) {
    EXPECT_TRUE(table.has_room_for(LookAt::client, 10));
    add(1, LookAt::client, 10);
  }
  EXPECT_EQ(table.in_use(), limits::parked_exchanges);
}

TEST_F(ExchangeTableRoom, counts_what_waits_for_clients_as_nothing_else) {
  add(limits::parked_slow, LookAt::client, 10);
  EXPECT_TRUE(table.has_room_for(LookAt::file, 10));
  EXPECT_TRUE(table.has_room_for(LookAt::process, 10));
}

TEST_F(ExchangeTableRoom, gives_the_looker_to_each_kind_by_its_share_of_the_uid) {
  for (const LookAt slow : {LookAt::file, LookAt::process}) {
    LookerTurns turns;
    for (std::size_t count = 0; count < limits::looks_per_uid; ++count) {
      EXPECT_TRUE(turns.has_turn(slow, 10));
      turns.add(slow, 10);
    }
    EXPECT_FALSE(turns.has_turn(LookAt::file, 10));
    EXPECT_FALSE(turns.has_turn(LookAt::process, 10));
    EXPECT_TRUE(turns.has_turn(slow, 11));
    for (std::size_t count = 0; count < limits::looks_per_uid; ++count) {
      EXPECT_TRUE(turns.has_turn(LookAt::client, 10));
      turns.add(LookAt::client, 10);
    }
    EXPECT_FALSE(turns.has_turn(LookAt::client, 10));
    EXPECT_TRUE(turns.has_turn(LookAt::client, 11));
  }
}

TEST_F(ExchangeTableRoom, keeps_workers_of_the_looker_for_clients) {
  LookerTurns turns;
  uid_t uid = 10;
  for (std::size_t count = 0; count < limits::slow_looks; ++count) {
    EXPECT_TRUE(turns.has_turn(LookAt::file, uid));
    turns.add(LookAt::file, uid++);
  }
  EXPECT_FALSE(turns.has_turn(LookAt::file, uid));
  EXPECT_FALSE(turns.has_turn(LookAt::process, uid));
  for (std::size_t count = limits::slow_looks; count < limits::looker_workers; ++count) {
    EXPECT_TRUE(turns.has_turn(LookAt::client, uid));
    turns.add(LookAt::client, uid++);
  }
  EXPECT_FALSE(turns.has_turn(LookAt::client, uid));
}

TEST_F(ExchangeTableRoom, tells_whom_the_looker_is_busy_for) {
  (void)add(LookAt::file, 10, Stage::looking);
  (void)add(LookAt::file, 10, Stage::queued);
  (void)add(LookAt::file, 10, Stage::writing);
  EXPECT_TRUE(table.looker_turns().has_turn(LookAt::file, 10));
  Exchange* second = add(LookAt::process, 10, Stage::looking);
  EXPECT_FALSE(table.looker_turns().has_turn(LookAt::file, 10));
  table.release(*second);
  EXPECT_EQ(second->look, LookAt::client);
  EXPECT_TRUE(table.looker_turns().has_turn(LookAt::file, 10));
}

}  // namespace
}  // namespace secshr
