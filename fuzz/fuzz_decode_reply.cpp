// Any bytes as a reply, which a client takes from whoever has bound the name that it asked.
//
// 1. A reply is exactly a header; its fields are where a byte by byte restatement finds them.
// 2. What is decoded encodes to the same bytes.
// 3. A reply to a request with that header differs from it in its code, and in the flag where the rule is wanted, and
//    nowhere else.
// 4. A reply answers the request with its key and sequence number alone.
// 5. The number of a rule is one of a rule that there is, or none: both ways agree.
#include <cerrno>
#include <cstdint>
#include <limits>
#include <string_view>

#include "fuzz/property.h"
#include "protocol/encode_reply.h"
#include "protocol/limits.h"
#include "protocol/rules.h"

namespace {

using namespace secshr::fuzz;
using namespace secshr::protocol;

std::uint64_t little_endian(Bytes bytes, std::size_t from, std::size_t count) {
  std::uint64_t value = 0;
  for (std::size_t index = from + count; index-- > from;)
    value = value * 256 + std::to_integer<std::uint64_t>(bytes[index]);
  return value;
}

std::int32_t signed_number(Bytes bytes, std::size_t from) {
  return static_cast<std::int32_t>(static_cast<std::uint32_t>(little_endian(bytes, from, 4)));
}

void check_fields(const RequestHeader& header, Bytes bytes) {
  require(header.code == signed_number(bytes, 0), "the code is at 0");
  require(header.communication_key == little_endian(bytes, 4, 4), "the key is at 4");
  require(header.use_secshr == signed_number(bytes, 8), "the flag is at 8");
  require(header.pid == signed_number(bytes, 12), "the pid is at 12");
  require(header.sequence == little_endian(bytes, 16, 8), "the sequence number is at 16");
}

// The request that has this very header.
void check_answer(const RequestHeader& request, Bytes bytes) {
  constexpr std::int32_t code = 0x1234567;
  constexpr std::int32_t rule = 20;
  const auto answer = encode_reply(request, code, rule);
  require(signed_number(answer, 0) == code, "a reply has the code");
  const bool is_known = known_code(request.code).has_value();
  const bool is_wanted = is_known && (request.code & explained_bit) != 0;
  require(signed_number(answer, 8) == (is_wanted ? rule : request.use_secshr), "the rule where it is wanted");
  for (std::size_t at = 4; at < header_size; ++at) {
    require((at >= 8 && at < 12) || answer[at] == bytes[at], "all else is the request's");
  }
}

void check_who_is_answered(const Reply& reply) {
  RequestHeader request = reply.header;
  request.code = ~request.code;
  request.pid = ~request.pid;
  require(reply.answers(request), "a reply answers its request");
  ++request.sequence;
  require(!reply.answers(request), "and none with another number");
  --request.sequence;
  ++request.communication_key;
  require(!reply.answers(request), "nor of another release");
}

void check_rule(std::int32_t number) {
  const std::string_view id = rule_id(number);
  const bool is_rule = number >= 1 && static_cast<std::uint32_t>(number) <= rule_ids.size();
  require(id.empty() != is_rule, "a number is a rule's, or none's");
  require(rule_number(id) == (is_rule ? number : 0), "and back");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Bytes bytes = bytes_of(data, size);
  const auto reply = decode_reply(bytes);
  require(reply.has_value() == (size == header_size), "a reply is exactly a header");
  if (!reply) {
    require(reply.error().reply_code == EINVAL && reply.error().what == std::string_view("length"),
            "else it says so");
    return 0;
  }
  check_fields(reply->header, bytes);
  const auto again = encode_reply(reply->header, reply->code(), reply->header.use_secshr);
  require(std::ranges::equal(again, bytes), "the same bytes");
  check_answer(reply->header, bytes);
  check_who_is_answered(*reply);
  check_rule(reply->header.use_secshr);
  check_rule(reply->header.use_secshr % std::numeric_limits<signed char>::max());
  return 0;
}
