// Which objects are stranded, and whose they are.
#include "admin/leftovers/stranded_objects.h"

#include <gtest/gtest.h>

namespace secshr::admin {
namespace {

// Processes up to 99 live, and started at time 1000.
bool is_alive(pid_t pid, std::int64_t time) {
  return pid < 100 && time >= 1000;
}

IpcFacts segment(int id, std::vector<pid_t> pids = {100}) {
  IpcFacts facts;
  facts.kind = IpcKind::segment;
  facts.id = id;
  facts.made = 2000;
  facts.pids = std::move(pids);
  return facts;
}
IpcFacts set(int id, std::uint32_t key = 0, std::vector<pid_t> pids = {100}) {
  IpcFacts facts = segment(id, std::move(pids));
  facts.kind = IpcKind::set;
  facts.key = key;
  return facts;
}

// Set 1, segment 2, and the set of this key.
DatabaseFile database(const std::string& path, std::uint32_t key = 0x2b000001) {
  return {path, 3001, 7, {1, 2, 2000, 2000}, key};
}

std::vector<int> ids_of(const std::vector<IpcFacts>& objects) {
  std::vector<int> ids;
  ids.reserve(objects.size());
  for (const IpcFacts& each : objects) ids.push_back(each.id);
  return ids;
}
using Ids = std::vector<int>;

TEST(Stranded, is_what_dead_processes_alone_have_used) {
  EXPECT_TRUE(is_stranded(segment(1), is_alive));
  EXPECT_TRUE(is_stranded(segment(1, {100, 101}), is_alive));
  EXPECT_FALSE(is_stranded(segment(1, {99}), is_alive));
  EXPECT_FALSE(is_stranded(segment(1, {99, 100}), is_alive)) << "one of them lives";
  EXPECT_TRUE(is_stranded(set(1), is_alive));
  EXPECT_FALSE(is_stranded(set(1, 0, {100, 101, 99}), is_alive));
}

TEST(Stranded, is_judged_by_the_last_time_of_use) {
  IpcFacts object = segment(1, {99});
  object.made = 999;
  EXPECT_TRUE(is_stranded(object, is_alive)) << "that process has but the number";
  object.used = 1000;
  EXPECT_FALSE(is_stranded(object, is_alive));
  object.made = 1000;
  object.used = 0;
  EXPECT_FALSE(is_stranded(object, is_alive));
}

TEST(Stranded, is_nothing_that_can_have_other_users) {
  IpcFacts attached = segment(1);
  attached.attached = 1;
  EXPECT_FALSE(is_stranded(attached, is_alive));
  IpcFacts awaited = set(1);
  awaited.awaited = true;
  EXPECT_FALSE(is_stranded(awaited, is_alive));
  IpcFacts elsewhere = segment(1);
  elsewhere.others_used = true;
  EXPECT_FALSE(is_stranded(elsewhere, is_alive));
  IpcFacts opened = set(1);
  opened.opened = 1;
  EXPECT_FALSE(is_stranded(opened, is_alive));
  opened.opened = 0;
  EXPECT_TRUE(is_stranded(opened, is_alive)) << "the control";
}

TEST(StrandedDatabase, has_what_its_header_names_and_the_set_of_its_key) {
  const auto found = find_stranded({segment(2), segment(3), set(1), set(4, 0x2b000001), set(5, 0x2b000002)},
                                   {database("/a")}, is_alive);
  ASSERT_EQ(found.databases.size(), 1U);
  EXPECT_EQ(ids_of(found.databases[0].objects), (Ids{2, 1, 4}));
  EXPECT_EQ(ids_of(found.unknown), (Ids{3, 5}));
}

TEST(StrandedDatabase, is_none_whose_objects_came_back_under_the_same_ids) {
  IpcFacts other_segment = segment(2);
  other_segment.made = 2001;
  IpcFacts other_set = set(1);
  other_set.made = 1999;
  const auto found = find_stranded({other_segment, other_set}, {database("/a")}, is_alive);
  EXPECT_TRUE(found.databases.empty());
  EXPECT_EQ(ids_of(found.unknown), (Ids{2, 1}));
}

TEST(StrandedDatabase, takes_no_segment_for_a_set) {
  const auto found = find_stranded({set(2), segment(1), segment(3)}, {database("/a")}, is_alive);
  EXPECT_TRUE(found.databases.empty());
  EXPECT_EQ(found.unknown.size(), 3U);
}

TEST(StrandedDatabase, is_none_that_somebody_has_open) {
  IpcFacts attached = segment(2);
  attached.attached = 1;
  // The one that operated last has ended; others have it open still.
  const auto found = find_stranded({attached, set(1), set(4, 0x2b000001)}, {database("/a")}, is_alive);
  EXPECT_TRUE(found.databases.empty());
  EXPECT_TRUE(found.unknown.empty());
}

TEST(StrandedDatabase, is_the_file_whose_key_set_is_there_and_not_its_copy) {
  const std::vector<IpcFacts> objects{segment(2), set(1), set(4, 0x2b000001)};
  const DatabaseFile copy = database("/backup", 0x2b000009);
  const auto found = find_stranded(objects, {database("/a"), copy}, is_alive);
  ASSERT_EQ(found.databases.size(), 1U);
  EXPECT_EQ(found.databases[0].file.path, "/a");
  EXPECT_EQ(found.databases[0].copies, std::vector<std::string>{"/backup"});
  EXPECT_TRUE(found.unknown.empty());

  const auto undecided = find_stranded({segment(2), set(1)}, {database("/a"), copy}, is_alive);
  ASSERT_EQ(undecided.databases.size(), 2U) << "nobody can tell";
  EXPECT_EQ(undecided.databases[0].copies, std::vector<std::string>{"/backup"});
  EXPECT_EQ(undecided.databases[1].copies, std::vector<std::string>{"/a"});
}

}  // namespace
}  // namespace secshr::admin
