// The requests that wait for a helper: a table of fixed size, with a share for what can hang and for each uid of
// that, so that nobody's slow file keeps others waiting.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>

#include "protocol/request.h"
#include "protocol/socket_names.h"
#include "secshr/audit/audit.h"
#include "secshr/helper.h"
#include "secshr/kernel.h"
#include "secshr/limits.h"
#include "secshr/outcome.h"
#include "secshr/peer.h"

namespace secshr {

struct FileKey {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  bool operator==(const FileKey&) const = default;
};

// One datagram's way through the broker. `request` points into `bytes`, so that an exchange never moves.
struct Exchange {
  enum class Stage {
    free,
    handling,   // in handle_request, waiting for nothing
    looking,    // the looker has it
    queued,     // for its turn with the looker, or, once `seen`, for its file's turn with the writer
    writing,    // the writer has it
    recording,  // done, and on its way into the log; only then the client is told
  };
  Stage stage = Stage::free;
  // Answered for, but a helper still has it: to say who the client is, so that its leftovers can be removed, or
  // because it is stuck. Until that is known to be over, its uid's share and its file stay taken.
  bool told = false;
  std::uint64_t job = 0;         // new for each helper's turn, so that a late answer finds nobody
  LookAt look = LookAt::client;  // what it waits for a look at, or was looked at for it
  MonotonicTime received_at;
  MonotonicTime deadline;
  Outcome outcome;  // what the client is told
  Ticket line = 0;  // of the record that must be written before
  unsigned attempts = 0;

  std::span<std::byte> bytes;              // the table's: a maximum_datagram, and one more that tells what is longer
  std::optional<Credentials> credentials;  // the kernel's word, for the record
  std::optional<Peer> peer;                // empty where they identify nobody who can be served
  protocol::SocketName reply_to;
  int directory = -1;  // of the socket that received it
  std::string_view directory_name;
  std::array<char, protocol::socket_address_path_size + 1> sender{};  // the client's address in its own words
  std::optional<protocol::RequestHeader> header;                      // empty until a full one was decoded
  std::optional<protocol::Request> request;                           // empty until the body was
  Descriptor process;                                                 // a pidfd of the process that the request names
  std::optional<Seen> client;  // looked at before the process, where its groups decide whether it is served
  std::optional<Seen> seen;
  std::optional<protocol::SocketName> removed;  // what a permit to remove a file names, whatever the client calls it
  std::optional<ObjectFacts> object;            // for the record
};

// Whether such a look depends on more than the kernel: a file system, or another process's memory.
[[nodiscard]] constexpr bool can_hang(LookAt look) noexcept {
  return look != LookAt::client;
}

// Whom the looker is busy for at this moment: never more than it has workers.
class LookerTurns {
 public:
  void add(LookAt look, uid_t uid) noexcept;
  // Whether one more may go to the looker: a worker is free for it, within its uid's share.
  [[nodiscard]] bool has_turn(LookAt look, uid_t uid) const noexcept;

 private:
  struct Turn {
    bool slow;
    uid_t uid;
  };
  std::array<Turn, limits::looker_workers> turns_{};
  std::size_t count_ = 0;
};

class ExchangeTable {
 public:
  ExchangeTable();
  // A free one in stage `handling`, or nullptr when all are taken.
  [[nodiscard]] Exchange* take() noexcept;
  void release(Exchange& exchange) noexcept;
  // nullptr for a job that nobody waits for any more.
  [[nodiscard]] Exchange* find(Exchange::Stage stage, std::uint64_t job) noexcept;
  // Whether one more may wait for such a look.
  [[nodiscard]] bool has_room_for(LookAt look, uid_t uid) const noexcept;
  [[nodiscard]] LookerTurns looker_turns() const noexcept;
  [[nodiscard]] std::size_t count(Exchange::Stage stage) const noexcept;
  [[nodiscard]] std::size_t count(Exchange::Stage stage, uid_t uid) const noexcept;
  [[nodiscard]] std::size_t in_use() const noexcept { return in_use_; }
  [[nodiscard]] bool is_full() const noexcept { return in_use_ == limits::parked_exchanges; }

  [[nodiscard]] std::span<Exchange> all() noexcept { return *exchanges_; }

 private:
  using Exchanges = std::array<Exchange, limits::parked_exchanges>;
  std::unique_ptr<Exchanges> exchanges_ = std::make_unique<Exchanges>();
  // Apart, and not touched before a datagram comes: a start does not wait for what it may never need.
  std::unique_ptr<std::byte[]> bytes_;
  std::size_t in_use_ = 0;
};

}  // namespace secshr
