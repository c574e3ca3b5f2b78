// Any bytes as a message between our own processes, of which one may have been taken over.
//
// 1. What is decoded has values that there are, and views into the message; encoded and decoded again it is the same,
//    and as long as it was.
// 2. A message that is one byte longer or shorter is none, where its length is fixed or told in it.
// 3. A report with any number of groups up to the limit comes back with all of them; one more is refused.
#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "fuzz/property.h"
#include "secshr/audit/line_message.h"
#include "secshr/control/control_message.h"
#include "secshr/looker/look_message.h"
#include "secshr/writer/write_message.h"

namespace {

using namespace secshr;
using namespace secshr::fuzz;

std::string_view text_of(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Neither cut nor with more behind it.
template <typename Decode>
void check_length(Bytes bytes, Decode decode) {
  std::vector<std::byte> longer(bytes.begin(), bytes.end());
  longer.push_back(std::byte{0});
  require(!decode(longer), "a longer message is none");
  require(!decode(bytes.first(bytes.size() - 1)), "a shorter one neither");
}

// For messages that have one form: the very bytes.
template <typename Decode, typename Encode>
void check_fixed(Bytes bytes, Decode decode, Encode encode) {
  const auto message = decode(bytes);
  if (!message) return;
  require(std::ranges::equal(encode(*message), bytes), "the same bytes");
  check_length(bytes, decode);
}

void check_look_request(Bytes bytes) {
  const auto request = decode_look_request(bytes);
  if (!request) return;
  require(request->at <= LookAt::process && lies_within(request->path, text_of(bytes)), "what there is to look at");
  static std::vector<std::byte> out(look_request_size);
  if (bytes.size() > out.size()) return;  // the broker asks for nothing that long
  require(encode_look_request(*request, out) == bytes.size(), "a request as long as it was");
  const auto again = decode_look_request(std::span(out).first(bytes.size()));
  require(again && again->job == request->job && again->at == request->at && again->path == request->path &&
              again->whom.pid == request->whom.pid && again->whom.uid == request->whom.uid &&
              again->whom.gid == request->whom.gid && again->whom.sent == request->whom.sent,
          "the same request");
  check_length(bytes, decode_look_request);
}

std::vector<std::byte> encoded(const LookReport& report) {
  static std::vector<std::byte> out(look_report_size);
  const auto used = std::span(out).first(encode_look_report(report, out));
  return {used.begin(), used.end()};
}

void check_look_report(Bytes bytes) {
  const auto report = decode_look_report(bytes);
  if (!report) return;
  require(report->verdict <= LookVerdict::not_a_database, "a verdict that there is");
  require(report->comm.back() == '\0' && report->groups.size() <= reported_groups,
          "a name that ends, groups that fit");
  const auto once = encoded(*report);
  require(once.size() == bytes.size(), "a report as long as it was");
  constexpr std::size_t last_of_name = 8 + 4 + 4 + 63;
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    require(once[at] == bytes[at] || at == last_of_name, "the same but for the end of the name");
  }
  const auto again = decode_look_report(once);
  require(again && encoded(*again) == once, "the same report");
  check_length(bytes, decode_look_report);
}

void check_groups(Bytes bytes) {
  LookReport report;
  // Some thousands, from little input.
  const std::size_t number = bytes.empty() ? 0 : std::to_integer<std::size_t>(bytes.front());
  const std::size_t count = number == 255 ? reported_groups : number * 16;
  for (std::size_t group = 0; group < count; ++group)
    report.groups.push_back(static_cast<gid_t>(group * 2654435761U));
  const auto message = encoded(report);
  require(message.size() == look_report_fixed_size + 4 * count, "four bytes each");
  const auto back = decode_look_report(message);
  require(back && back->groups == report.groups, "all groups come back");
  if (count < reported_groups) return;
  std::vector<std::byte> more(message);
  more[look_report_fixed_size - 4] = std::byte{1};  // 4097
  more.resize(more.size() + 4);
  require(!decode_look_report(more), "one more is refused");
}

void check_line(Bytes bytes) {
  const auto message = decode_line_message(bytes);
  require(message.has_value() == (bytes.size() >= line_message_fixed_size && bytes.size() <= line_message_size),
          "any line is one");
  if (!message) return;
  require(lies_within(message->line, text_of(bytes)), "a view of it");
  static std::vector<std::byte> out(line_message_size);
  require(std::ranges::equal(std::span(out).first(encode_line_message(*message, out)), bytes), "the same line");
}

void check_directory(Bytes bytes) {
  const auto state = decode_directory_state(bytes);
  require(state.has_value() == (bytes.size() >= 4 && bytes.size() <= maximum_directory_state_size),
          "any name that fits is one");
  if (!state) return;
  std::array<std::byte, maximum_directory_state_size> out{};
  const std::size_t size = encode_directory_state(state->idle_ms, state->name, out);
  require(std::ranges::equal(std::span(out).first(size), bytes), "the same directory");
  const std::string longer = state->name + std::string(maximum_directory_name, 'x');
  require(encode_directory_state(0, longer, out) == out.size(), "a longer name is cut");
  require(text_of(out).substr(4) == longer.substr(0, maximum_directory_name), "at its end");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Bytes bytes = bytes_of(data, size);
  check_look_request(bytes);
  check_look_report(bytes);
  check_groups(bytes);
  check_fixed(bytes, decode_write_request, encode_write_request);
  check_fixed(bytes, decode_write_report, encode_write_report);
  check_fixed(bytes, decode_control_request, encode_control_request);
  check_fixed(bytes, decode_broker_state, encode_broker_state);
  check_fixed(bytes, decode_line_report, encode_line_report);
  check_line(bytes);
  check_directory(bytes);
  return 0;
}
