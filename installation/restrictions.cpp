#include "installation/restrictions.h"

#include <algorithm>
#include <array>

#include "installation/group_file.h"
#include "installation/limits.h"
#include "installation/strict_toml.h"

namespace secshr {
namespace {

constexpr char wanted[] = "must be true, false, or an array of names and numbers of groups";

// A name is resolved now, once; a number is taken as it is.
std::expected<gid_t, ConfigurationError> take_group(const TomlEntry& entry, const toml::node& element) {
  if (const toml::value<std::int64_t>* number = element.as_integer()) {
    if (number->get() < 0 || number->get() > limits::largest_group) {
      return entry.bad_value(element, "the number of a group is from 0 to " + std::to_string(limits::largest_group));
    }
    return static_cast<gid_t>(number->get());
  }
  const toml::value<std::string>* name = element.as_string();
  if (name == nullptr) return entry.bad_value(element, wanted);
  const auto group = find_group(group_file, name->get());
  if (!group) return entry.bad_value(element, std::string("there is no such group in ") + group_file);
  return *group;
}

TomlOutcome take_groups(const TomlEntry& entry, const toml::array& list, Restriction& restriction) {
  // Nobody is a member of no group, and "everybody" is the last that was meant.
  if (list.empty()) return entry.bad_value("must name a group; where nobody is to be served, say false");
  for (const toml::node& element : list) {
    const auto group = take_group(entry, element);
    if (!group) return std::unexpected(group.error());
    if (std::ranges::find(restriction.groups, *group) != restriction.groups.end()) {
      return entry.bad_value(element, "is there twice");
    }
    restriction.groups.push_back(*group);
  }
  return {};
}

template <Restriction Restrictions::* member>
TomlOutcome take_restriction(const TomlEntry& entry, Restrictions& restrictions) {
  Restriction& restriction = restrictions.*member;
  if (const toml::value<bool>* served = entry.value.as_boolean()) {
    restriction.served = served->get();
    return {};
  }
  const toml::array* list = entry.value.as_array();
  if (list == nullptr) return entry.bad_value(wanted);
  return take_groups(entry, *list, restriction);
}

template <unsigned Restrictions::* member>
TomlOutcome take_rate(const TomlEntry& entry, Restrictions& restrictions) {
  const auto rate = entry.integer(1, limits::highest_rate);
  if (!rate) return std::unexpected(rate.error());
  restrictions.*member = static_cast<unsigned>(*rate);
  return {};
}

// Requests have the words of the audit log's `req`.
constexpr std::array<TomlKey<Restrictions>, 9> keys{{
    {"wake", take_restriction<&Restrictions::wake>},
    {"remove-semaphore-set", take_restriction<&Restrictions::remove_semaphore_set>},
    {"remove-segment", take_restriction<&Restrictions::remove_segment>},
    {"remove-file", take_restriction<&Restrictions::remove_file>},
    {"continue", take_restriction<&Restrictions::continue_process>},
    {"flush-header", take_restriction<&Restrictions::flush_header>},
    {"requests_per_second_per_uid", take_rate<&Restrictions::requests_per_second_per_uid>},
    {"requests_per_second", take_rate<&Restrictions::requests_per_second>},
    {"refusals_per_second_per_uid", take_rate<&Restrictions::refusals_per_second_per_uid>},
}};

}  // namespace

std::expected<void, ConfigurationError> take_restrictions(const TomlEntry& entry, Restrictions& restrictions) {
  return take_table(entry, keys, restrictions);
}

std::vector<std::string_view> restriction_keys() {
  return names_of(keys);
}

}  // namespace secshr
