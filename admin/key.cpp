#include "admin/key.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>
#include <vector>

#include "admin/adoption/adopt.h"
#include "admin/adoption/distribution.h"
#include "admin/adoption/installed_profile.h"
#include "admin/adoption/record.h"
#include "admin/helper_key.h"
#include "secshr/audit/logfmt.h"

namespace secshr::admin {
namespace {

// Which of the helpers a file is.
struct Role {
  std::string_view ident;
  std::string_view words;
};
constexpr Role wrapper{"wrapper", "secshr's wrapper"};
constexpr Role own_helper{"helper", "the installation's own helper"};
// A rename puts it back, so that it has the same key then.
constexpr Role kept_original{"original", "the original, as restore would put it back"};

struct KeyOfFile {
  std::string file;
  Role role;
  HelperKey key;
};

struct Keys {
  std::string directory;
  std::optional<std::string> installation;  // the name it is adopted under
  const protocol::Profile* profile = nullptr;
  std::vector<KeyOfFile> files;  // what clients of DIST use comes first
};

Result<std::optional<Installation>> find_record(const std::string& directory) {
  const auto records = read_records();
  if (!records) return std::unexpected(records.error());
  const auto known = std::ranges::find(*records, directory, &Installation::directory);
  if (known == records->end()) return std::nullopt;
  return *known;
}

Role role_of(const HelperFile& helper) {
  return helper.kind == HelperFile::Kind::ours ? wrapper : own_helper;
}

void add(Keys& keys, const std::string& file, const HelperFile& helper, Role role) {
  if (helper.exists()) keys.files.push_back({file, role, key_of(helper, *keys.profile)});
}

Result<Keys> look_at_keys(const std::string& given) {
  auto directory = resolve_directory(given);
  if (!directory) return std::unexpected(directory.error());
  const auto record = find_record(*directory);
  if (!record) return std::unexpected(record.error());
  const Installation* const recorded = *record ? &**record : nullptr;
  const auto profile = recorded != nullptr ? Result<const protocol::Profile*>(recorded->profile)
                                           : decide_profile(AdoptRequest{}, nullptr, *directory);
  if (!profile) return std::unexpected(profile.error());
  const auto distribution = read_distribution(*directory);
  if (!distribution) return std::unexpected(distribution.error());

  Keys keys{*std::move(directory), std::nullopt, *profile, {}};
  if (recorded != nullptr) keys.installation = recorded->name;
  const HelperFile& helper = distribution->helper;
  if (!helper.exists()) return refused(fmt::format("{}: is missing", distribution->helper_path()));
  add(keys, distribution->helper_path(), helper, role_of(helper));
  add(keys, distribution->utf8_helper_path(), distribution->utf8_helper, role_of(distribution->utf8_helper));
  add(keys, distribution->original_path(), distribution->original, kept_original);
  return keys;
}

void print_text(const Keys& keys) {
  fmt::print("{}: {}\n", log_value(keys.directory),
             keys.installation ? "adopted as " + *keys.installation : "not adopted");
  for (const KeyOfFile& each : keys.files) {
    fmt::print("{}, {}\n", log_value(each.file), each.role.words);
    fmt::print("  server key     {} ({})\n", key_text(each.key.key), each.key.key);
    fmt::print("  server socket  {}\n", each.key.socket);
  }
}

void print_json(const Keys& keys) {
  nlohmann::ordered_json json{{"directory", keys.directory},
                              {"installation", nullptr},
                              {"profile", keys.profile->name},
                              {"helpers", nlohmann::ordered_json::array()}};
  if (keys.installation) json["installation"] = *keys.installation;
  for (const KeyOfFile& each : keys.files) {
    json["helpers"].push_back({{"file", each.file},
                               {"role", each.role.ident},
                               {"server_key", key_text(each.key.key)},
                               {"server_key_number", each.key.key},
                               {"server_socket", each.key.socket}});
  }
  fmt::print("{}\n", json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
}

}  // namespace

Result<ExitStatus> show_key(const std::string& directory, bool as_json) {
  const auto keys = look_at_keys(directory);
  if (!keys) return std::unexpected(keys.error());
  if (as_json) {
    print_json(*keys);
  } else {
    print_text(*keys);
  }
  return ExitStatus::fine;
}

}  // namespace secshr::admin
