// Any bytes as a datagram: what decoding must hold for all of them.
//
// 1. Nothing outside the datagram is read: what lies behind it changes no result, and views point into it.
// 2. An accepted request encodes to a datagram of the same length that decodes to the same request.
// 3. A foreign key is refused before anything else.
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "protocol/decode_request.h"
#include "protocol/encode_reply.h"
#include "protocol/encode_request.h"
#include "protocol/limits.h"

namespace {

using namespace secshr::protocol;
using Bytes = std::span<const std::byte>;
using Decoded = std::expected<Request, DecodeError>;

void require(bool holds, const char* what) {
  if (holds) return;
  (void)std::fprintf(stderr, "property violated: %s\n", what);
  std::abort();
}

bool same(const Decoded& left, const Decoded& right) {
  if (left.has_value() != right.has_value()) return false;
  if (left) return *left == *right;
  return left.error().reply_code == right.error().reply_code &&
         std::string_view(left.error().what) == right.error().what;
}

bool lies_within(std::string_view view, Bytes datagram) {
  const auto* begin = reinterpret_cast<const char*>(datagram.data());
  const auto* end = begin + datagram.size();
  return std::greater_equal<>{}(view.data(), begin) && std::less_equal<>{}(view.data() + view.size(), end);
}

void check_views(const Request& request, Bytes datagram) {
  if (const auto* removal = std::get_if<RemoveFile>(&request)) require(lies_within(removal->path, datagram), "view");
  if (const auto* flush = std::get_if<FlushHeader>(&request)) require(lies_within(flush->path, datagram), "view");
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
  const auto reply = encode_reply(header, header.code);
  const auto decoded = decode_reply(reply);
  require(decoded && decoded->header == header, "reply echoes the header");
  require(decode_reply(datagram).has_value() == (datagram.size() == header_size), "a reply is exactly a header");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Bytes datagram = std::as_bytes(std::span(data, size));
  const auto header = decode_header(datagram);
  require(header.has_value() == (size >= header_size), "a header needs its 24 bytes");
  if (!header) return 0;
  const auto decoded = decode_request(*header, datagram, header->communication_key);
  require(decoded.has_value() || decoded.error().reply_code != 0, "a refusal has a code");
  require(!decoded || size <= maximum_datagram, "no request is larger than the largest datagram");
  if (decoded) check_views(*decoded, datagram);
  check_surroundings(*header, datagram, decoded);
  if (decoded) check_round_trip(*header, datagram, *decoded);
  const auto foreign = decode_request(*header, datagram, header->communication_key + 1);
  require(!foreign && foreign.error().reply_code == reply_foreign_key, "a foreign key is refused first");
  check_reply(*header, datagram);
  return 0;
}
