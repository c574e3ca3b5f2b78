#include "secshr/exchange_table.h"

#include <algorithm>

namespace secshr {

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
  exchange.attempts = 0;
  exchange.credentials.reset();
  exchange.peer.reset();
  exchange.process.reset();
  exchange.seen.reset();
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

std::size_t ExchangeTable::parked_by(uid_t uid) const noexcept {
  return static_cast<std::size_t>(std::ranges::count_if(*exchanges_, [&](const Exchange& exchange) {
    const bool parked = exchange.stage != Exchange::Stage::free && exchange.stage != Exchange::Stage::handling;
    return parked && exchange.peer && exchange.peer->credentials.uid == uid;
  }));
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
