// The broker's pipeline: receive, decode, authenticate, authorize, operate, reply, audit. It knows no descriptor but
// those it is told, no clock but the kernel's, and never waits: a request that needs a helper is parked until the
// helper answers or the deadline passes.
#pragma once

#include <cstdint>
#include <optional>

#include "protocol/profile.h"
#include "secshr/audit/audit.h"
#include "secshr/authenticate.h"
#include "secshr/authorize.h"
#include "secshr/exchange_table.h"
#include "secshr/helper.h"
#include "secshr/kernel.h"
#include "secshr/known_targets.h"
#include "secshr/request_rate.h"

namespace secshr {

struct Service {
  const protocol::Profile* profile = nullptr;
  std::uint32_t communication_key = 0;
  OverflowIds overflow;
  bool allow_root_objects = false;
  RequestLimits limits = {};
  const Restrictions* restrictions = nullptr;
  std::optional<Lockdown> lockdown = std::nullopt;
};

// A served directory: the socket in it and an O_PATH descriptor of the directory itself.
struct ServedDirectory {
  int socket = -1;
  int directory = -1;
  std::string_view name;  // as the administrator knows it, for the record
  Queue queue = Queue::open;
};

class Broker {
 public:
  Broker(const Service& service, Kernel& kernel, Looker& looker, Writer& writer, Audit& audit) noexcept
      : service_(service),
        kernel_(kernel),
        looker_(looker),
        writer_(writer),
        audit_(audit),
        authorizer_(kernel, {service.profile, service.allow_root_objects, service.restrictions, service.lockdown}),
        rate_(service.limits) {}

  // Serves one datagram; false when there was none, or no room for it.
  bool handle_request(const ServedDirectory& served) noexcept;
  void on_seen(Seen seen) noexcept;
  void on_written(const WriteReport& report) noexcept;
  // That the log has come further.
  void on_recorded() noexcept;
  // That it never will again: what was asked for and is not done is not done any more, and nobody is told of
  // anything, so that whoever has asked asks the next broker. Only what the writer has it goes on with.
  void abandon() noexcept;

  // Answers what waited too long. nullopt: nothing waits.
  [[nodiscard]] std::optional<MonotonicTime> next_deadline() noexcept;
  void expire() noexcept;

  // From here on another serves beside this one: no write is begun any more.
  void begin_no_write() noexcept { may_write_ = false; }

  // Replies that could not be delivered: the client was gone, full or not what it said.
  [[nodiscard]] std::uint64_t unsent_replies() const noexcept { return unsent_replies_; }
  // Whether another datagram can be taken. Without room handle_request() takes none.
  [[nodiscard]] bool has_room() const noexcept { return !exchanges_.is_full(); }
  // Requests that are parked at this moment.
  [[nodiscard]] std::size_t parked() const noexcept { return exchanges_.in_use(); }

 private:
  // The stages after authentication; each ends in answer() or leaves the exchange parked.
  void prepare(Exchange& exchange) noexcept;
  void look(Exchange& exchange) noexcept;
  void look_further(Exchange& exchange) noexcept;
  void look_at_process(Exchange& exchange) noexcept;
  // A process that was seen to run the installation a moment ago is not looked at again. False: it must be.
  [[nodiscard]] bool continue_known(Exchange& exchange) noexcept;
  void note_target(const Exchange& exchange) noexcept;
  [[nodiscard]] bool submit(Exchange& exchange, LookRequest request, int pidfd) noexcept;
  void decide(Exchange& exchange) noexcept;
  void operate(Exchange& exchange, const AnyPermit& permit) noexcept;
  [[nodiscard]] Outcome carry_out(const AnyPermit& permit) noexcept;
  void flush(Exchange& exchange, const Permit<HeaderFlush>& permit) noexcept;

  // Record and reply. What was changed is in the log before the client is told of it.
  void answer(Exchange& exchange, Outcome outcome) noexcept;
  // The reply, and the end of the exchange, once the leftovers of its client are seen to.
  void finish(Exchange& exchange) noexcept;
  void reply(const Exchange& exchange, const Outcome& outcome) noexcept;
  // No reply is owed, or none can be addressed.
  void drop(Exchange& exchange, Denied denied) noexcept;
  void note_refusal(const Exchange& exchange, const Outcome& outcome) noexcept;
  Ticket write_record(const Exchange& exchange, Outcome outcome) noexcept;
  // Of a header that was written all the same, by a writer that was stuck in it.
  void write_late_record(const Exchange* exchange) noexcept;
  [[nodiscard]] std::int64_t microseconds_since(MonotonicTime then) noexcept;
  // After the reply to a client that had to take another name because of leftovers.
  [[nodiscard]] bool is_suffixed(const Exchange& exchange) const noexcept;
  [[nodiscard]] bool look_for_leftovers(Exchange& exchange) noexcept;
  void remove_leftovers(const Exchange& exchange) noexcept;

  [[nodiscard]] bool has_writer_turn(const Exchange& exchange) noexcept;
  [[nodiscard]] bool may_resume(const Exchange& exchange, const LookerTurns& turns) noexcept;
  void resume_queued() noexcept;

  Service service_;
  Kernel& kernel_;
  Looker& looker_;
  Writer& writer_;
  Audit& audit_;
  Authorizer authorizer_;
  RequestRate rate_;
  ExchangeTable exchanges_;
  KnownTargets targets_;
  std::uint64_t last_job_ = 0;
  std::uint64_t unsent_replies_ = 0;
  bool may_write_ = true;
};

}  // namespace secshr
