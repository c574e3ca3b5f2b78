#include "secshr/writer/writer.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <expected>

#include "protocol/database_header.h"
#include "secshr/descriptor_passing.h"
#include "secshr/header_ids.h"
#include "secshr/privilege/act_as.h"
#include "secshr/writer/write_message.h"
#include "system/reopen.h"
#include "system/uninterrupted.h"

namespace secshr {
namespace {

// Reopens what the descriptor already stands for, for reading and writing: the one use of DAC_OVERRIDE.
std::expected<Descriptor, int> reopen_for_writing(int file) noexcept {
  constexpr std::array<cap_value_t, 1> override{CAP_DAC_OVERRIDE};
  const RaisedCapabilities raised(override);
  if (!raised.ok()) return std::unexpected(EPERM);
  Descriptor writable = reopen(file, O_RDWR | O_NONBLOCK);
  if (!writable) return std::unexpected(errno);
  return writable;
}

// Everything that can be told without knowing the client: the file is a database, its header and the objects are
// still what the decision was made on, and there is time.
WriteVerdict check(int file, const WriteRequest& request) noexcept {
  struct stat facts{};
  if (::fstat(file, &facts) != 0 || !S_ISREG(facts.st_mode)) return WriteVerdict::refused;
  std::array<std::byte, protocol::inspected_size> bytes{};
  const ssize_t size = pread_whole(file, std::span(bytes), 0);
  if (size != static_cast<ssize_t>(bytes.size())) return WriteVerdict::refused;
  const auto header = protocol::parse_database_header(bytes);
  if (!header) return WriteVerdict::refused;
  if (header->ids != request.expected) return WriteVerdict::changed;
  LinuxIpcObjects objects;
  if (denial_by_objects(objects, request.wanted, request.expected, request.attached)) return WriteVerdict::changed;
  if (std::chrono::steady_clock::now() >= request.deadline) return WriteVerdict::too_late;
  return WriteVerdict::written;
}

WriteReport write(const WriteRequest& request, int file) noexcept {
  // Before the capability is used at all, and through the descriptor as it came: what nobody could open for reading
  // is not written. Then again, directly before the write.
  WriteVerdict checked = check(file, request);
  if (checked != WriteVerdict::written) return {request.job, checked, 0};
  const auto writable = reopen_for_writing(file);
  if (!writable) return {request.job, WriteVerdict::failed, writable.error()};
  checked = check(writable->get(), request);
  if (checked != WriteVerdict::written) return {request.job, checked, 0};
  const auto bytes = protocol::encode_ids(request.wanted);
  const auto write_to_header = [&](const auto& ids, std::size_t count) {
    return uninterrupted([&] { return ::pwrite(writable->get(), ids.data(), count, protocol::ids_offset); });
  };
  const ssize_t size = write_to_header(bytes, bytes.size());
  if (size < 0) return {request.job, WriteVerdict::failed, errno};
  if (size == static_cast<ssize_t>(bytes.size())) return {request.job, WriteVerdict::written, 0};
  // Cut short: put back what was there, so that the header is the old one or the new one and never a mixture.
  const auto old = protocol::encode_ids(request.expected);
  (void)write_to_header(old, static_cast<std::size_t>(size));
  return {request.job, WriteVerdict::failed, EIO};
}

}  // namespace

void serve_writes(int channel, BusyMark& busy) noexcept {
  std::array<std::byte, write_request_size> bytes{};
  while (true) {
    const auto message = receive_message(channel, bytes, Wait::yes);
    if (!message || message->size == 0) return;
    const auto request = decode_write_request(std::span(bytes).first(message->size));
    if (!request || !message->descriptor) return;
    busy.begin();
    const WriteReport report = write(*request, message->descriptor.get());
    const auto sent = send_message(channel, encode_write_report(report), -1, Wait::yes);
    busy.end();
    if (!sent) return;
  }
}

}  // namespace secshr
