// Any bytes as a datagram: what decoding must hold for all of them.
//
// 1. Nothing outside the datagram is read: what lies behind it changes no result, and views point into it.
// 2. An accepted request encodes to a datagram of the same length that decodes to the same request.
// 3. A foreign key is refused before anything else.
// 4. A path is absolute, without control bytes, and no longer than the limit.
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "fuzz/property.h"
#include "protocol/decode_request.h"
#include "protocol/encode_reply.h"
#include "protocol/encode_request.h"
#include "protocol/limits.h"

namespace {

using namespace secshr::fuzz;
using namespace secshr::protocol;
using Decoded = std::expected<Request, DecodeError>;

bool same(const Decoded& left, const Decoded& right) {
  if (left.has_value() != right.has_value()) return false;
  if (left) return *left == *right;
  return left.error().reply_code == right.error().reply_code &&
         std::string_view(left.error().what) == right.error().what;
}

void check_path(std::string_view path, std::string_view datagram) {
  require(lies_within(path, datagram), "a path is a view of the datagram");
  require(path.starts_with('/') && path.size() <= maximum_path, "absolute, and not too long");
  for (const char c : path) require(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f, "without control bytes");
}

void check_paths(const Request& request, std::string_view datagram) {
  if (const auto* removal = std::get_if<RemoveFile>(&request)) check_path(removal->path, datagram);
  if (const auto* flush = std::get_if<FlushHeader>(&request)) check_path(flush->path, datagram);
}

void check_surroundings(const RequestHeader& header, Bytes datagram, const Decoded& decoded) {
  for (const auto filler : {std::byte{0}, std::byte{0xff}}) {
    std::vector<std::byte> longer(datagram.begin(), datagram.end());
    longer.resize(datagram.size() + maximum_datagram, filler);
    const Bytes copy(longer.data(), datagram.size());
    require(same(decoded, decode_request(header, copy, header.communication_key)), "read outside the datagram");
  }
}

void check_round_trip(const RequestHeader& header, Bytes datagram, const Request& request) {
  std::array<std::byte, maximum_datagram> buffer{};
  const std::size_t size = encode_request(header, request, buffer);
  require(size == datagram.size(), "same length");
  const Bytes encoded(buffer.data(), size);
  const auto header_again = decode_header(encoded);
  require(header_again && *header_again == header, "same header");
  const auto again = decode_request(header, encoded, header.communication_key);
  require(again && *again == request, "same request");
}

void check_reply(const RequestHeader& header, Bytes datagram) {
  const auto reply = encode_reply(header, header.code, header.use_secshr);
  const auto decoded = decode_reply(reply);
  require(decoded && decoded->header == header, "reply echoes the header");
  require(decode_reply(datagram).has_value() == (datagram.size() == header_size), "a reply is exactly a header");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Bytes datagram = bytes_of(data, size);
  const auto header = decode_header(datagram);
  require(header.has_value() == (size >= header_size), "a header needs its 24 bytes");
  if (!header) return 0;
  const auto decoded = decode_request(*header, datagram, header->communication_key);
  require(decoded.has_value() || decoded.error().reply_code != 0, "a refusal has a code");
  require(!decoded || size <= maximum_datagram, "no request is larger than the largest datagram");
  if (decoded) check_paths(*decoded, text_of(data, size));
  check_surroundings(*header, datagram, decoded);
  if (decoded) check_round_trip(*header, datagram, *decoded);
  const auto foreign = decode_request(*header, datagram, header->communication_key + 1);
  require(!foreign && foreign.error().reply_code == reply_foreign_key, "a foreign key is refused first");
  check_reply(*header, datagram);
  return 0;
}
