// Any bytes as the record of an adopted installation, as a lockdown, and as the library that a release is read from.
//
// 1. A record that is accepted has a name, a path and a release of their forms and the key of that release; written
//    and read again it is the same, and so is a lockdown.
// 2. A path has its one form exactly where the standard library, asked to normalise it, leaves it alone.
// 3. A name is an installation's exactly where a regular expression matches.
// 4. The release is the one that a regular expression finds in the library, and only where all that it finds are the
//    same; it is a release that a record can have.
// 5. A refusal says why, and a place that the text has.
#include <algorithm>
#include <array>
#include <cstdint>
#include <filesystem>
#include <regex>
#include <set>
#include <string>
#include <string_view>

#include "admin/adoption/release_string.h"
#include "fuzz/property.h"
#include "installation/installation.h"
#include "installation/limits.h"
#include "installation/lockdown.h"
#include "installation/paths.h"
#include "protocol/communication_key.h"

namespace {

using namespace secshr;
using namespace secshr::fuzz;

void check_refusal(const ConfigurationError& error, std::string_view text) {
  require(error.file == "F" && !error.what.empty() && !error.is_missing, "a refusal says why");
  require(error.line <= static_cast<std::size_t>(std::ranges::count(text, '\n')) + 1, "at a line that there is");
  require(to_string(error).starts_with("F:"), "in words");
}

bool same(const Installation& one, const Installation& other) {
  return one.name == other.name && one.profile == other.profile && one.directory == other.directory &&
         one.release == other.release && one.communication_key == other.communication_key;
}

void check_record(const Installation& record) {
  require(record.name == "name" && record.profile != nullptr, "a record is somebody's");
  require(!path_fault(record.directory, limits::path_bytes) && is_release(record.release),
          "with a path and a release");
  require(record.communication_key == protocol::communication_key(record.release), "and the key of that");
  require(wrapper_path(record.directory) == record.directory + "/gtmsecshr", "and a wrapper");
  const auto again = parse_installation(format_installation(record), "written", record.name);
  require(again && same(*again, record), "what is written is read again");
}

void check_lockdown(std::string_view text) {
  const auto lockdown = parse_lockdown(text, "F");
  if (!lockdown) return check_refusal(lockdown.error(), text);
  require(lockdown->group != static_cast<gid_t>(-1), "a lockdown has a group");
  const auto again = parse_lockdown(format_lockdown(*lockdown), "written");
  require(again && again->group == lockdown->group, "what is written is read again");
}

bool has_one_form(const std::string& path, std::size_t longest) {
  if (path.empty() || path[0] != '/' || path.size() > longest || path.ends_with('/')) return false;
  const bool has_control = std::ranges::any_of(path, [](unsigned char c) { return c < 0x20 || c == 0x7f; });
  // A component more: ".." below the root would vanish unseen.
  return !has_control && std::filesystem::path("/a/b" + path).lexically_normal().native() == "/a/b" + path &&
         std::filesystem::path(path).lexically_normal().native() == path;
}

void check_path(const std::string& path) {
  for (const std::size_t longest : {limits::path_bytes, std::size_t{8}}) {
    require(path_fault(path, longest).has_value() == !has_one_form(path, longest), "a path in its one form");
  }
}

void check_name(std::string_view text) {
  static const std::regex expression("[A-Za-z0-9_][A-Za-z0-9._-]{0,63}");
  const std::string name(text.substr(0, 200));
  require(is_installation_name(name) == std::regex_match(name, expression), "an installation's name");
  if (!is_installation_name(name)) require(!parse_installation("", "F", name), "no record has another");
}

void check_release(const std::string& library, protocol::ProfileId id, const std::regex& expression) {
  std::set<std::string> expected;
  for (auto found = std::sregex_iterator(library.begin(), library.end(), expression); found != std::sregex_iterator();
       ++found) {
    const auto end = static_cast<std::size_t>(found->position() + found->length());
    if (end < library.size() && library[end] == '\0' && found->length() <= 128) expected.insert(found->str());
  }
  const auto release = admin::find_release(library, protocol::profile(id));
  require(release.has_value() == (expected.size() == 1), "the one release that there is");
  if (release) require(*release == *expected.begin() && is_release(*release), "as it stands there");
  if (!release) require(release.error().status == admin::ExitStatus::findings, "or a refusal");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = text_of(data, size);
  const auto record = parse_installation(text, "F", "name");
  if (record) {
    check_record(*record);
  } else {
    check_refusal(record.error(), text);
  }
  check_lockdown(text);
  check_path(std::string(text));
  check_path("/" + std::string(text));
  check_name(text);
  static const std::regex gtm("GT\\.M V[0-9]+\\.[0-9]+-[0-9A-Z]+ [A-Za-z]+ [a-z0-9_]+");
  static const std::regex ydb("YottaDB r[0-9]+\\.[0-9]+ [A-Za-z]+ [a-z0-9_]+");
  const std::string library(text.substr(0, 4096));
  check_release(library, protocol::ProfileId::gtm, gtm);
  check_release(library, protocol::ProfileId::ydb, ydb);
  return 0;
}
