// The three uids of secshr: whoever has one of them can interfere with that process.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <optional>
#include <sstream>
#include <string_view>

#include "admin/doctor/checks.h"
#include "admin/look.h"
#include "secshr/audit/logfmt.h"
#include "secshr_paths.h"

namespace secshr::admin {
namespace {

struct Identity {
  std::string_view key;
  uid_t id = 0;
};
using Identities = std::array<Identity, 3>;

Identities identities_of(const Configuration& configuration) {
  return {{{"broker_uid", configuration.broker_uid},
           {"looker_uid", configuration.looker_uid},
           {"writer_uid", configuration.writer_uid}}};
}

struct Account {
  std::string name;
  std::uint64_t id = 0;
};

// Both /etc/passwd and /etc/group have name and number as first and third of their fields.
std::vector<Account> accounts_in(const char* file, Report& report) {
  const auto text = read_text(file);
  if (!text) {
    if (!is_missing(text.error())) report.could_not_look(file, describe_error(text.error()));
    return {};
  }
  std::vector<Account> accounts;
  std::istringstream lines(*text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream fields(line);
    std::string name, password, number;
    if (!std::getline(fields, name, ':') || !std::getline(fields, password, ':')) continue;
    if (!std::getline(fields, number, ':')) continue;
    std::uint64_t id = 0;
    const auto parsed = std::from_chars(number.data(), number.data() + number.size(), id);
    if (parsed.ec == std::errc() && parsed.ptr == number.data() + number.size()) accounts.push_back({name, id});
  }
  return accounts;
}

bool is_used(const std::vector<Account>& accounts, std::uint64_t id) {
  return std::ranges::find(accounts, id, &Account::id) != accounts.end();
}

// In the range that no tool gives to anybody.
uid_t free_id(const std::vector<Account>& users, const std::vector<Account>& groups, const Identities& identities) {
  uid_t id = 64101;
  while (is_used(users, id) || is_used(groups, id) ||
         std::ranges::find(identities, id, &Identity::id) != identities.end()) {
    ++id;
  }
  return id;
}

std::string command_to_change(std::string_view key, uid_t id) {
  return fmt::format("sed -i -E 's/^{0} *=.*/{0} = {1}/' {2} && secshrctl reload", key, id, paths::configuration);
}

struct ProcessFacts {
  std::string name;
  bool is_over = false;
  std::vector<uid_t> uids;  // real, effective, saved, file system
};

// nullopt: it has ended.
std::optional<ProcessFacts> facts_of(const std::string& pid) {
  const auto text = read_text("/proc/" + pid + "/status");
  if (!text) return std::nullopt;
  ProcessFacts facts;
  std::istringstream lines(*text);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("Name:\t")) facts.name = line.substr(6);
    if (line.starts_with("State:\t")) facts.is_over = line.substr(7).starts_with('Z');
    if (!line.starts_with("Uid:\t")) continue;
    std::istringstream fields(line.substr(5));
    for (uid_t uid = 0; fields >> uid;) facts.uids.push_back(uid);
  }
  return facts;
}

// The broker's program of now or, where that was replaced, of before.
bool runs_secshrd(const std::string& pid) {
  std::error_code gone;
  const std::string program = std::filesystem::read_symlink("/proc/" + pid + "/exe", gone);
  return program == paths::broker || program == std::string(paths::broker) + " (deleted)";
}

void check_process(const std::string& pid, const Identities& identities, Report& report) {
  const auto facts = facts_of(pid);
  if (!facts || facts->is_over) return;
  for (const Identity& identity : identities) {
    if (std::ranges::find(facts->uids, identity.id) == facts->uids.end() || runs_secshrd(pid)) continue;
    report.add({"uid.process", Severity::error, "/proc/" + pid,
                fmt::format("The process {} ({}) has uid {}, which is {}, and is not secshr's: it can interfere.",
                            pid, log_value(facts->name), identity.id, identity.key),
                "kill " + pid});
  }
}

}  // namespace

void check_accounts(const Machine& machine, Report& report) {
  if (!machine.configuration) return;
  const Identities identities = identities_of(*machine.configuration);
  const auto users = accounts_in("/etc/passwd", report);
  const auto groups = accounts_in("/etc/group", report);
  const auto check = [&](const char* file, const std::vector<Account>& accounts, std::string_view kind) {
    for (const Identity& identity : identities) {
      const auto account = std::ranges::find(accounts, identity.id, &Account::id);
      if (account == accounts.end()) continue;
      report.add({"uid.account", Severity::warning, file,
                  fmt::format("{} is {}, the number of the {} {}: nobody else may have it.", identity.key,
                              identity.id, kind, log_value(account->name)),
                  command_to_change(identity.key, free_id(users, groups, identities))});
    }
  };
  check("/etc/passwd", users, "account");
  check("/etc/group", groups, "group");
}

void check_processes(const Machine& machine, Report& report) {
  if (!machine.configuration) return;
  const auto names = names_in("/proc");
  if (!names) return report.could_not_look("/proc", describe_error(names.error()));
  const Identities identities = identities_of(*machine.configuration);
  for (const std::string& name : *names) {
    const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
    if (std::ranges::all_of(name, is_digit)) check_process(name, identities, report);
  }
}

}  // namespace secshr::admin
