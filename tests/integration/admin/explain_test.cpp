// secshrctl explain: for everybody, about every rule, as text and as JSON.
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

#include "protocol/rules.h"
#include "tests/integration/admin/admin_fixture.h"

namespace secshr::test {
namespace {

using Explain = AdminTest;

TEST_F(Explain, says_of_a_rule_what_it_protects_and_what_to_do) {
  ASSERT_EQ(run_unprivileged({"explain", "shm.attached"}), 0) << complaint();
  EXPECT_EQ(said(),
            "shm.attached\n"
            "  refused   somebody is attached to the segment: detach it everywhere first\n"
            "  protects  Processes that are attached to a database's segment, and others that\n"
            "            could not find it any more.\n"
            "  requires  Nobody is attached to the segment.\n"
            "  to do     Mostly nothing: the segment is in use, and the last one out removes\n"
            "            it. ipcs -m -p says who attached to it last.\n");
  ASSERT_EQ(run_unprivileged({"explain", "shm.attached", "--json"}), 0) << complaint();
  EXPECT_EQ(said(), R"({
  "rule": "shm.attached",
  "refused": "somebody is attached to the segment: detach it everywhere first",
  "protects": "Processes that are attached to a database's segment, and others that could not find it any more.",
  "requires": "Nobody is attached to the segment.",
  "to_do": "Mostly nothing: the segment is in use, and the last one out removes it. ipcs -m -p says who attached to it last."
}
)");
  EXPECT_EQ(complaint(), "");
}

TEST_F(Explain, knows_every_rule_in_lines_that_fit_a_terminal) {
  for (const std::string_view rule : protocol::rule_ids) {
    ASSERT_EQ(run_unprivileged({"explain", std::string(rule)}), 0) << rule << complaint();
    EXPECT_TRUE(said().starts_with(std::string(rule) + "\n  refused   ")) << said();
    std::istringstream lines(said());
    for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 80U) << line;
  }
}

TEST_F(Explain, lists_all_rules_where_none_is_asked_for) {
  ASSERT_EQ(run_unprivileged({"explain"}), 0) << complaint();
  std::istringstream lines(said());
  std::string line;
  for (const std::string_view rule : protocol::rule_ids) {
    ASSERT_TRUE(std::getline(lines, line));
    EXPECT_EQ(line.substr(0, line.find(' ')), rule);
    EXPECT_GT(line.size(), 30U);
  }
  ASSERT_EQ(run_unprivileged({"explain", "--json"}), 0) << complaint();
  const auto all = nlohmann::json::parse(said());
  ASSERT_EQ(all.size(), protocol::rule_ids.size());
  for (std::size_t index = 0; index < all.size(); ++index)
    EXPECT_EQ(all[index]["rule"], protocol::rule_ids.at(index));
}

TEST_F(Explain, of_what_is_no_rule_names_those_that_are) {
  for (const char* const odd : {"sem", "SEM.ALTER", "", "-", "\x1b[2J"}) {
    EXPECT_EQ(run_unprivileged({"explain", odd}), 2) << odd;
    EXPECT_EQ(said(), "");
    for (const std::string_view rule : protocol::rule_ids) EXPECT_TRUE(complaint().contains(rule)) << complaint();
    EXPECT_FALSE(complaint().contains('\x1b'));
  }
}

}  // namespace
}  // namespace secshr::test
