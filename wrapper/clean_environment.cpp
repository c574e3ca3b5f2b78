#include "wrapper/clean_environment.h"

#include <algorithm>
#include <string_view>
#include <utility>

namespace secshr {
namespace {

constexpr std::array<std::string_view, 6> names{"gtm_tmp", "ydb_tmp", "secshr_tmp",
                                                "gtm_log", "ydb_log", "secshr_log"};

bool is_usable(std::string_view path, std::size_t limit) noexcept {
  const auto is_control = [](unsigned char byte) { return byte < 0x20 || byte == 0x7f; };
  return path.starts_with('/') && path.size() <= limit && std::none_of(path.begin(), path.end(), is_control) &&
         path.find("/../") == path.npos && !path.ends_with("/..");
}

// Stock clients that end hand on the remains of a buffer of their own, "GTMXC_gblstat=...", of which some bytes have
// been overwritten since: nothing, its beginning, or bytes that nobody writes. Without an equals sign it names no
// variable, so that there is nothing in it to be misread.
bool is_remains(std::string_view entry) noexcept {
  const auto is_printable = [](unsigned char byte) { return byte >= 0x20 && byte < 0x7f; };
  constexpr std::string_view beginning("GTMXC_");
  // Not starts_with, which in unoptimised builds brings what can throw.
  const auto differs = std::mismatch(beginning.begin(), beginning.end(), entry.begin(), entry.end()).first;
  if (entry.find('=') != entry.npos) return false;
  return entry.empty() || differs == beginning.end() || !std::all_of(entry.begin(), entry.end(), is_printable);
}

}  // namespace

const char* clean_environment(const char* const* given, CleanEnvironment& clean) noexcept {
  clean = {};
  std::size_t used = 0;
  std::array<bool, names.size()> seen{};
  for (; *given != nullptr; ++given) {
    const char* const equals = std::find(*given, *given + std::string_view(*given).size(), '=');
    if (is_remains(*given)) continue;
    if (equals == *given || *equals == '\0') return "environment-without-name";
    const std::string_view name(*given, equals);
    const auto index = static_cast<std::size_t>(std::ranges::find(names, name) - names.begin());
    if (index == names.size()) continue;
    // Two programs that read the same environment may pick different ones of the two.
    if (std::exchange(seen[index], true)) return "environment-given-twice";
    const bool is_tmp = name.ends_with("_tmp");
    std::string_view value(equals + 1);
    if (!is_usable(value, is_tmp ? tmp_limit : log_limit)) {
      (is_tmp ? clean.tmp_replaced : clean.log_dropped) = true;
      if (!is_tmp) continue;
      value = "/tmp";
    }
    clean.entries[used] = clean.text[used].data();
    char* const end = std::copy(*given, equals + 1, clean.entries[used++]);
    std::copy(value.begin(), value.end(), end);  // at most log_limit bytes; the zero behind them is there
  }
  return nullptr;
}

}  // namespace secshr
