// What secshrctl doctor makes of findings: which count, which exit status they are, and the words of a shell that
// their commands are made of.
#include <gtest/gtest.h>

#include <array>

#include "admin/doctor/report.h"
#include "admin/doctor/show_report.h"
#include "admin/packages.h"

namespace secshr::admin {
namespace {

Finding finding(Severity severity, const std::string& where = "/a", const std::string& reason = "Why.") {
  return {"tmp.owner", severity, where, reason, "mend"};
}

TEST(DoctorReport, exits_by_the_worst_that_is_not_acknowledged) {
  Report report;
  EXPECT_EQ(report.exit_status(), ExitStatus::fine);
  EXPECT_FALSE(report.worst());
  report.add(finding(Severity::notice));
  EXPECT_EQ(report.exit_status(), ExitStatus::fine);
  report.add(finding(Severity::warning, "/b"));
  EXPECT_EQ(report.exit_status(), ExitStatus::findings);
  report.add(finding(Severity::error, "/c"));
  EXPECT_EQ(report.worst(), Severity::error);
  report.acknowledge(std::array{Acknowledgement{"tmp.owner", "/c", "c"}});
  EXPECT_EQ(report.worst(), Severity::warning);
  report.acknowledge(std::array{Acknowledgement{"tmp.sticky", "/b", "another"}});
  EXPECT_EQ(report.exit_status(), ExitStatus::findings);
  report.acknowledge(std::array{Acknowledgement{"tmp.owner", "/b", "b"}});
  EXPECT_EQ(report.exit_status(), ExitStatus::fine);
  EXPECT_EQ(report.worst(), Severity::notice);
  report.could_not_look("/d", "input/output error");
  EXPECT_EQ(report.exit_status(), ExitStatus::error) << "whatever was found";
}

TEST(DoctorReport, has_the_same_of_one_place_once) {
  Report report;
  report.add(finding(Severity::error));
  report.add(finding(Severity::error));
  report.add(finding(Severity::error, "/a", "Another reason."));
  report.add(finding(Severity::error, "/b"));
  EXPECT_EQ(report.findings().size(), 3U);
}

TEST(DoctorReport, has_the_worst_first_and_what_is_acknowledged_last) {
  Report report;
  report.add(finding(Severity::notice, "/1"));
  report.add(finding(Severity::error, "/2"));
  report.add(finding(Severity::warning, "/3"));
  report.add(finding(Severity::error, "/4"));
  report.acknowledge(std::array{Acknowledgement{"tmp.owner", "/2", "known"}});
  report.sort();
  std::string order;
  for (const Finding& each : report.findings()) order += each.where;
  EXPECT_EQ(order, "/4/3/1/2");
}

// A name that a user chose can neither end a line nor colour one.
TEST(DoctorReport, escapes_names) {
  Report report;
  report.add(finding(Severity::notice, "/tmp/a\nerror  \x1b[31m\xff"));
  report.could_not_look("/tmp/b\n", "no");
  const std::string text = text_of(report, {{}, {"/tmp/c\n"}});
  EXPECT_NE(text.find("notice   tmp.owner  \"/tmp/a\\x0aerror  \\x1b[31m\\xff\"\n"), std::string::npos) << text;
  EXPECT_NE(text.find("\"/tmp/b\\x0a\"\n"), std::string::npos) << text;
  EXPECT_NE(text.find("directories        \"/tmp/c\\x0a\"\n"), std::string::npos) << text;
  const std::string json = json_of(report, {});
  EXPECT_EQ(json.find('\x1b'), std::string::npos);
  EXPECT_EQ(json.find('\xff'), std::string::npos);
}

TEST(Packages, list_paths_by_whole_lines) {
  EXPECT_TRUE(lists_path("/a\n/b\n", "/a"));
  EXPECT_TRUE(lists_path("/a\n/b\n", "/b"));
  EXPECT_TRUE(lists_path("/aa\n/a/b\n/a", "/a"));
  EXPECT_FALSE(lists_path("/aa\n/b/a\n/a/b\n", "/a"));
  EXPECT_FALSE(lists_path("", "/a"));
}

TEST(Packages, divert_by_three_lines_each) {
  EXPECT_EQ(diversion_of("/a\n/a.old\n:\n", "/a"), "/a.old");
  EXPECT_EQ(diversion_of("/x\n/y\nz\n/a\n/a.old\nsecshr", "/a"), "/a.old");
  EXPECT_EQ(diversion_of("/x\n/a\n:\n", "/a"), "") << "where something else goes";
  EXPECT_EQ(diversion_of("/x\n/y\n/a\n", "/a"), "");
  EXPECT_EQ(diversion_of("/a\n/a.old\n", "/a"), "") << "cut";
  EXPECT_EQ(diversion_of("", "/a"), "");
}

}  // namespace
}  // namespace secshr::admin
