// Any bytes as a file of groups, in which a name of the configuration is looked up: the first line's is the name.
//
// 1. A number that is found stands in a line that begins with that name, of decimal digits; it is never that of
//    nobody, nor of a word for name services.
// 2. Lines of others before it, comments and lines that are none change nothing; nor does what comes behind it.
// 3. A name that no line begins with is not found, and one in a plain line of its own is.
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>

#include "fuzz/property.h"
#include "installation/group_file.h"
#include "system/descriptor.h"

namespace {

using namespace secshr;
using namespace secshr::fuzz;

std::optional<gid_t> find(const std::string& text, const std::string& name) {
  const Descriptor file(::memfd_create("groups", MFD_CLOEXEC));
  if (::write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) std::abort();
  return find_group(("/proc/self/fd/" + std::to_string(file.get())).c_str(), name);
}

// Whether some line can be this group's: NAME, a password, a number; the C library passes over leading blanks.
bool stands_in(const std::string& text, const std::string& name, gid_t number) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    line.erase(line.begin(), std::ranges::find_if(line, [](unsigned char c) { return std::isspace(c) == 0; }));
    std::istringstream fields(line);
    std::string first, password, digits;
    if (!std::getline(fields, first, ':') || !std::getline(fields, password, ':') ||
        !std::getline(fields, digits, ':')) {
      continue;
    }
    if (first == name && !digits.empty() && std::strtoull(digits.c_str(), nullptr, 10) == number) return true;
  }
  return false;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input = text_of(data, size);
  const auto end = std::min(input.find('\n'), input.size());
  const std::string name(input.substr(0, end));
  std::string text(input.substr(std::min(end + 1, input.size())));
  // Behind a NUL the C library has its own idea of where a line ends; nobody's file has one.
  std::erase(text, '\0');
  const auto found = find(text, name);
  if (found) {
    require(*found != static_cast<gid_t>(-1), "nobody's number is no group's");
    require(!name.starts_with('+') && !name.starts_with('-'), "a word for name services is none");
    require(stands_in(text, name, *found), "a number stands behind its name");
    require(find(text + "\n" + name + ":x:77:\n", name) == found, "the first one counts");
  }
  require(find("# " + name + ":x:78:\n\nnonsense\n" + name + "2:x:79:\n" + text, name) == found,
          "others change nothing");
  // A name as an administrator can give one.
  const bool is_plain =
      !name.empty() && std::ranges::all_of(name, [](unsigned char c) { return std::isalnum(c) != 0; });
  if (is_plain) require(find(name + ":x:80:a,b\n" + text, name) == 80U, "a line of its own");
  return 0;
}
