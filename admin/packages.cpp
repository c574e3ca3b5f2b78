#include "admin/packages.h"

#include <cstddef>

#include "admin/look.h"

namespace secshr::admin {
namespace {

// Packages of before the merge of /lib and /usr/lib list what is in /usr/lib as in /lib.
std::string_view without_usr(std::string_view path) noexcept {
  constexpr std::string_view usr = "/usr/";
  return path.starts_with(usr) ? path.substr(usr.size() - 1) : path;
}

std::string_view take_line(std::string_view& text) noexcept {
  const std::size_t end = text.find('\n');
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return line;
}

constexpr std::string_view list_suffix = ".list";

}  // namespace

bool lists_path(std::string_view list, std::string_view path) {
  for (std::size_t at = list.find(path); at != std::string_view::npos; at = list.find(path, at + 1)) {
    const std::size_t end = at + path.size();
    if ((at == 0 || list[at - 1] == '\n') && (end == list.size() || list[end] == '\n')) return true;
  }
  return false;
}

std::string_view diversion_of(std::string_view diversions, std::string_view path) {
  while (!diversions.empty()) {
    const std::string_view from = take_line(diversions);
    const std::string_view to = take_line(diversions);
    const std::string_view package = take_line(diversions);
    if (from == path && !package.empty()) return to;
  }
  return {};
}

std::expected<std::string, std::string> package_of(const std::string& path) {
  const auto names = names_in(package_lists);
  if (!names && is_missing(names.error())) return std::string();
  if (!names) return std::unexpected(package_lists);
  for (const std::string& name : *names) {
    if (!name.ends_with(list_suffix)) continue;
    const std::string file = std::string(package_lists) + "/" + name;
    const auto list = read_text(file);
    if (!list && !is_missing(list.error())) return std::unexpected(file);
    if (!list) continue;
    if (lists_path(*list, path) || lists_path(*list, without_usr(path))) {
      return name.substr(0, name.size() - list_suffix.size());
    }
  }
  return std::string();
}

std::string diverted_to(const std::string& path) {
  const std::string diversions = read_text(package_diversions).value_or("");
  const std::string_view to = diversion_of(diversions, path);
  return std::string(to.empty() ? diversion_of(diversions, without_usr(path)) : to);
}

}  // namespace secshr::admin
