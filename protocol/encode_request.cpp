// One body a request, in the layout that decode_request.cpp reads.
#include "protocol/encode_request.h"

#include <cstdint>

#include "protocol/wire_header.h"

namespace secshr::protocol {
namespace {

void write_body(WireWriter& writer, const RemoveFile& request) noexcept {
  writer.text(request.path);
  writer.u8(0);
}

void write_body(WireWriter& writer, const FlushHeader& request) noexcept {
  writer.i32(0);  // o_direct
  writer.i32(request.ids.semid);
  writer.i32(request.ids.shmid);
  writer.u32(0);  // padding
  writer.i64(request.ids.sem_ctime);
  writer.i64(request.ids.shm_ctime);
  // A length that the cast cuts does not fit the buffer either, so the next line fails the writer.
  writer.u32(static_cast<std::uint32_t>(request.path.size()));
  writer.text(request.path);
  writer.u8(0);
}

}  // namespace

std::size_t encode_request(const RequestHeader& header, const Request& request, std::span<std::byte> out) noexcept {
  WireWriter writer(out);
  RequestHeader own = header;
  own.code = static_cast<std::int32_t>(code_of(request)) | (header.code & explained_bit);
  write_header(writer, own);
  // get_if rather than visit, which can throw.
  if (const auto* wake = std::get_if<Wake>(&request)) writer.i32(wake->pid);
  if (const auto* removal = std::get_if<RemoveSemaphoreSet>(&request)) writer.i32(removal->semid);
  if (const auto* removal = std::get_if<RemoveSegment>(&request)) writer.i32(removal->shmid);
  if (const auto* removal = std::get_if<RemoveFile>(&request)) write_body(writer, *removal);
  if (const auto* resume = std::get_if<ContinueProcess>(&request)) writer.i32(resume->pid);
  if (const auto* flush = std::get_if<FlushHeader>(&request)) write_body(writer, *flush);
  return writer.written();
}

}  // namespace secshr::protocol
