// Every line comes out once and whole, or is told to be too long or cut; and where the last lines begin.
#include "admin/log/line_reader.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <vector>

namespace secshr::admin {
namespace {

class File {
 public:
  explicit File(const std::string& text) : file_(::memfd_create("lines", MFD_CLOEXEC)) {
    append(text);
    (void)::lseek(file_.get(), 0, SEEK_SET);
  }
  // Where the reader is, who has read everything.
  void append(const std::string& text) const {
    EXPECT_EQ(::pwrite(file_.get(), text.data(), text.size(), ::lseek(file_.get(), 0, SEEK_CUR)),
              static_cast<ssize_t>(text.size()));
  }
  [[nodiscard]] int get() const { return file_.get(); }
  [[nodiscard]] Descriptor copy() const { return Descriptor(::dup(file_.get())); }

 private:
  Descriptor file_;
};

std::vector<std::string> lines_of(LineReader& reader) {
  std::vector<std::string> lines;
  while (true) {
    const auto line = reader.next();
    EXPECT_TRUE(line.has_value());
    if (!line || !*line) return lines;
    EXPECT_TRUE((*line)->has_ended);
    lines.emplace_back((*line)->text);
    if (!(*line)->is_whole()) lines.back() += " of " + std::to_string((*line)->size);
  }
}

std::vector<std::string> last_lines(const std::string& text, std::size_t count) {
  const File file(text);
  EXPECT_TRUE(seek_last_lines(file.get(), count).has_value());
  LineReader reader(file.copy());
  auto lines = lines_of(reader);
  if (const auto rest = reader.take_rest()) lines.emplace_back(std::string(rest->text) + " without an end");
  return lines;
}

using Lines = std::vector<std::string>;

TEST(LineReader, gives_each_line_once) {
  const File file("one\n\nthree\n" + std::string("nul\0byte\n", 9) + "rest");
  LineReader reader(file.copy());
  EXPECT_EQ(lines_of(reader), (Lines{"one", "", "three", std::string("nul\0byte", 8)}));
  EXPECT_EQ(lines_of(reader), Lines{});
  file.append(" of it\nnext\n");
  EXPECT_EQ(lines_of(reader), (Lines{"rest of it", "next"}));
  EXPECT_FALSE(reader.take_rest());
}

TEST(LineReader, gives_what_has_no_end_when_it_is_given_up) {
  const File file("one\nrest");
  LineReader reader(file.copy());
  EXPECT_EQ(lines_of(reader), Lines{"one"});
  const auto rest = reader.take_rest();
  ASSERT_TRUE(rest);
  EXPECT_EQ(rest->text, "rest");
  EXPECT_FALSE(rest->has_ended);
  EXPECT_FALSE(rest->is_whole());
  EXPECT_FALSE(reader.take_rest()) << "once";
  ASSERT_TRUE(reader.rewind());
  EXPECT_EQ(lines_of(reader), Lines{"one"});
}

TEST(LineReader, keeps_the_beginning_of_what_is_longer_than_a_line_can_be) {
  const std::string longest(longest_line, 'x');
  const std::size_t huge = 40 * longest_line + 17;
  const File file(longest + "\n" + longest + "y\n" + std::string(huge, 'x') + "\nshort\n" + std::string(huge, 'x'));
  LineReader reader(file.copy());
  EXPECT_EQ(lines_of(reader), (Lines{longest, longest + " of " + std::to_string(longest_line + 1),
                                     longest + " of " + std::to_string(huge), "short"}));
  const auto rest = reader.take_rest();
  ASSERT_TRUE(rest);
  EXPECT_EQ(rest->text, longest);
  EXPECT_EQ(rest->size, huge);
}

TEST(LineReader, gives_lines_of_every_length_around_what_it_reads_at_once) {
  std::string text;
  Lines expected;
  for (std::size_t size = 0; size < 600; ++size) {
    expected.emplace_back(size * 37 % 5000, static_cast<char>('a' + size % 26));
    text += expected.back() + "\n";
  }
  const File file(text);
  LineReader reader(file.copy());
  EXPECT_EQ(lines_of(reader), expected);
}

TEST(LineReader, says_what_cannot_be_read) {
  LineReader reader((Descriptor(::open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC))));
  const auto line = reader.next();
  ASSERT_FALSE(line);
  EXPECT_EQ(line.error(), EISDIR);
}

TEST(LastLines, are_as_many_as_there_are_and_no_more_than_asked_for) {
  EXPECT_EQ(last_lines("", 3), Lines{});
  EXPECT_EQ(last_lines("1\n", 3), Lines{"1"});
  EXPECT_EQ(last_lines("1\n2\n3\n", 3), (Lines{"1", "2", "3"}));
  EXPECT_EQ(last_lines("1\n2\n3\n4\n", 3), (Lines{"2", "3", "4"}));
  EXPECT_EQ(last_lines("1\n\n\n\n", 3), (Lines{"", "", ""}));
  EXPECT_EQ(last_lines("1\n2\n3\n4", 3), (Lines{"2", "3", "4 without an end"}));
  EXPECT_EQ(last_lines("1", 3), Lines{"1 without an end"});
}

TEST(LastLines, are_fewer_where_they_are_longer_than_lines_can_be) {
  const std::string longest(longest_line, 'x');
  EXPECT_EQ(last_lines("0\n" + longest + "\n" + longest + "\n", 2), (Lines{longest, longest}));
  const std::string huge(5 * longest_line, 'x');
  EXPECT_EQ(last_lines("0\n" + huge + "\nlast\n", 2), Lines{"last"});
  EXPECT_EQ(last_lines("0\n" + huge, 2), Lines{});
}

}  // namespace
}  // namespace secshr::admin
