#include "secshr/exchange_table.h"

#include <algorithm>
#include <span>

namespace secshr {

void LookerTurns::add(LookAt look, uid_t uid) noexcept {
  if (count_ < turns_.size()) turns_[count_++] = {can_hang(look), uid};
}

bool LookerTurns::has_turn(LookAt look, uid_t uid) const noexcept {
  if (count_ == turns_.size()) return false;
  std::size_t slow = 0;
  std::size_t of_uid = 0;  // and of this kind
  for (const Turn& turn : std::span(turns_).first(count_)) {
    if (turn.slow) ++slow;
    if (turn.slow == can_hang(look) && turn.uid == uid) ++of_uid;
  }
  return of_uid < limits::looks_per_uid && (!can_hang(look) || slow < limits::slow_looks);
}

ExchangeTable::ExchangeTable() {
  constexpr std::size_t each = protocol::maximum_datagram + 1;
  bytes_ = std::make_unique_for_overwrite<std::byte[]>(limits::parked_exchanges * each);
  std::byte* next = bytes_.get();
  for (Exchange& exchange : *exchanges_) {
    exchange.bytes = {next, each};
    next += each;
  }
}

Exchange* ExchangeTable::take() noexcept {
  const auto free = std::ranges::find(*exchanges_, Exchange::Stage::free, &Exchange::stage);
  if (free == exchanges_->end()) return nullptr;
  free->stage = Exchange::Stage::handling;
  ++in_use_;
  return &*free;
}

void ExchangeTable::release(Exchange& exchange) noexcept {
  exchange.stage = Exchange::Stage::free;
  exchange.told = false;
  exchange.job = 0;
  exchange.look = LookAt::client;
  exchange.attempts = 0;
  exchange.credentials.reset();
  exchange.peer.reset();
  exchange.process.reset();
  exchange.client.reset();
  exchange.seen.reset();
  exchange.line = 0;
  exchange.outcome = {};
  exchange.removed.reset();
  exchange.object.reset();
  exchange.header.reset();
  exchange.request.reset();
  --in_use_;
}

Exchange* ExchangeTable::find(Exchange::Stage stage, std::uint64_t job) noexcept {
  const auto found = std::ranges::find_if(
      *exchanges_, [&](const Exchange& exchange) { return exchange.stage == stage && exchange.job == job; });
  return found == exchanges_->end() ? nullptr : &*found;
}

bool ExchangeTable::has_room_for(LookAt look, uid_t uid) const noexcept {
  if (!can_hang(look)) return true;
  std::size_t slow = 0;
  std::size_t slow_of_uid = 0;
  std::size_t files_of_uid = 0;
  for (const Exchange& exchange : *exchanges_) {
    const bool parked = exchange.stage != Exchange::Stage::free && exchange.stage != Exchange::Stage::handling;
    if (!parked || !can_hang(exchange.look)) continue;
    ++slow;
    if (exchange.peer->credentials.uid != uid) continue;
    ++slow_of_uid;
    if (exchange.look == LookAt::file) ++files_of_uid;
  }
  return slow < limits::parked_slow && slow_of_uid < limits::parked_slow_per_uid &&
         (look != LookAt::file || files_of_uid < limits::parked_files_per_uid);
}

LookerTurns ExchangeTable::looker_turns() const noexcept {
  LookerTurns turns;
  for (const Exchange& exchange : *exchanges_) {
    if (exchange.stage == Exchange::Stage::looking) turns.add(exchange.look, exchange.peer->credentials.uid);
  }
  return turns;
}

std::size_t ExchangeTable::count(Exchange::Stage stage) const noexcept {
  return static_cast<std::size_t>(std::ranges::count(*exchanges_, stage, &Exchange::stage));
}

std::size_t ExchangeTable::count(Exchange::Stage stage, uid_t uid) const noexcept {
  return static_cast<std::size_t>(std::ranges::count_if(*exchanges_, [&](const Exchange& exchange) {
    return exchange.stage == stage && exchange.peer && exchange.peer->credentials.uid == uid;
  }));
}

}  // namespace secshr
