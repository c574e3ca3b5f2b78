#include "admin/adoption/release_string.h"

#include <fmt/format.h>

#include <optional>

#include "installation/limits.h"

namespace secshr::admin {
namespace {

constexpr std::string_view digits = "0123456789";
constexpr std::string_view upper = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
constexpr std::string_view lower = "abcdefghijklmnopqrstuvwxyz";

// Takes a text apart from the front; once a part is not there, nothing more is.
class Matcher {
 public:
  explicit Matcher(std::string_view text) : rest_(text) {}

  Matcher& literal(std::string_view text) {
    matches_ = matches_ && rest_.starts_with(text);
    if (matches_) rest_.remove_prefix(text.size());
    return *this;
  }
  // At least one character of these alphabets.
  Matcher& some(std::string_view first, std::string_view second = {}, std::string_view third = {}) {
    std::size_t length = 0;
    while (length < rest_.size() &&
           (first.find(rest_[length]) != rest_.npos || second.find(rest_[length]) != rest_.npos ||
            third.find(rest_[length]) != rest_.npos)) {
      ++length;
    }
    matches_ = matches_ && length > 0;
    rest_.remove_prefix(length);
    return *this;
  }
  // What was not taken, which the string's own NUL must begin; nothing if a part was not there.
  [[nodiscard]] std::optional<std::string_view> rest_after_nul() const {
    return matches_ && rest_.starts_with('\0') ? std::optional(rest_) : std::nullopt;
  }

 private:
  std::string_view rest_;
  bool matches_ = true;
};

std::string_view prefix_of(protocol::ProfileId id) {
  return id == protocol::ProfileId::gtm ? "GT.M V" : "YottaDB r";
}

// The release string that `text` begins with: "GT.M V7.0-005 Linux x86_64" or "YottaDB r2.07 Linux x86_64".
std::optional<std::string_view> release_at(std::string_view text, protocol::ProfileId id) {
  Matcher matcher(text.substr(0, limits::release_bytes + 1));
  matcher.literal(prefix_of(id)).some(digits).literal(".").some(digits);
  if (id == protocol::ProfileId::gtm) matcher.literal("-").some(digits, upper);
  matcher.literal(" ").some(upper, lower).literal(" ").some(lower, digits, "_");
  const auto rest = matcher.rest_after_nul();
  if (!rest) return std::nullopt;
  return text.substr(0, static_cast<std::size_t>(rest->data() - text.data()));
}

}  // namespace

Result<std::string> find_release(std::string_view library, const protocol::Profile& profile) {
  const std::string_view prefix = prefix_of(profile.id);
  std::optional<std::string_view> found;
  for (std::size_t at = library.find(prefix); at != library.npos; at = library.find(prefix, at + 1)) {
    const auto release = release_at(library.substr(at), profile.id);
    if (!release) continue;
    if (found && *found != *release) {
      return refused(fmt::format("{} holds two release strings, \"{}\" and \"{}\"; say which with --release",
                                 profile.access_file, *found, *release));
    }
    found = release;
  }
  if (!found) {
    return refused(fmt::format("{} holds no release string; say it with --release, exactly as {} shows it",
                               profile.access_file,
                               profile.id == protocol::ProfileId::gtm ? "$ZVERSION" : "$ZYRELEASE"));
  }
  return std::string(*found);
}

}  // namespace secshr::admin
