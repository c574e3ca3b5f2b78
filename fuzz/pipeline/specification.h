// What must hold of the broker whatever happens, checked at each thing that it does, from what the machine's tables
// say and from who asked by the kernel's word:
//
// 1. Nothing changes but what a datagram asked for that is not answered yet, to which there is no objection
//    (objections.h), and before its deadline.
// 2. Each datagram has exactly one record, which says who asked, for what, and what happened; what is refused names
//    an objection that there is.
// 3. Each has one reply if one is owed, and none otherwise; of a change it is told when its line is written.
// 4. Everything ends by its deadline.
// 5. Who is to write no more, or can record no more, does not.
//
// Each datagram is known by the time at which it was received, which no other has: a record says how long ago that
// was.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "fuzz/pipeline/objections.h"
#include "tests/support/simulated_machine.h"

namespace secshr::pipeline {

class Specification final : public SimulatedMachineWatcher {
 public:
  Specification(const SimulatedMachine& machine, const Terms& terms) : machine_(machine), terms_(terms) {}

  // Around each call of the broker; and that something else happened meanwhile, so that what it saw first may not
  // hold any more when it refuses.
  void on_call() { disturbed_ = false; }
  void on_disturbance() { disturbed_ = true; }
  void on_returned();

  // What others than the broker did, or did not do.
  void on_denying_look(std::uint64_t job);   // the looker has said less than it saw
  void on_refused_write(std::uint64_t job);  // the writer has not done what it could have done
  void on_no_more_writes() { may_write_ = false; }
  void on_abandoned();
  void on_expired();  // the broker has looked at its deadlines
  void on_end(std::uint64_t unsent_replies) const;

  [[nodiscard]] std::uint64_t lines() const { return lines_; }
  [[nodiscard]] std::size_t datagrams() const { return cases_.size(); }

  void on_datagram(const SimulatedDatagram& datagram) override;
  void on_look(const LookRequest& request, std::uint64_t birth) override;
  void on_submission(const WriteRequest& request, std::uint64_t inode) override;
  void on_act(const SimulatedAct& act) override;

 private:
  // One datagram.
  struct Case {
    SimulatedDatagram sent;
    Request request;
    MonotonicTime received;
    std::string reply_name;           // empty: its address is none to reply to
    bool lettered = false;            // that name
    int unreachable = 0;              // why a reply would not get there
    Objections to_hearing;            // why it is dropped
    std::vector<Sight> sights;        // since it was received
    std::vector<std::uint64_t> jobs;  // of these
    bool given_less = false;          // a helper that could have done more did not
    bool waits_for_write = false;     // or has
    std::optional<SimulatedRecord> record;
    bool is_late_recorded = false;
    bool over = false;       // replied, or nothing more is owed
    std::uint64_t line = 0;  // of its change in the log
  };
  struct Submission {
    std::vector<Case*> justified_by;
    WriteRequest request;
    std::uint64_t inode = 0;
    bool requester_may_be_attached = false;
    bool written = false;
    bool accounted = false;
  };

  void hear(Case& each) const;
  void add_remembered(const Case& each, std::vector<const Sight*>& processes) const;
  template <typename Check>
  [[nodiscard]] bool any_evidence(const Case& each, Check check) const;
  template <typename Asks>
  [[nodiscard]] std::vector<Case*> justifying(Asks asks);

  void on_removal(const SimulatedRemoval& removal);
  void on_signal(const SimulatedSignal& signal);
  void on_write(const SimulatedWrite& write);
  void on_record(const SimulatedRecord& record);
  void on_reply(const SimulatedReply& reply);
  void on_event(const SimulatedEvent& event);

  void check_who(const Case& each, const SimulatedRecord& record) const;
  void check_what(const Case& each, const SimulatedRecord& record) const;
  void check_object(const Case& each, const SimulatedRecord& record) const;
  void check_done(Case& each, const SimulatedRecord& record);
  void check_flushed(Case& each, const SimulatedRecord& record);
  void check_refused(const Case& each, const SimulatedRecord& record) const;
  void check_failed(const Case& each, const SimulatedRecord& record) const;
  void check_dropped(const Case& each, const SimulatedRecord& record) const;
  void check_leftover(const Case& each, const SimulatedRecord& record);
  void check_rate(const Case& each) const;
  [[nodiscard]] bool asks_too_much(const Case& each) const;
  Submission* written_for(const Case& each);
  Case& case_of(const SimulatedRecord& record);
  [[nodiscard]] static bool is_slow(const Case& each);

  const SimulatedMachine& machine_;
  const Terms terms_;
  std::map<MonotonicTime, Case> cases_;              // by when they were received
  std::map<std::uint64_t, Submission> submissions_;  // by job

  // A change that was just made, whose record is next, and the datagrams that justify it.
  std::optional<SimulatedAct> change_;
  std::vector<Case*> justified_by_;
  std::vector<Case*> to_be_replied_;  // in no order

  std::uint64_t lines_ = 0;
  std::uint64_t unsent_ = 0;
  bool disturbed_ = false;
  bool may_write_ = true;
  bool abandoned_ = false;
};

}  // namespace secshr::pipeline
