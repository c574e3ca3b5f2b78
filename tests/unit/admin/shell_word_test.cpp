// Words of a command line: what a shell makes of each is the text again, and nothing else.
#include "admin/shell_word.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <memory>
#include <string>

namespace secshr::admin {
namespace {

// What bash makes of the word.
std::string read_by_bash(const std::string& word) {
  const std::string file = testing::TempDir() + "secshr-shell-word";
  const std::unique_ptr<FILE, int (*)(FILE*)> script(std::fopen(file.c_str(), "w"), &std::fclose);
  if (!script) return "no script";
  (void)std::fprintf(script.get(), "printf %%s %s", word.c_str());
  (void)std::fflush(script.get());
  const std::unique_ptr<FILE, int (*)(FILE*)> shell(::popen(("bash " + file).c_str(), "r"), &::pclose);
  std::string text;
  std::array<char, 512> part{};
  while (const std::size_t got = std::fread(part.data(), 1, part.size(), shell.get())) text.append(part.data(), got);
  (void)std::remove(file.c_str());
  return text;
}

TEST(ShellWord, is_the_text_itself_where_no_shell_sees_anything_in_it) {
  EXPECT_EQ(shell_word("/srv/db-1/mumps_2.dat"), "/srv/db-1/mumps_2.dat");
  EXPECT_EQ(shell_word(""), "''");
  EXPECT_EQ(shell_word("/srv/a b"), "'/srv/a b'");
  EXPECT_EQ(shell_word("$(id)"), "'$(id)'");
  EXPECT_EQ(shell_word("a'b"), "'a'\\''b'");
  EXPECT_EQ(shell_word("a\n7"), "$'a\\0127'");
  EXPECT_EQ(shell_word("~root"), "'~root'");
}

TEST(ShellWord, is_read_as_the_text_again) {
  std::string every;
  for (int byte = 1; byte < 256; ++byte) every += static_cast<char>(byte);
  for (const std::string& text : {every, std::string("`id`"), std::string("a'; id; '"), std::string("\\'"),
                                  std::string("a\\nb"), std::string("!!"), std::string("*"), std::string("#x"),
                                  std::string("\x01"
                                              "7")}) {
    EXPECT_EQ(read_by_bash(shell_word(text)), text) << shell_word(text);
  }
}

TEST(ShellWord, is_printable_whatever_the_text) {
  for (int byte = 0; byte < 256; ++byte) {
    for (const char c : shell_word(std::string("a") + static_cast<char>(byte))) {
      EXPECT_TRUE(c >= ' ' && c <= '~') << byte;
    }
  }
}

}  // namespace
}  // namespace secshr::admin
