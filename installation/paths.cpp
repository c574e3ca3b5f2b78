#include "installation/paths.h"

#include <algorithm>

namespace secshr {
namespace {

bool is_control(char c) noexcept {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

}  // namespace

std::optional<std::string_view> path_fault(std::string_view path, std::size_t longest) noexcept {
  if (!path.starts_with('/')) return "must be an absolute path";
  if (path.size() > longest) return "is too long";
  if (std::ranges::any_of(path, is_control)) return "must not contain control characters";
  if (path == "/") return "must not be the root directory";
  std::string_view rest = path.substr(1);
  while (true) {
    const std::size_t end = rest.find('/');
    const std::string_view component = rest.substr(0, end);
    if (component.empty()) return "must not have empty components or a slash at its end";
    if (component == "." || component == "..") return "must not have \".\" or \"..\" as a component";
    if (end == std::string_view::npos) return std::nullopt;
    rest.remove_prefix(end + 1);
  }
}

}  // namespace secshr
