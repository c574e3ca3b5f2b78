// secshr(3) has every function, option and result of secshr.h as they are there, and no others.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace secshr {
namespace {

using Texts = std::set<std::string>;

std::string text_of(const char* path) {
  std::ifstream file(path);
  EXPECT_TRUE(file.is_open()) << path;
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// Without spaces and quotes, which the header and the manual set differently.
std::string bare(std::string text) {
  std::erase_if(text, [](char c) { return c == ' ' || c == '"'; });
  return text;
}

Texts first_groups(const std::string& text, const std::regex& shape) {
  Texts found;
  for (std::sregex_iterator match(text.begin(), text.end(), shape), end; match != end; ++match)
    found.insert((*match)[1].str());
  return found;
}

// What the header says.

// "int secshr_open(secshr_t** handle, ...)", all of it, spaces aside.
Texts declarations(const std::string& header) {
  static const std::regex shape("\n((?:int|void|const char\\*) secshr_\\w+\\([^;]*\\));");
  Texts found;
  for (const std::string& text : first_groups(header, shape)) found.insert(bare(text));
  return found;
}

Texts function_names(const Texts& declared) {
  static const std::regex shape("(secshr_\\w+)\\(");
  Texts names;
  for (const std::string& text : declared) names.merge(first_groups(text, shape));
  return names;
}

Texts options(const std::string& header) {
  const auto begin = header.find("struct secshr_options {");
  const auto end = header.find("\n};", begin);
  if (begin == std::string::npos || end == std::string::npos) return {};
  return first_groups(header.substr(begin, end - begin), std::regex("\n  [^/;]*?(\\w+);"));
}

// Those of the comment at its top: "-EPERM, -EBUSY   a rule of the broker's refused it".
Texts results(const std::string& header) {
  Texts found;
  for (const std::string& line : first_groups(header, std::regex("\n \\*   ((?:-E[A-Z]+(?:, )?)+)")))
    found.merge(first_groups(line, std::regex("-(E[A-Z]+)")));
  return found;
}

// What the manual says.

std::map<std::string, std::vector<std::string>> sections(const std::string& manual) {
  std::map<std::string, std::vector<std::string>> found;
  std::istringstream lines(manual);
  std::string section;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(".Sh ")) section = line.substr(4);
    found[section].push_back(line);
  }
  return found;
}

// The entries `.It MACRO NAME` of a section, each with some text below it.
Texts entries(const std::vector<std::string>& lines, const std::string& macro) {
  const std::string start = ".It " + macro + " ";
  Texts found;
  for (std::size_t each = 0; each < lines.size(); ++each) {
    if (!lines[each].starts_with(start)) continue;
    const std::string name = lines[each].substr(start.size());
    EXPECT_TRUE(found.insert(name).second) << name << " is there twice";
    EXPECT_TRUE(each + 1 < lines.size() && !lines[each + 1].starts_with(".It") && lines[each + 1] != ".El")
        << name << " has no text";
  }
  return found;
}

// `.Ft TYPE` and `.Fn NAME "ARGUMENT" "ARGUMENT"` as the declaration that they mean.
Texts synopsis(const std::vector<std::string>& lines) {
  static const std::regex word("\"([^\"]*)\"|(\\S+)");
  Texts found;
  std::string type;
  for (const std::string& line : lines) {
    if (line.starts_with(".Ft ")) type = line.substr(4);
    if (!line.starts_with(".Fn ")) continue;
    std::string declaration;
    const std::string rest = line.substr(4);
    for (std::sregex_iterator match(rest.begin(), rest.end(), word), end; match != end; ++match) {
      const bool is_name = declaration.empty();
      if (!is_name && declaration.back() != '(') declaration += ',';
      declaration += match->str();
      if (is_name) declaration += '(';
    }
    found.insert(bare(type + declaration + ")"));
  }
  return found;
}

TEST(LibraryManual, has_every_function_as_it_is_declared_and_no_other) {
  const Texts declared = declarations(text_of(LIBRARY_HEADER));
  EXPECT_GE(declared.size(), 10U) << "the header was not understood";
  auto manual = sections(text_of(LIBRARY_MANUAL));
  EXPECT_EQ(synopsis(manual["SYNOPSIS"]), declared);
  EXPECT_EQ(entries(manual["FUNCTIONS"], "Fn"), function_names(declared));
}

TEST(LibraryManual, has_every_option_and_no_other) {
  const Texts known = options(text_of(LIBRARY_HEADER));
  EXPECT_GE(known.size(), 7U) << "the header was not understood";
  EXPECT_EQ(entries(sections(text_of(LIBRARY_MANUAL))["OPTIONS"], "Va"), known);
}

TEST(LibraryManual, has_every_result_and_no_other) {
  const Texts known = results(text_of(LIBRARY_HEADER));
  EXPECT_GE(known.size(), 8U) << "the header was not understood";
  EXPECT_EQ(entries(sections(text_of(LIBRARY_MANUAL))["RETURN VALUES"], "Er"), known);
}

// The looking itself.
TEST(LibraryManual, header_and_manual_are_understood_as_they_are_written) {
  const std::string header =
      "/* x\n *   -EPERM, -EBUSY   one\n *   -EPROTO   two -ENONE\n */\nstruct secshr_options {\n  size_t size; /* "
      "a; b */\n"
      "  const char* name;\n};\nint secshr_a(int** b, const struct c* d);\nconst char* secshr_e(void); /* text */\n";
  EXPECT_EQ(declarations(header), (Texts{"intsecshr_a(int**b,conststructc*d)", "constchar*secshr_e(void)"}));
  EXPECT_EQ(function_names(declarations(header)), (Texts{"secshr_a", "secshr_e"}));
  EXPECT_EQ(options(header), (Texts{"size", "name"}));
  EXPECT_EQ(results(header), (Texts{"EPERM", "EBUSY", "EPROTO"}));
  const std::string manual =
      ".Sh A\n.Ft int\n.Fn secshr_a \"int **b\" \"const struct c *d\"\n.Ft \"const char *\"\n"
      ".Fn secshr_e void\n.Sh B\n.It Va size\nText.\n.It Er EPERM\nText.\n.El\n";
  auto parts = sections(manual);
  EXPECT_EQ(synopsis(parts["A"]), declarations(header));
  EXPECT_EQ(entries(parts["B"], "Va"), Texts{"size"});
  EXPECT_EQ(entries(parts["B"], "Er"), Texts{"EPERM"});
}

}  // namespace
}  // namespace secshr
