// Any bytes as what /proc says of a process, which has chosen part of it: its name and the paths that it maps.
//
// 1. status, stat and a line of maps are read as a naive second implementation with streams reads them, or refused
//    where that refuses.
// 2. A process may be called anything: of the kernel's own text with that name every reader, those of secshrctl
//    included, has the name and the same numbers.
// 3. The bytes of a name come back from how the kernel shows them, as many as fit.
// 4. A mapping shows a segment only by the kernel's file system, by its name and by its inode.
#include <algorithm>
#include <array>
#include <cctype>
#include <cstdint>
#include <optional>
#include <span>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "admin/brokers/process_status.h"
#include "fuzz/property.h"
#include "secshr/looker/proc_maps.h"
#include "secshr/looker/proc_stat.h"
#include "secshr/looker/proc_status.h"

namespace {

using namespace secshr;
using namespace secshr::fuzz;

// --- the second implementation ---

// Digits of that base and nothing else, at most `largest`.
std::optional<std::uint64_t> number(const std::string& text, int base, std::uint64_t largest) {
  if (text.empty()) return std::nullopt;
  __extension__ unsigned __int128 value = 0;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((base == 10 ? std::isdigit(byte) : std::isxdigit(byte)) == 0) return std::nullopt;
    const int digit = std::isdigit(byte) != 0 ? c - '0' : std::tolower(byte) - 'a' + 10;
    value = value * static_cast<unsigned>(base) + static_cast<unsigned>(digit);
    if (value > largest) return std::nullopt;
  }
  return static_cast<std::uint64_t>(value);
}

std::vector<std::string> words(const std::string& text) {
  std::vector<std::string> all;
  std::string word;
  for (const char c : text + " ") {
    if (c != ' ' && c != '\t') {
      word += c;
    } else if (!word.empty()) {
      all.push_back(word);
      word.clear();
    }
  }
  return all;
}

std::optional<std::vector<std::uint32_t>> ids(const std::string& text) {
  std::vector<std::uint32_t> all;
  for (const std::string& word : words(text)) {
    const auto id = number(word, 10, UINT32_MAX);
    if (!id) return std::nullopt;
    all.push_back(static_cast<std::uint32_t>(*id));
  }
  return all;
}

struct Status {
  std::optional<std::string> name;
  std::optional<std::vector<std::uint32_t>> uids, gids, groups;
  std::optional<std::uint64_t> caught;
};

bool take_ids(std::optional<std::vector<std::uint32_t>>& place, const std::string& value) {
  if (place) return false;
  place = ids(value);
  return place.has_value();
}

bool take(Status& status, const std::string& key, const std::string& value) {
  if (key == "Uid") return take_ids(status.uids, value) && status.uids->size() == 4;
  if (key == "Gid") return take_ids(status.gids, value) && status.gids->size() == 4;
  if (key == "Groups") return take_ids(status.groups, value);
  if (key == "Name") {
    if (status.name) return false;
    status.name = value.substr(0, 1) == "\t" ? value.substr(1) : value;
  }
  if (key == "SigCgt") {
    if (status.caught) return false;
    const auto begin = std::min(value.find_first_not_of(" \t"), value.size());
    status.caught = number(value.substr(begin), 16, UINT64_MAX);
    return status.caught.has_value();
  }
  return true;
}

std::optional<Status> restated_status(const std::string& text, std::size_t room) {
  if (text.empty() || text.back() != '\n') return std::nullopt;
  Status status;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const auto colon = line.find(':');
    if (colon == line.npos || !take(status, line.substr(0, colon), line.substr(colon + 1))) return std::nullopt;
  }
  if (!status.name || !status.uids || !status.gids || !status.groups || status.groups->size() > room) {
    return std::nullopt;
  }
  return status;
}

// What stands before the next separator, which must come.
bool take_field(std::istream& text, std::string& field, char separator) {
  return std::getline(text, field, separator) && !text.eof();
}

std::optional<std::uint64_t> restated_start(const std::string& text) {
  const auto end_of_name = text.rfind(") ");
  if (end_of_name == text.npos || text.back() != '\n') return std::nullopt;
  std::istringstream fields(text.substr(end_of_name + 2, text.size() - end_of_name - 3));
  std::string field;
  for (int before = 0; before < 19; ++before) {
    if (!take_field(fields, field, ' ') || field.empty()) return std::nullopt;
  }
  if (!std::getline(fields, field, ' ')) return std::nullopt;
  return number(field, 10, UINT64_MAX);
}

struct Mapping {
  std::uint64_t major = 0;
  std::uint64_t minor = 0;
  std::uint64_t inode = 0;
  bool executable = false;
  std::string path;
};

std::optional<Mapping> restated_mapping(const std::string& line) {
  std::istringstream text(line);
  std::string addresses, permissions, offset, major, minor, inode, path;
  if (!take_field(text, addresses, ' ') || !take_field(text, permissions, ' ') || !take_field(text, offset, ' ') ||
      !take_field(text, major, ':') || !take_field(text, minor, ' ')) {
    return std::nullopt;
  }
  if (take_field(text, inode, ' ')) path = line.substr(static_cast<std::size_t>(text.tellg()));
  const auto majors = number(major, 16, UINT32_MAX);
  const auto minors = number(minor, 16, UINT32_MAX);
  const auto inodes = number(inode, 10, UINT64_MAX);
  if (!majors || !minors || !inodes) return std::nullopt;
  path.erase(0, std::min(path.find_first_not_of(' '), path.size()));
  return Mapping{*majors, *minors, *inodes, permissions.find('x') != permissions.npos, path};
}

// --- what is compared with it ---

void check_status(const std::string& text) {
  for (const std::size_t room : {std::size_t{2}, std::size_t{64}}) {
    std::vector<gid_t> groups(room);
    const auto status = parse_proc_status(text, groups);
    const auto restated = restated_status(text, room);
    require(status.has_value() == restated.has_value(), "a status is one for both");
    if (!status) continue;
    groups.resize(status->group_count);
    require(status->name == *restated->name && lies_within(status->name, text), "the name");
    require(std::ranges::equal(status->uids, *restated->uids), "the user ids");
    require(std::ranges::equal(status->gids, *restated->gids), "the group ids");
    require(groups == *restated->groups, "the groups");
    require(status->caught_signals == restated->caught, "the caught signals");
  }
}

void check_mapping(const std::string& line) {
  const auto mapping = parse_maps_line(line);
  const auto restated = restated_mapping(line);
  require(mapping.has_value() == restated.has_value(), "a mapping is one for both");
  if (!mapping) return;
  require(mapping->device_major == restated->major && mapping->device_minor == restated->minor, "the device");
  require(mapping->inode == restated->inode, "the inode");
  require(mapping->executable == restated->executable, "whether it is executed");
  require(mapping->path == restated->path && lies_within(mapping->path, line), "the path");

  const auto shmid = static_cast<std::int32_t>(mapping->inode);
  MappedFile own = *mapping;
  own.inode = ~own.inode;
  const bool fits = mapping->inode <= INT32_MAX && mapping->path.rfind("/SYSV", 0) == 0;
  require(shows_segment(*mapping, std::span(&own, 1), shmid) == fits, "a segment's name and inode");
  require(!shows_segment(*mapping, std::span(&own, 1), shmid ^ 1), "of no other");
  ++own.device_minor;
  require(!shows_segment(*mapping, std::span(&own, 1), shmid), "on no other device");
  require(same_file(*mapping, *mapping) && !same_file(*mapping, own), "the same file");
}

std::string as_shown(std::string_view name) {
  std::string shown;
  for (const char c : name) shown += c == '\n' ? "\\n" : c == '\\' ? "\\\\" : std::string(1, c);
  return shown;
}

void check_name(std::string_view name) {
  const std::string shown = as_shown(name);
  std::string out(name.size(), '?');
  require(copy_name(shown, out) == name.size() && out == name, "a name's own bytes come back");
  if (name.empty()) return;
  out.pop_back();
  require(copy_name(shown, out) == out.size() && out == name.substr(0, out.size()), "as many as fit");
  // What no kernel shows.
  std::array<char, 16> little{};
  require(copy_name(name, little) <= std::min(name.size(), little.size()), "never more than there is");
}

// The kernel's own texts of a process with this name.
void check_any_name(std::string_view name) {
  const std::string shown = as_shown(name);
  const std::string status = "Name:\t" + shown +
                             "\nState:\tS (sleeping)\nUid:\t1\t2\t3\t4\nGid:\t5\t6\t7\t8\nGroups:\t9 10 \n"
                             "SigCgt:\t0000000000002000\nCapPrm:\t00000000000000c1\nCapEff:\t0000000000000040\n"
                             "CapBnd:\t0000000000000080\nNoNewPrivs:\t1\nSeccomp:\t2\nSeccomp_filters:\t1\n";
  std::array<gid_t, 8> groups{};
  const auto read = parse_proc_status(status, groups);
  require(read && read->name == shown, "any name is a name");
  require(read->uids == std::array<uid_t, 4>{1, 2, 3, 4} && read->gids == std::array<gid_t, 4>{5, 6, 7, 8},
          "and nothing else");
  require(read->group_count == 2 && groups[1] == 10 && read->caught_signals == 0x2000, "whatever it says");
  const auto seen = admin::parse_process_status(status);
  require(seen && seen->uid == 2 && seen->gid == 6 && seen->permitted == 0xc1 && seen->effective == 0x40 &&
              seen->bounding == 0x80 && seen->no_new_privileges && seen->seccomp == 2,
          "for secshrctl too");

  const std::string stat =
      "3090 (" + shown + ") S 1 3090 3090 0 -1 4194560 180 0 0 0 7 8 9 10 20 0 1 0 4711 2846720 224 0\n";
  require(parse_start_ticks(stat) == 4711U, "any name has a start time behind it");
  require(admin::parse_start_ticks(stat) == 4711U, "for secshrctl too");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(text_of(data, size));
  check_status(text);
  require(parse_start_ticks(text) == restated_start(text), "a start time is one for both");
  check_mapping(text);
  check_name(text);
  check_any_name(text);
  // Of what is no text of the kernel's secshrctl makes what it can, but reads it no further than it is.
  (void)admin::parse_process_status(text);
  (void)admin::parse_start_ticks(text);
  return 0;
}
