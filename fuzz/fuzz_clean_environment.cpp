// Any environment, as entries with a NUL behind each, for the setuid program. The wrapper's own source, as it is.
//
// 1. What comes out, or the reason to refuse, is what a second implementation says: one of strings, lists and the C
//    library's classes of characters.
// 2. Entries are at most six, each once, each a documented name and an absolute path without a control byte or a ".."
//    component, within its limit; each is an entry that was given, or has "/tmp" in the place of its value.
// 3. They lie in the storage that was given, which is otherwise zero: nothing of an earlier use shows.
// 4. Cleaning what is clean changes nothing, and says that nothing was changed.
#include <algorithm>
#include <array>
#include <cctype>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "fuzz/property.h"
#include "wrapper/clean_environment.h"

namespace {

using namespace secshr;
using namespace secshr::fuzz;

using Entries = std::vector<std::string>;

struct Cleaned {
  std::optional<std::string> refusal;
  Entries entries;
  bool tmp_replaced = false;
  bool log_dropped = false;
  bool operator==(const Cleaned&) const = default;
};

Cleaned refused(const char* reason) {
  return {reason, {}, false, false};
}

Entries split(std::string_view input) {
  Entries entries;
  while (!input.empty()) {
    const auto end = std::min(input.find('\0'), input.size());
    entries.emplace_back(input.substr(0, end));
    input.remove_prefix(std::min(end + 1, input.size()));
  }
  return entries;
}

// --- the second implementation ---

bool goes_up(const std::string& path) {
  std::istringstream components(path);
  for (std::string each; std::getline(components, each, '/');) {
    if (each == "..") return true;
  }
  return false;
}

bool is_path(const std::string& value, std::size_t longest) {
  return !value.empty() && value[0] == '/' && value.size() <= longest && !goes_up(value) &&
         std::ranges::none_of(value, [](unsigned char c) { return std::iscntrl(c) != 0; });
}

bool is_of_a_dying_client(const std::string& entry) {
  return entry.empty() || entry.rfind("GTMXC_", 0) == 0 ||
         std::ranges::any_of(entry, [](unsigned char c) { return std::isprint(c) == 0; });
}

Cleaned restated(const Entries& given) {
  const Entries tmp{"gtm_tmp", "ydb_tmp", "secshr_tmp"};
  const Entries log{"gtm_log", "ydb_log", "secshr_log"};
  Cleaned result;
  Entries seen;
  for (const std::string& entry : given) {
    const auto equals = entry.find('=');
    if (equals == entry.npos && is_of_a_dying_client(entry)) continue;
    if (equals == entry.npos || equals == 0) return refused("environment-without-name");
    const std::string name = entry.substr(0, equals);
    const std::string value = entry.substr(equals + 1);
    const bool is_tmp = std::ranges::count(tmp, name) > 0;
    if (!is_tmp && std::ranges::count(log, name) == 0) continue;
    if (std::ranges::count(seen, name) > 0) return refused("environment-given-twice");
    seen.push_back(name);
    if (is_path(value, is_tmp ? 86 : 4095)) {
      result.entries.push_back(entry);
    } else if (is_tmp) {
      result.entries.push_back(name + "=/tmp");
      result.tmp_replaced = true;
    } else {
      result.log_dropped = true;
    }
  }
  return result;
}

// --- the wrapper's ---

std::size_t used_of(const CleanEnvironment& clean) {
  std::size_t used = 0;
  while (used < clean.entries.size() && clean.entries[used] != nullptr) ++used;
  return used;
}

void check_storage(const CleanEnvironment& clean) {
  const std::size_t used = used_of(clean);
  require(used < clean.entries.size(), "a null pointer ends the entries");
  for (std::size_t index = 0; index < clean.text.size(); ++index) {
    const auto& text = clean.text.at(index);
    require(index >= used || clean.entries.at(index) == text.data(), "entries lie in the storage");
    const std::size_t length = ::strnlen(text.data(), text.size());
    require(length < text.size(), "and have an end");
    require((length > 0) == (index < used), "unused storage is empty");
    require(
        std::all_of(text.begin() + static_cast<std::ptrdiff_t>(length), text.end(), [](char c) { return c == 0; }),
        "and nothing stands behind an entry");
  }
}

Cleaned clean(const Entries& given) {
  // Each a block of its own: a sanitizer sees the first byte read beyond it.
  std::vector<std::unique_ptr<char[]>> blocks;
  std::vector<const char*> pointers;
  for (const std::string& entry : given) {
    blocks.push_back(std::make_unique<char[]>(entry.size() + 1));
    std::memcpy(blocks.back().get(), entry.c_str(), entry.size() + 1);
    pointers.push_back(blocks.back().get());
  }
  pointers.push_back(nullptr);
  const auto storage = std::make_unique<CleanEnvironment>();
  std::memset(storage->text.data(), 'x', sizeof storage->text);
  if (const char* const reason = clean_environment(pointers.data(), *storage)) return refused(reason);
  check_storage(*storage);
  Cleaned result{std::nullopt, {}, storage->tmp_replaced, storage->log_dropped};
  for (std::size_t index = 0; index < used_of(*storage); ++index)
    result.entries.emplace_back(storage->entries.at(index));
  return result;
}

void check_grammar(const Entries& entries, const Entries& given) {
  constexpr std::array<std::string_view, 6> names{"gtm_tmp=/", "ydb_tmp=/", "secshr_tmp=/",
                                                  "gtm_log=/", "ydb_log=/", "secshr_log=/"};
  for (const std::string& entry : entries) {
    const auto* const name =
        std::ranges::find_if(names, [&](std::string_view each) { return entry.starts_with(each); });
    require(name != names.end(), "a documented name and an absolute path");
    require(std::ranges::count_if(entries, [&](const std::string& each) { return each.starts_with(*name); }) == 1,
            "each name once");
    const std::string value = entry.substr(entry.find('=') + 1);
    require(std::ranges::none_of(value, [](unsigned char c) { return c < 0x20 || c == 0x7f; }), "no control byte");
    require((value + "/").find("/../") == value.npos, "nothing that goes up");
    require(std::ranges::count(given, entry) == 1 || value == "/tmp", "never another path than was given");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Entries given = split(text_of(data, size));
  const Cleaned cleaned = clean(given);
  require(cleaned == restated(given), "what the second implementation says");
  if (cleaned.refusal) return 0;
  check_grammar(cleaned.entries, given);
  require(clean(cleaned.entries) == Cleaned{std::nullopt, cleaned.entries, false, false}, "what is clean stays");
  return 0;
}
