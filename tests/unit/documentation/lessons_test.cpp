// docs/lessons.md says which test holds each lesson: there is one for each, and all of them exist.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace secshr {
namespace {

namespace fs = std::filesystem;
using Names = std::set<std::string>;

std::string contents(const fs::path& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// Suite.test for every match, whose first two groups these are.
Names names_in(const std::string& text, const std::regex& shape) {
  Names names;
  for (std::sregex_iterator match(text.begin(), text.end(), shape), end; match != end; ++match) {
    names.insert((*match)[1].str() + "." + (*match)[2].str());
  }
  return names;
}

// As a document names a test, which a file's name (`README.md`) is not.
Names named(const std::string& text) {
  static const std::regex shape("`([A-Z]\\w*)\\.(\\w+_\\w+)`");
  return names_in(text, shape);
}

Names defined(const std::string& text) {
  static const std::regex shape("\\bTEST(?:_F|_P)?\\(\\s*(\\w+),\\s*(\\w+)\\s*\\)");
  return names_in(text, shape);
}

Names all_tests() {
  Names names;
  for (const auto& entry : fs::recursive_directory_iterator(TESTS)) {
    if (entry.path().extension() == ".cpp") names.merge(defined(contents(entry.path())));
  }
  return names;
}

// The text below each heading of the third level.
std::vector<std::string> lessons(const std::string& text) {
  std::vector<std::string> parts;
  const std::string heading = "\n### ";
  for (std::size_t begin = text.find(heading); begin != std::string::npos;) {
    const std::size_t end = text.find(heading, begin + 1);
    parts.push_back(text.substr(begin + 1, end == std::string::npos ? end : end - begin - 1));
    begin = end;
  }
  return parts;
}

TEST(Lessons, name_only_tests_that_exist) {
  const Names tests = all_tests();
  ASSERT_TRUE(tests.contains("Lessons.name_only_tests_that_exist")) << "the sources were not found";
  const Names wanted = named(contents(LESSONS));
  EXPECT_GT(wanted.size(), 50U);
  for (const auto& name : wanted) EXPECT_TRUE(tests.contains(name)) << "no such test: " << name;
}

TEST(Lessons, have_a_test_each) {
  const auto all = lessons(contents(LESSONS));
  EXPECT_GT(all.size(), 30U);
  for (const auto& lesson : all) EXPECT_FALSE(named(lesson).empty()) << lesson.substr(0, lesson.find('\n'));
}

// The looking itself.
TEST(Lessons, tests_are_found_however_they_are_written_and_nothing_else_is_taken_for_one) {
  EXPECT_EQ(named("`A.b_c` `README.md` A.d_e `Suite2.x_1`, `a.b_c` `A.b`"), (Names{"A.b_c", "Suite2.x_1"}));
  EXPECT_EQ(defined("TEST(A, b_c) {\nTEST_F(B,\n       c_d) TEST_P( C, e_f ) {} MY_TEST(D, g_h) TEST(E, F, g)"),
            (Names{"A.b_c", "B.c_d", "C.e_f"}));
  EXPECT_EQ(lessons("# x\n\n### a\n1\n### b\n2\n"), (std::vector<std::string>{"### a\n1", "### b\n2\n"}));
}

}  // namespace
}  // namespace secshr
