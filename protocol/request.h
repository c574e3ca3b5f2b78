// Every request as a value type.
//
// A decoded request is only well formed. Whether its ids and pids name anything that the sender may touch is judged
// later, from what the kernel says.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <variant>

namespace secshr::protocol {

enum class RequestCode : std::int32_t {
  wake = 1,
  remove_semaphore_set = 2,
  remove_segment = 3,
  remove_file = 4,
  continue_process = 5,
  flush_header = 6,
  ping = 0x100,
};

// Added to a request's code: the reply then has the number of the rule that refused it (rules.h, 0: none) in the
// place of the flag. Ours, too.
inline constexpr std::int32_t explained_bit = 0x200;

// The first 24 bytes of every datagram, in both directions.
struct RequestHeader {
  std::int32_t code = 0;  // a request, or in a reply 0 or an errno
  std::uint32_t communication_key = 0;
  std::int32_t use_secshr = 0;  // uninitialised in stock release builds: echoed, never interpreted
  std::int32_t pid = 0;         // what the sender says of itself: compared with the kernel's word, never trusted
  std::uint64_t sequence = 0;
  bool operator==(const RequestHeader&) const = default;
};

struct Wake {
  std::int32_t pid = 0;
  bool operator==(const Wake&) const = default;
};

struct RemoveSemaphoreSet {
  std::int32_t semid = 0;
  bool operator==(const RemoveSemaphoreSet&) const = default;
};

struct RemoveSegment {
  std::int32_t shmid = 0;
  bool operator==(const RemoveSegment&) const = default;
};

// The path points into the datagram.
struct RemoveFile {
  std::string_view path;
  bool operator==(const RemoveFile&) const = default;
};

struct ContinueProcess {
  std::int32_t pid = 0;
  bool operator==(const ContinueProcess&) const = default;
};

// What a database file header says of its semaphore set and segment. The times are the objects' sem_ctime and
// shm_ctime, which tell an object from a later one with the same id.
struct IpcIds {
  std::int32_t semid = 0;
  std::int32_t shmid = 0;
  std::int64_t sem_ctime = 0;
  std::int64_t shm_ctime = 0;
  bool operator==(const IpcIds&) const = default;
};
inline constexpr IpcIds closed_ids{-1, -1, 0, 0};

// The path points into the datagram.
struct FlushHeader {
  IpcIds ids;
  std::string_view path;
  [[nodiscard]] constexpr bool closing() const noexcept { return ids == closed_ids; }
  bool operator==(const FlushHeader&) const = default;
};

// Ours: asks for nothing but an answer.
struct Ping {
  bool operator==(const Ping&) const = default;
};

using Request = std::variant<Ping, Wake, RemoveSemaphoreSet, RemoveSegment, RemoveFile, ContinueProcess, FlushHeader>;

// As the audit log prints it; "unknown" for a code that is none of the enumerators.
[[nodiscard]] constexpr const char* request_name(RequestCode code) noexcept {
  switch (code) {
    case RequestCode::wake:
      return "wake";
    case RequestCode::remove_semaphore_set:
      return "remove-semaphore-set";
    case RequestCode::remove_segment:
      return "remove-segment";
    case RequestCode::remove_file:
      return "remove-file";
    case RequestCode::continue_process:
      return "continue";
    case RequestCode::flush_header:
      return "flush-header";
    case RequestCode::ping:
      return "ping";
  }
  return "unknown";
}

// The codes in the order of the variant's alternatives.
inline constexpr std::array request_codes{
    RequestCode::ping,           RequestCode::wake,        RequestCode::remove_semaphore_set,
    RequestCode::remove_segment, RequestCode::remove_file, RequestCode::continue_process,
    RequestCode::flush_header};
static_assert(request_codes.size() == std::variant_size_v<Request>);

[[nodiscard]] constexpr RequestCode code_of(const Request& request) noexcept {
  return request_codes[request.index()];
}

// The request code with this number, if there is one, whether or not the rule is wanted.
[[nodiscard]] constexpr std::optional<RequestCode> known_code(std::int32_t number) noexcept {
  for (const RequestCode code : request_codes) {
    if (static_cast<std::int32_t>(code) == (number & ~explained_bit)) return code;
  }
  return std::nullopt;
}

// Of a request that there is: a code that is none is answered as it always was.
[[nodiscard]] constexpr bool wants_rule(const RequestHeader& header) noexcept {
  return (header.code & explained_bit) != 0 && known_code(header.code).has_value();
}

}  // namespace secshr::protocol
