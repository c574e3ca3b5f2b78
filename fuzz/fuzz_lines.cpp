// Any bytes as a file that is read line by line: a log or a copy of it, which is its user's, /proc, and the kernel's
// list of bound names, which has anybody's.
//
// 1. The log's reader gives each line that has ended, its length, and of a longer one than the log can have the
//    beginning; then the rest. So it does when the file grows under it, and when it begins anew.
// 2. Its last lines begin where one finds them who has all of the file in memory, or later, never in the middle.
// 3. The reader of /proc gives the same lines as far as they fit its buffer, and stops when it is told to.
// 4. A bound name is in the list when a line ends with it, or when there was no telling.
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "admin/log/line_reader.h"
#include "fuzz/property.h"
#include "protocol/wire_reader.h"
#include "secshr/limits.h"
#include "secshr/listed_name.h"
#include "system/descriptor.h"
#include "system/read_lines.h"

namespace {

using namespace secshr;
using namespace secshr::fuzz;

// A file without a name, written behind the back of whoever reads it.
class File {
 public:
  explicit File(std::string_view text) : file_(::memfd_create("lines", MFD_CLOEXEC)) { append(text); }
  void append(std::string_view text) {
    if (::pwrite(file_.get(), text.data(), text.size(), size_) != static_cast<ssize_t>(text.size())) std::abort();
    size_ += static_cast<off_t>(text.size());
  }
  [[nodiscard]] int number() const { return file_.get(); }
  // Of the same place in the file.
  [[nodiscard]] Descriptor reader() const { return Descriptor(::dup(file_.get())); }
  void rewind() const {
    if (::lseek(file_.get(), 0, SEEK_SET) != 0) std::abort();
  }

 private:
  Descriptor file_;
  off_t size_ = 0;
};

struct Lines {
  std::vector<std::string_view> ended;
  std::string_view rest;
};

Lines split(std::string_view text) {
  Lines lines;
  for (auto end = text.find('\n'); end != text.npos; end = text.find('\n')) {
    lines.ended.push_back(text.substr(0, end));
    text.remove_prefix(end + 1);
  }
  lines.rest = text;
  return lines;
}

void check_line(const admin::FileLine& line, std::string_view whole, bool has_ended) {
  require(line.size == whole.size() && line.has_ended == has_ended, "a line's length");
  require(line.text == whole.substr(0, longest_line), "its text, or the beginning");
  require(line.is_whole() == (has_ended && whole.size() <= longest_line), "whether that is all of it");
}

std::size_t check_ended(admin::LineReader& reader, const std::vector<std::string_view>& lines, std::size_t next) {
  while (true) {
    const auto line = reader.next();
    require(line.has_value(), "a file can be read");
    if (!*line) return next;
    require(next < lines.size(), "no line that is not there");
    check_line(**line, lines[next++], true);
  }
}

void check_log_reader(std::string_view text, std::size_t cut) {
  const Lines lines = split(text);
  File file(text.substr(0, cut));
  file.rewind();
  admin::LineReader reader(file.reader());
  std::size_t next = check_ended(reader, lines.ended, 0);
  require(next == split(text.substr(0, cut)).ended.size(), "every line that has ended");
  file.append(text.substr(cut));
  next = check_ended(reader, lines.ended, next);
  require(next == lines.ended.size(), "and those that come");
  const auto rest = reader.take_rest();
  require(rest.has_value() == !lines.rest.empty(), "what stands behind the last one");
  if (rest) check_line(*rest, lines.rest, false);
  require(!reader.take_rest(), "is given once");
  require(reader.rewind().has_value(), "a file has a start");
  require(check_ended(reader, lines.ended, 0) == lines.ended.size(), "and is read again from there");
}

void check_last_lines(std::string_view text, std::size_t count) {
  const File file(text);
  require(admin::seek_last_lines(file.number(), count).has_value(), "a file can be looked at");
  const auto offset = static_cast<std::size_t>(::lseek(file.number(), 0, SEEK_CUR));
  std::vector<std::size_t> begins;
  std::size_t longest = 0;
  for (std::size_t at = 0; at < text.size();) {
    begins.push_back(at);
    const auto end = std::min(text.find('\n', at), text.size());
    longest = std::max(longest, end - at);
    at = end + 1;
  }
  const std::size_t wanted = count == 0 ? text.size() : count < begins.size() ? begins[begins.size() - count] : 0;
  require(offset == text.size() || std::ranges::find(begins, offset) != begins.end(), "a line begins there");
  require(offset >= wanted, "no more lines than that");
  require(longest > longest_line || offset == wanted, "all of them, where they are the log's");
}

void check_proc_reader(std::string_view text, std::size_t room, std::size_t stop_at) {
  const File file(text);
  std::vector<char> buffer(room);
  std::vector<std::string_view> fitting = split(text).ended;
  const auto too_long = std::ranges::find_if(fitting, [&](std::string_view line) { return line.size() >= room; });
  fitting.erase(too_long, fitting.end());

  file.rewind();
  std::size_t seen = 0;
  const bool none = any_line(file.number(), buffer, [&](std::string_view line) {
    require(seen < fitting.size() && line == fitting[seen], "the same line");
    ++seen;
    return false;
  });
  require(!none && seen == fitting.size(), "all lines that fit");

  file.rewind();
  seen = 0;
  const bool stopped = any_line(file.number(), buffer, [&](std::string_view) { return seen++ == stop_at; });
  require(stopped == (stop_at < fitting.size()) && seen == std::min(stop_at + 1, fitting.size()), "until it is told");
}

void check_list(std::string_view text, std::string_view name) {
  const File file(text);
  // Where somebody else has read to makes no difference.
  const bool listed = is_listed(file.number(), name);
  require(is_listed(file.number(), name) == listed, "the list is read from its start");
  const auto lines = split(text).ended;
  constexpr std::size_t longest = 1000;  // the kernel's are far below
  const bool is_kernels = std::ranges::all_of(lines, [](std::string_view line) { return line.size() <= longest; });
  const bool is_there = std::ranges::any_of(lines, [&](std::string_view line) { return line.ends_with(name); });
  std::size_t length = 0;
  for (const std::string_view line : lines) length += line.size();
  if (is_kernels)
    require(listed == (is_there || length == 0 || length > limits::listed_names_size), "a name is found");
}

// A byte 0xfe, a count and a character are that character, so many times 128.
std::string expand(std::string_view input) {
  std::string text;
  for (std::size_t at = 0; at < input.size(); ++at) {
    if (input[at] == '\xfe' && at + 2 < input.size() && text.size() < (std::size_t{1} << 19)) {
      text.append(static_cast<unsigned char>(input[at + 1]) * std::size_t{128}, input[at + 2]);
      at += 2;
    } else {
      text += input[at];
    }
  }
  return text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  protocol::WireReader input(bytes_of(data, size));
  const std::size_t number = input.u8();
  const std::string text = expand(input.text(input.left()));
  check_log_reader(text, text.size() * number / 255);
  check_last_lines(text, number % 8);
  // The kernel's own lines are short.
  check_proc_reader(std::string_view(text).substr(0, 4096), 1 + number, number % 16);
  const std::string_view name = split(text).rest;
  check_list(text, name.empty() ? "gtm_secshr00000C12" : name);
  return 0;
}
