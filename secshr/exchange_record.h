// What the audit log is told of an exchange.
#pragma once

#include <optional>

#include "secshr/audit/audit.h"
#include "secshr/authorize.h"
#include "secshr/exchange_table.h"
#include "secshr/outcome.h"

namespace secshr {

// Who asked. The record's views live as long as the exchange is as it is.
[[nodiscard]] AuditRecord record_of_peer(const Exchange& exchange) noexcept;
// And what was asked, as far as it could be made out, with what was found out about its object.
[[nodiscard]] AuditRecord record_of(const Exchange& exchange) noexcept;
// Of a flush: from what was seen to what was asked for.
[[nodiscard]] HeaderChange header_change_of(const Exchange& exchange) noexcept;

void put_facts(const ObjectFacts& object, AuditRecord& record) noexcept;

// Of what was permitted; a header's file is told from what was seen.
[[nodiscard]] std::optional<ObjectFacts> object_of(const AnyPermit& permit, const std::optional<Seen>& seen) noexcept;

}  // namespace secshr
