// Both directions of a reply go through the one description of the header in wire_header.h.
#include "protocol/encode_reply.h"

#include <cerrno>

#include "protocol/wire_header.h"

namespace secshr::protocol {

std::array<std::byte, header_size> encode_reply(const RequestHeader& request, std::int32_t code,
                                                std::int32_t rule) noexcept {
  RequestHeader header = request;
  header.code = code;
  if (wants_rule(request)) header.use_secshr = rule;
  std::array<std::byte, header_size> datagram{};
  WireWriter writer(datagram);
  write_header(writer, header);
  return datagram;
}

std::expected<Reply, DecodeError> decode_reply(std::span<const std::byte> datagram) noexcept {
  WireReader reader(datagram);
  const Reply reply{read_header(reader)};
  if (!reader.complete()) return std::unexpected(DecodeError{EINVAL, "length"});
  return reply;
}

}  // namespace secshr::protocol
