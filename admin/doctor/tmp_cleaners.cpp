#include "admin/doctor/tmp_cleaners.h"

#include <fnmatch.h>

#include <algorithm>
#include <array>
#include <cstddef>

namespace secshr::admin {
namespace {

// Words as a shell has them: apart by blanks, with quotes taken off. Enough for files of this kind.
std::vector<std::string> words_of(std::string_view line) {
  std::vector<std::string> words;
  std::string word;
  bool in_word = false;
  char quote = '\0';
  for (const char c : line) {
    const bool is_blank = c == ' ' || c == '\t';
    if (quote != '\0' ? c == quote : c == '"' || c == '\'') {
      quote = quote == '\0' ? c : '\0';
      in_word = true;
    } else if (quote == '\0' && is_blank) {
      if (in_word) words.push_back(word);
      word.clear();
      in_word = false;
    } else if (quote == '\0' && c == '#' && !in_word) {
      break;
    } else {
      word += c;
      in_word = true;
    }
  }
  if (in_word) words.push_back(word);
  return words;
}

// Without the slash or the "/." that some write at the end of a directory.
std::string plain_directory(std::string path) {
  if (path.ends_with("/.")) path.pop_back();
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  return path;
}

bool reaches(const std::string& cleaned, const SocketsInUse& sockets) {
  const std::string directory = plain_directory(cleaned);
  return directory == sockets.directory || std::ranges::find(sockets.above, directory) != sockets.above.end();
}

// Whether every one of the names is excluded by one of the patterns.
bool excludes_all(const std::vector<std::string>& patterns, const SocketsInUse& sockets, int flags) {
  return std::ranges::all_of(sockets.names, [&](const std::string& name) {
    const std::string path = sockets.directory + "/" + name;
    return std::ranges::any_of(patterns, [&](const std::string& pattern) {
      return ::fnmatch(pattern.c_str(), path.c_str(), flags) == 0 ||
             ::fnmatch(pattern.c_str(), name.c_str(), flags) == 0;
    });
  });
}

struct TmpfilesLine {
  char type = '\0';
  std::string path;
  std::string age;
};

// Of the specifiers, those that are the same everywhere; nullopt where the path has another one.
std::optional<std::string> expanded(const std::string& path) {
  std::string text;
  for (std::size_t at = 0; at < path.size(); ++at) {
    if (path[at] != '%') {
      text += path[at];
      continue;
    }
    switch (++at < path.size() ? path[at] : '\0') {
      case '%':
        text += '%';
        break;
      case 'T':
        text += "/tmp";
        break;
      case 'V':
        text += "/var/tmp";
        break;
      case 't':
        text += "/run";
        break;
      default:
        return std::nullopt;
    }
  }
  return text;
}

// Type Path Mode User Group Age Argument. What is only for booting, '!', is not what cleans day by day.
std::optional<TmpfilesLine> parse_tmpfiles_line(std::string_view text) {
  const std::vector<std::string> words = words_of(text);
  if (words.size() < 2 || words[0].empty() || words[0].contains('!')) return std::nullopt;
  const auto path = expanded(words[1]);
  if (!path) return std::nullopt;
  TmpfilesLine line{words[0].front(), plain_directory(*path), words.size() > 5 ? words[5] : "-"};
  if (line.age.empty()) line.age = "-";
  return line;
}

constexpr std::string_view directory_types = "dDevqQC";
constexpr std::string_view exclusions = "xX";

struct TmpfilesRule {
  const CleanerFile* file = nullptr;
  TmpfilesLine line;
};

std::vector<TmpfilesRule> rules_of(std::span<const CleanerFile> files) {
  std::vector<TmpfilesRule> rules;
  for (const CleanerFile& file : files) {
    std::string_view rest = file.text;
    while (!rest.empty()) {
      const std::size_t end = std::min(rest.find('\n'), rest.size());
      if (auto line = parse_tmpfiles_line(rest.substr(0, end))) rules.push_back({&file, *std::move(line)});
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
  }
  return rules;
}

// The first rule for that very directory.
const TmpfilesRule* rule_for(const std::vector<TmpfilesRule>& rules, const std::string& directory) {
  const auto found = std::ranges::find_if(rules, [&](const TmpfilesRule& rule) {
    if (!directory_types.contains(rule.line.type)) return false;
    // Only `e` takes a pattern.
    if (rule.line.type != 'e') return rule.line.path == directory;
    return ::fnmatch(rule.line.path.c_str(), directory.c_str(), FNM_PATHNAME | FNM_PERIOD) == 0;
  });
  return found == rules.end() ? nullptr : &*found;
}

bool is_excluded(const std::vector<TmpfilesRule>& rules, const SocketsInUse& sockets) {
  std::vector<std::string> patterns;
  for (const TmpfilesRule& rule : rules) {
    if (!exclusions.contains(rule.line.type)) continue;
    // `x` keeps all that is below what it names as well.
    const bool keeps_directory =
        rule.line.type == 'x' && ::fnmatch(rule.line.path.c_str(), sockets.directory.c_str(), FNM_PATHNAME) == 0;
    if (keeps_directory) return true;
    if (rule.line.path.starts_with('/')) patterns.push_back(rule.line.path);
  }
  return excludes_all(patterns, sockets, FNM_PATHNAME | FNM_PERIOD);
}

// The value of the last assignment to it.
std::string variable(std::string_view text, std::string_view name) {
  std::string value;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    for (const std::string& word : words_of(text.substr(0, end))) {
      if (word.starts_with(name) && word.substr(name.size()).starts_with('=')) value = word.substr(name.size() + 1);
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return value;
}

// --all, or a cluster of short options with an a.
bool takes_all_kinds(const std::vector<std::string>& words) {
  return std::ranges::any_of(words, [](const std::string& word) {
    return word == "--all" || (word.size() > 1 && word[0] == '-' && word[1] != '-' && word.contains('a'));
  });
}

}  // namespace

std::optional<Cleaner> tmpfiles_cleaner(std::span<const CleanerFile> files, const SocketsInUse& sockets) {
  const std::vector<TmpfilesRule> rules = rules_of(files);
  std::vector<std::string> nearest_first{sockets.directory};
  nearest_first.insert(nearest_first.end(), sockets.above.begin(), sockets.above.end());
  for (const std::string& directory : nearest_first) {
    const TmpfilesRule* const rule = rule_for(rules, directory);
    // A directory that has a rule of its own is left alone by those of the directories above it.
    if (rule == nullptr) continue;
    if (rule->line.age == "-" || is_excluded(rules, sockets)) return std::nullopt;
    return Cleaner{rule->file->path, rule->line.age};
  }
  return std::nullopt;
}

bool tmpreaper_cleans(std::string_view configuration, const SocketsInUse& sockets) {
  // As long as the warning has not been taken out, cron's script does nothing.
  const std::string warning = variable(configuration, "SHOWWARNING");
  if (!warning.empty() && warning != "false") return false;
  if (!takes_all_kinds(words_of(variable(configuration, "TMPREAPER_ADDITIONALOPTIONS")))) return false;
  std::string directories = variable(configuration, "TMPREAPER_DIRS");
  if (directories.empty()) directories = "/tmp/.";
  const auto cleaned = words_of(directories);
  if (std::ranges::none_of(cleaned, [&](const std::string& each) { return reaches(each, sockets); })) return false;
  return !excludes_all(words_of(variable(configuration, "TMPREAPER_PROTECT_EXTRA")), sockets, FNM_PATHNAME);
}

bool tmpwatch_cleans(std::string_view script, const SocketsInUse& sockets) {
  std::string joined(script);
  for (auto at = joined.find("\\\n"); at != std::string::npos; at = joined.find("\\\n")) joined.replace(at, 2, " ");
  std::string_view rest = joined;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const std::vector<std::string> words = words_of(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    const auto program = std::ranges::find_if(
        words, [](const std::string& word) { return word == "tmpwatch" || word.ends_with("/tmpwatch"); });
    if (program == words.end() || !takes_all_kinds({program, words.end()})) continue;
    if (std::none_of(program, words.end(), [&](const std::string& each) { return reaches(each, sockets); })) continue;
    std::vector<std::string> patterns;
    for (auto word = program; word != words.end(); ++word) {
      constexpr std::string_view option = "--exclude-pattern=";
      if (word->starts_with(option)) patterns.push_back(word->substr(option.size()));
      const bool is_apart = *word == "-X" || *word == "--exclude-pattern" || *word == "-x";
      if (is_apart && std::next(word) != words.end()) patterns.push_back(*std::next(word));
    }
    if (!excludes_all(patterns, sockets, FNM_PATHNAME)) return true;
  }
  return false;
}

}  // namespace secshr::admin
