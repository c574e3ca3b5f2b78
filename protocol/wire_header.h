// The 24-byte header, field by field, for the encoders and decoders.
//
// i32 code @0, u32 communication key @4, i32 use-secshr flag @8, i32 pid @12, u64 sequence number @16.
#pragma once

#include "protocol/limits.h"
#include "protocol/request.h"
#include "protocol/wire_reader.h"
#include "protocol/wire_writer.h"

namespace secshr::protocol {

[[nodiscard]] constexpr RequestHeader read_header(WireReader& reader) noexcept {
  RequestHeader header;
  header.code = reader.i32();
  header.communication_key = reader.u32();
  header.use_secshr = reader.i32();
  header.pid = reader.i32();
  header.sequence = reader.u64();
  return header;
}

constexpr void write_header(WireWriter& writer, const RequestHeader& header) noexcept {
  writer.i32(header.code);
  writer.u32(header.communication_key);
  writer.i32(header.use_secshr);
  writer.i32(header.pid);
  writer.u64(header.sequence);
}

}  // namespace secshr::protocol
