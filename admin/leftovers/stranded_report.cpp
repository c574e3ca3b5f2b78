#include "admin/leftovers/stranded_report.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <ctime>
#include <iterator>
#include <nlohmann/json.hpp>

#include "admin/helper_key.h"
#include "admin/shell_word.h"
#include "secshr/audit/logfmt.h"

namespace secshr::admin {
namespace {

std::string time_text(std::int64_t time) {
  const auto seconds = static_cast<std::time_t>(time);
  std::tm utc{};
  if (time == 0 || gmtime_r(&seconds, &utc) == nullptr) return "never";
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", utc);
}

// What the form of an object of nobody's tells: keys of databases begin with these numbers.
std::string_view hint_of(const IpcFacts& object) {
  if (object.kind == IpcKind::set && object.key >> 24U == 0x2bU) return "the key of a database file";
  if (object.kind == IpcKind::set && object.key >> 24U == 0x2cU) return "the key of a replication instance";
  if (object.kind == IpcKind::set && object.key >> 24U == 0x2eU) return "the key of a stock gtmsecshr";
  if (object.opened) return "the form of a database's set";
  return "";
}

std::string user_text(uid_t uid, const NameOfUser& name_of_user) {
  const std::string name = name_of_user(uid);
  return name.empty() ? fmt::format("uid {}", uid) : log_value(name);
}

void append_object(std::string& text, const IpcFacts& object) {
  const bool is_segment = object.kind == IpcKind::segment;
  const std::string what = fmt::format("{} {}", is_segment ? "segment" : "semaphore set", object.id);
  const std::string_view unit = is_segment ? "bytes" : "members";
  auto out = std::back_inserter(text);
  fmt::format_to(out, "  {:<18} {} {}, owner {}, creator {}, mode {:04o}, key {}\n", what, object.size, unit,
                 object.uid, object.cuid, object.mode, key_text(object.key));
  fmt::format_to(out, "  {:<18} changed {}, used {}, by {} {}, now ended\n", "", time_text(object.made),
                 time_text(object.used), object.pids.size() == 1 ? "process" : "processes",
                 fmt::join(object.pids, " "));
}

void append_database(std::string& text, const StrandedDatabase& database, const NameOfUser& name_of_user) {
  auto out = std::back_inserter(text);
  fmt::format_to(out, "{}\n", log_value(database.file.path));
  for (const IpcFacts& object : database.objects) append_object(text, object);
  for (const std::string& copy : database.copies) {
    fmt::format_to(out, "  {:<18} {} names them, too: one of the files is a copy\n", "", log_value(copy));
  }
  fmt::format_to(out, "  {:<18} {}\n", "run", rundown_command(database.file));
  fmt::format_to(out, "  {:<18} as {}, with the environment of the installation\n", "",
                 user_text(database.file.owner, name_of_user));
}

void append_unknown(std::string& text, const std::vector<IpcFacts>& unknown) {
  text += "Of no database that was looked at\n";
  for (const IpcFacts& object : unknown) {
    append_object(text, object);
    if (const auto hint = hint_of(object); !hint.empty()) {
      fmt::format_to(std::back_inserter(text), "  {:<18} it has {}\n", "", hint);
    }
  }
  text +=
      "  Any of these may hold what a database has not written to its file yet. To look for the files they belong "
      "to:\n"
      "  secshrctl stranded --in DIRECTORY\n";
}

nlohmann::ordered_json json_of(const IpcFacts& object) {
  const bool is_segment = object.kind == IpcKind::segment;
  nlohmann::ordered_json json{{"kind", is_segment ? "segment" : "semaphore-set"},
                              {"id", object.id},
                              {"key", key_text(object.key)},
                              {"owner", object.uid},
                              {"creator", object.cuid},
                              {"group", object.gid},
                              {"mode", fmt::format("{:04o}", object.mode)},
                              {is_segment ? "bytes" : "members", object.size},
                              {"changed", time_text(object.made)},
                              {"used", nullptr},
                              {"pids", object.pids}};
  if (object.used != 0) json["used"] = time_text(object.used);
  return json;
}

nlohmann::ordered_json json_of(const StrandedDatabase& database, const NameOfUser& name_of_user) {
  const DatabaseFile& file = database.file;
  nlohmann::ordered_json json{{"file", file.path},
                              {"format", fmt::format("V{}", file.format)},
                              {"owner", file.owner},
                              {"owner_name", nullptr},
                              {"command", rundown_command(file)},
                              {"copies", database.copies},
                              {"objects", nlohmann::ordered_json::array()}};
  if (const std::string name = name_of_user(file.owner); !name.empty()) json["owner_name"] = name;
  for (const IpcFacts& object : database.objects) json["objects"].push_back(json_of(object));
  return json;
}

}  // namespace

std::string rundown_command(const DatabaseFile& file) {
  return "mupip rundown -file " + shell_word(file.path);
}

std::string stranded_text(const StrandedReport& report, const NameOfUser& name_of_user) {
  std::string text;
  for (const StrandedDatabase& database : report.objects.databases) append_database(text, database, name_of_user);
  if (!report.objects.unknown.empty()) append_unknown(text, report.objects.unknown);
  for (const std::string& each : report.not_seen) text += "Not looked at: " + each + "\n";
  if (report.objects.databases.empty() && report.objects.unknown.empty()) text += "Nothing is stranded.\n";
  return text;
}

std::string stranded_json(const StrandedReport& report, const NameOfUser& name_of_user) {
  nlohmann::ordered_json json{{"databases", nlohmann::ordered_json::array()},
                              {"unknown", nlohmann::ordered_json::array()},
                              {"not_looked_at", report.not_seen}};
  for (const StrandedDatabase& database : report.objects.databases) {
    json["databases"].push_back(json_of(database, name_of_user));
  }
  for (const IpcFacts& object : report.objects.unknown) {
    nlohmann::ordered_json each = json_of(object);
    each["hint"] = nullptr;
    if (const auto hint = hint_of(object); !hint.empty()) each["hint"] = hint;
    json["unknown"].push_back(std::move(each));
  }
  return json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

ExitStatus stranded_status(const StrandedReport& report) {
  if (!report.objects.databases.empty() || !report.objects.unknown.empty()) return ExitStatus::findings;
  return report.not_seen.empty() ? ExitStatus::fine : ExitStatus::error;
}

}  // namespace secshr::admin
