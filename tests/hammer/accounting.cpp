#include "tests/hammer/accounting.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "protocol/database_header.h"
#include "protocol/socket_names.h"
#include "tests/integration/database_file.h"
#include "tests/integration/ipc_objects.h"

namespace secshr::test {
namespace {

std::string text_of(const LogRecord& line) {
  std::string text;
  for (const auto& [key, value] : line) text.append(key).append("=").append(value).append(" ");
  return text;
}

std::string octal(unsigned mode) {
  std::array<char, 8> digits{};
  (void)std::snprintf(digits.data(), digits.size(), "%04o", mode);
  return digits.data();
}

const char* name_of(Thing thing) {
  return thing == Thing::set ? "semaphore set " : "segment ";
}

std::string ids_in(const std::string& image) {
  return image.substr(protocol::ids_offset, protocol::ids_size);
}

protocol::IpcIds decode(const std::string& ids) {
  std::array<std::byte, protocol::ids_size> bytes{};
  std::memcpy(bytes.data(), ids.data(), bytes.size());
  return protocol::decode_ids(bytes);
}

}  // namespace

Accounting::Accounting(const std::vector<Identity>& people) {
  for (const Identity& person : people) people_[person.uid] = person;
}

void Accounting::note(const JournalEntry& entry) {
  if (entry.thing == Thing::name) {
    names_[entry.name.data()] += entry.made ? 1 : -1;
    return;
  }
  const Key key{entry.thing, entry.id};
  if (entry.made) {
    EXPECT_TRUE(objects_.emplace(key, Known{entry.rights}).second)
        << name_of(entry.thing) << entry.id << " made twice";
    makers_[key] = entry.rights.uid;
    return;
  }
  const auto known = objects_.find(key);
  if (known == objects_.end() || known->second.is_gone) {
    ADD_FAILURE() << name_of(entry.thing) << entry.id << " was removed by its owner, and by somebody else";
    return;
  }
  known->second.is_gone = true;
}

void Accounting::made_name(const std::string& name) {
  ++names_[name];
}

void Accounting::watch_header(const std::string& path) {
  const std::string image = read_file(path);
  headers_[path] = {image, decode(ids_in(image)), 0, {}};
}

void Accounting::look_at_headers() {
  for (auto& [path, header] : headers_) {
    const std::string image = read_file(path);
    const protocol::IpcIds ids = decode(ids_in(image));
    if (ids == header.ids) continue;
    ++header.seen_changes;
    header.ids = ids;
  }
}

void Accounting::note(const LogRecord& line) {
  if (line.contains("event")) {
    const std::string& event = line.at("event");
    ++sum_.events[event];
    if (event == "served") sum_.served += std::stoull(line.at("count"));
    if (event == "withheld") sum_.withheld += std::stoull(line.at("count"));
    return;
  }
  const std::string& request = line.at("req");
  const std::string& verdict = line.at("verdict");
  if (line.contains("late")) {
    ++sum_.late;
  } else if (request == "remove-leftover") {
    ++sum_.leftovers;
  } else {
    ++(verdict == "done"      ? sum_.done
       : verdict == "refused" ? sum_.refused
       : verdict == "failed"  ? sum_.failed
                              : sum_.dropped);
  }
  if (verdict != "done") return;
  ++sum_.changes[request];
  EXPECT_TRUE(people_.contains(static_cast<uid_t>(std::stoul(line.at("uid"))))) << "for whom? " << text_of(line);
  if (request == "remove-semaphore-set") return note_removal(Thing::set, line);
  if (request == "remove-segment") return note_removal(Thing::segment, line);
  if (request == "remove-file" || request == "remove-leftover") return note_removed_name(line);
  if (request.starts_with("flush-header")) return note_change(line);
}

// The check of the kernel, made a third time, and by nobody who made it before.
bool Accounting::may(uid_t uid, const ObjectRights& rights, unsigned wanted) const {
  const auto person = people_.find(uid);
  if (person == people_.end()) return false;
  const auto is_member = [&](gid_t group) {
    return person->second.gid == group || std::ranges::count(person->second.groups, group) > 0;
  };
  const unsigned digit = uid == rights.uid                                             ? rights.mode >> 6U
                         : is_member(rights.group) || is_member(rights.creators_group) ? rights.mode >> 3U
                                                                                       : rights.mode;
  return (digit & wanted) == wanted;
}

void Accounting::note_removal(Thing thing, const LogRecord& line) {
  const auto known = objects_.find({thing, std::stoi(line.at("obj"))});
  if (known == objects_.end() || known->second.is_gone) {
    ADD_FAILURE() << "removed, but not there any more, or never: " << text_of(line);
    return;
  }
  known->second.is_gone = true;
  const ObjectRights& rights = known->second.rights;
  EXPECT_TRUE(may(static_cast<uid_t>(std::stoul(line.at("uid"))), rights, thing == Thing::set ? 02 : 06))
      << "nothing that this user may do: " << text_of(line);
  EXPECT_EQ(line.at("owner"), std::to_string(rights.uid)) << text_of(line);
  EXPECT_EQ(line.at("mode"), octal(rights.mode)) << text_of(line);
}

void Accounting::note_removed_name(const LogRecord& line) {
  const std::string& path = line.at("obj");
  const std::string name = std::filesystem::path(path).filename();
  EXPECT_EQ(path, tmp + "/" + name) << text_of(line);
  EXPECT_TRUE(protocol::parse_leftover_name(protocol::profile(protocol::ProfileId::gtm), name)) << text_of(line);
  --names_[name];
}

// Those of the hostile users are theirs, whatever comes of them. No other may be touched.
void Accounting::note_change(const LogRecord& line) {
  const std::string& path = line.at("obj");
  if (const auto watched = headers_.find(path); watched != headers_.end()) {
    watched->second.lines.push_back(line);
    return;
  }
  const bool is_hostile_users = std::ranges::any_of(
      people_, [&](const auto& person) { return path.starts_with(data + "/" + std::to_string(person.first) + "/"); });
  EXPECT_TRUE(is_hostile_users) << "a header that nobody may change: " << text_of(line);
}

void Accounting::compare() {
  compare_objects();
  compare_names();
  look_at_headers();
  for (auto& [path, header] : headers_) compare_header(path, header);
}

void Accounting::compare_objects() {
  const IpcListing listing = all_ipc_objects();
  const auto compare_kind = [&](Thing thing, const std::map<int, IpcEntry>& there) {
    for (const auto& [id, entry] : there) {
      const auto known = objects_.find({thing, id});
      EXPECT_TRUE(known != objects_.end()) << name_of(thing) << id << " was made by nobody: " << entry;
      if (known == objects_.end()) continue;
      EXPECT_FALSE(known->second.is_gone) << name_of(thing) << id << " was removed and is there: " << entry;
    }
    std::erase_if(objects_, [&](const auto& object) {
      if (object.first.first != thing) return false;
      EXPECT_TRUE(object.second.is_gone || there.contains(object.first.second))
          << name_of(thing) << object.first.second << " of uid " << object.second.rights.uid
          << " has vanished, and nobody says how";
      return object.second.is_gone || !there.contains(object.first.second);
    });
  };
  compare_kind(Thing::set, listing.sets);
  compare_kind(Thing::segment, listing.segments);
}

void Accounting::compare_names() const {
  std::map<std::string, int> there;
  for (const auto& entry : std::filesystem::directory_iterator(tmp)) there[entry.path().filename()] = 1;
  for (const auto& [name, count] : names_) {
    EXPECT_EQ(count, there.contains(name) ? 1 : 0) << name << ": made more often than removed, and what is there";
  }
  for (const auto& [name, count] : there) EXPECT_TRUE(names_.contains(name)) << name << " was made by nobody";
}

void Accounting::compare_header(const std::string& path, Header& header) {
  const std::string image = read_file(path);
  EXPECT_TRUE(image == with_ids(header.image, header.ids)) << path << " has changed beyond the ids in its header";
  const std::string before = ids_in(header.image);
  if (header.lines.empty()) {
    EXPECT_EQ(header.seen_changes, 0U) << path << " has changed, and no line says so";
    EXPECT_TRUE(ids_in(image) == before) << path << " has changed, and no line says so";
  } else {
    EXPECT_LE(header.seen_changes, header.lines.size()) << path << " has changed more often than lines say";
    bool is_closed = decode(before) == protocol::closed_ids;
    for (const LogRecord& line : header.lines) {
      const bool closes = line.at("req") == "flush-header-close";
      EXPECT_FALSE(closes && is_closed) << path << " was closed twice: " << text_of(line);
      is_closed = closes;
    }
    EXPECT_EQ(header.ids == protocol::closed_ids, is_closed) << path << " is not what its last line says";
    if (!is_closed && header.ids.semid >= 0) {
      const auto maker = makers_.find({Thing::set, header.ids.semid});
      EXPECT_TRUE(maker != makers_.end()) << path << " names a set of nobody's";
      if (maker != makers_.end()) {
        EXPECT_EQ(std::to_string(maker->second), header.lines.back().at("uid")) << path << " names another's set";
      }
    }
  }
  header.image = image;
  header.seen_changes = 0;
  header.lines.clear();
}

}  // namespace secshr::test
