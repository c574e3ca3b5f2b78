// What the loop does once a turn besides serving: summaries that are due, and the counters' page.
#pragma once

#include <optional>

#include "counters/publish_counters.h"
#include "secshr/audit/counting.h"
#include "secshr/audit/digest.h"
#include "secshr/audit/log_channel.h"
#include "secshr/broker.h"

namespace secshr {

struct Bookkeeping {
  Digest& digest;
  const LogChannel& log;
  Counters& counters;
  CountersPage page;

  void publish(const Broker& broker) noexcept {
    counters.replies_unsent = broker.unsent_replies();
    counters.log_lines_lost = log.lost();
    count_parked(counters, broker.parked());
    page.publish(counters);
  }
};

}  // namespace secshr
