// Decoding: one function a body. Each reads all of its fields, then asks once whether they were exactly the datagram.
#include "protocol/decode_request.h"

#include <algorithm>
#include <cerrno>
#include <string_view>

#include "protocol/limits.h"
#include "protocol/wire_header.h"
#include "protocol/wire_reader.h"

namespace secshr::protocol {
namespace {

using Result = std::expected<Request, DecodeError>;

std::unexpected<DecodeError> malformed(const char* what) noexcept {
  return std::unexpected(DecodeError{EINVAL, what});
}

bool is_control(char c) noexcept {
  const auto byte = static_cast<unsigned char>(c);
  return byte < 0x20 || byte == 0x7f;
}

// No control bytes: that covers a NUL, after which the kernel would see another path than the log.
bool acceptable_path(std::string_view path) noexcept {
  return path.starts_with('/') && path.size() <= maximum_path && std::ranges::none_of(path, is_control);
}

bool opening(const IpcIds& ids) noexcept {
  const bool semaphore_set = ids.semid >= 0 && ids.sem_ctime != 0;
  const bool segment = ids.shmid >= 0 && ids.shm_ctime != 0;
  // Stand-alone access to a read-only file has a semaphore set but no segment.
  const bool no_segment = ids.shmid == closed_ids.shmid && ids.shm_ctime == closed_ids.shm_ctime;
  return semaphore_set && (segment || no_segment);
}

// Wake, continue and the removals by id: one i32.
template <typename Body>
Result decode_number(WireReader body) noexcept {
  const Body request{body.i32()};
  if (!body.complete()) return malformed("length");
  return request;
}

Result decode_ping(WireReader body) noexcept {
  if (!body.complete()) return malformed("length");
  return Ping{};
}

// The rest of the datagram is the path and its NUL.
Result decode_remove_file(WireReader body) noexcept {
  if (body.left() == 0) return malformed("length");
  const RemoveFile request{body.text(body.left() - 1)};
  if (body.u8() != 0 || !acceptable_path(request.path)) return malformed("path");
  return request;
}

// i32 o_direct @24, i32 semid @28, i32 shmid @32, padding @36, i64 sem_ctime @40, i64 shm_ctime @48, u32 fn_len @56,
// name @60, NUL.
Result decode_flush_header(WireReader body) noexcept {
  FlushHeader request;
  body.skip(4);  // o_direct: of no use here, whatever it says
  request.ids.semid = body.i32();
  request.ids.shmid = body.i32();
  body.skip(4);  // alignment: whatever the client's stack held
  request.ids.sem_ctime = body.i64();
  request.ids.shm_ctime = body.i64();
  request.path = body.text(body.u32());
  const std::uint8_t terminator = body.u8();
  if (!body.complete()) return malformed("length");
  if (terminator != 0 || !acceptable_path(request.path)) return malformed("path");
  if (!request.closing() && !opening(request.ids)) return malformed("ids");
  return request;
}

Result decode_body(RequestCode code, WireReader body) noexcept {
  switch (code) {
    case RequestCode::wake:
      return decode_number<Wake>(body);
    case RequestCode::remove_semaphore_set:
      return decode_number<RemoveSemaphoreSet>(body);
    case RequestCode::remove_segment:
      return decode_number<RemoveSegment>(body);
    case RequestCode::remove_file:
      return decode_remove_file(body);
    case RequestCode::continue_process:
      return decode_number<ContinueProcess>(body);
    case RequestCode::flush_header:
      return decode_flush_header(body);
    case RequestCode::ping:
      return decode_ping(body);
  }
  return std::unexpected(DecodeError{reply_invalid_code, "code"});
}

}  // namespace

std::expected<RequestHeader, DecodeError> decode_header(std::span<const std::byte> datagram) noexcept {
  WireReader reader(datagram);
  const RequestHeader header = read_header(reader);
  if (reader.failed()) return malformed("length");
  return header;
}

std::expected<Request, DecodeError> decode_request(const RequestHeader& header, std::span<const std::byte> datagram,
                                                   std::uint32_t our_communication_key) noexcept {
  if (header.communication_key != our_communication_key) {
    return std::unexpected(DecodeError{reply_foreign_key, "key"});
  }
  const auto code = known_code(header.code);
  if (!code) return std::unexpected(DecodeError{reply_invalid_code, "code"});
  if (datagram.size() > maximum_datagram || datagram.size() < header_size) return malformed("length");
  return decode_body(*code, WireReader(datagram.subspan(header_size)));
}

}  // namespace secshr::protocol
