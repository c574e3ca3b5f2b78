#include "admin/shell_word.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace secshr::admin {
namespace {

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("_./:@,+-%=").contains(c);
}
bool is_printable(char c) {
  return c >= ' ' && c <= '~';
}

// Octal and of three digits: the next character cannot be taken for one of them.
std::string escaped(std::string_view text) {
  std::string word = "$'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') {
      word += '\\';
      word += c;
    } else if (is_printable(c)) {
      word += c;
    } else {
      fmt::format_to(std::back_inserter(word), "\\{:03o}", static_cast<unsigned char>(c));
    }
  }
  return word + "'";
}

// As every shell reads it.
std::string quoted(std::string_view text) {
  std::string word = "'";
  for (const char c : text) {
    if (c == '\'') {
      word += "'\\''";
    } else {
      word += c;
    }
  }
  return word + "'";
}

}  // namespace

std::string shell_word(std::string_view text) {
  if (!text.empty() && std::ranges::all_of(text, is_plain)) return std::string(text);
  return std::ranges::all_of(text, is_printable) ? quoted(text) : escaped(text);
}

}  // namespace secshr::admin
