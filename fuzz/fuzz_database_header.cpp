// Any bytes as the beginning of a database file, of which its owner can make anything.
//
// 1. It is a header exactly where a restatement, byte by byte, says so, and refused for the same fault.
// 2. The ids are the 24 bytes at 512, as they come and as they go.
// 3. Nothing else decides: other bytes may be anything, and what lies behind the inspected ones changes nothing.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>
#include <vector>

#include "fuzz/property.h"
#include "protocol/database_header.h"

namespace {

using namespace secshr::fuzz;
using namespace secshr::protocol;
using namespace std::string_view_literals;

using Parsed = std::expected<DatabaseHeader, HeaderFault>;

std::optional<HeaderFault> restated_fault(std::string_view bytes) {
  if (bytes.size() < 536) return HeaderFault::truncated;
  const auto label = bytes.substr(0, 12);
  if (label != "GDSDYNUNX03\0"sv && label != "GDSDYNUNX04\0"sv) return HeaderFault::label;
  // A number from 1 to 65535, its lowest byte first.
  if (bytes[114] != 0 || bytes[115] != 0 || (bytes[112] == 0 && bytes[113] == 0)) return HeaderFault::byte_order;
  return std::nullopt;
}

// On the machines that there are, fields lie in memory as they lie in the file.
IpcIds restated_ids(std::string_view bytes) {
  IpcIds ids;
  std::memcpy(&ids.semid, bytes.data() + 512, 4);
  std::memcpy(&ids.shmid, bytes.data() + 516, 4);
  std::memcpy(&ids.sem_ctime, bytes.data() + 520, 8);
  std::memcpy(&ids.shm_ctime, bytes.data() + 528, 8);
  return ids;
}

bool same(const Parsed& one, const Parsed& other) {
  if (one.has_value() != other.has_value()) return false;
  return one ? one->format == other->format && one->ids == other->ids : one.error() == other.error();
}

// Everything but the label, the minor version and the ids turned over, and more behind it.
void check_surroundings(const Parsed& parsed, Bytes bytes) {
  std::vector<std::byte> other(bytes.begin(), bytes.end());
  for (std::size_t at = 0; at < other.size(); ++at) {
    const bool counts = at < 12 || (at >= 112 && at < 116) || (at >= 512 && at < 536);
    if (!counts) other[at] ^= std::byte{0xff};
  }
  require(same(parsed, parse_database_header(other)), "nothing else decides");
  if (other.size() < inspected_size) return;
  other.insert(other.end(), 64, std::byte{0xff});
  require(same(parsed, parse_database_header(other)), "nor what lies behind");
  other.resize(inspected_size);
  require(same(parsed, parse_database_header(other)), "no more is needed");
  other.resize(inspected_size - 1);
  require(parse_database_header(other).error() == HeaderFault::truncated, "and no less");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Bytes bytes = bytes_of(data, size);
  const std::string_view text = text_of(data, size);
  const Parsed parsed = parse_database_header(bytes);
  const auto fault = restated_fault(text);
  require(parsed.has_value() == !fault.has_value() && (parsed || parsed.error() == *fault),
          "what the restatement says");
  check_surroundings(parsed, bytes);
  if (!parsed) return 0;
  require(parsed->format == (text[10] == '3' ? 6 : 7), "the format is the label's");
  require(parsed->ids == restated_ids(text), "the ids are where they lie");
  require(std::ranges::equal(encode_ids(parsed->ids), bytes.subspan(512, 24)), "and are written as they were");
  return 0;
}
