// Every audit record has one place among the counters, whatever it says.
#include "secshr/audit/counting.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "protocol/request.h"

namespace secshr {
namespace {

using namespace std::string_view_literals;

AuditRecord record_of(std::string_view request, Verdict verdict, const char* rule = rule::none) {
  AuditRecord record;
  record.request = request;
  record.outcome = {verdict, rule, 0};
  return record;
}

Counters counted(const AuditRecord& record) {
  Counters counters;
  count(counters, record);
  return counters;
}

// What one datagram of this kind of request adds.
Counters one_of(std::size_t kind, std::uint64_t RequestCounts::* place) {
  Counters counters;
  counters.datagrams = 1;
  counters.requests.at(kind).*place = 1;
  return counters;
}
Counters one_refusal(std::size_t kind) {
  Counters counters = one_of(kind, &RequestCounts::refused);
  counters.refused_otherwise = 1;
  return counters;
}

std::size_t place_of(std::string_view request) {
  return static_cast<std::size_t>(std::ranges::find(counted_requests, request) - counted_requests.begin());
}

void expect_counted_as(std::string_view request, std::size_t kind) {
  SCOPED_TRACE(request);
  EXPECT_EQ(counted(record_of(request, Verdict::done)), one_of(kind, &RequestCounts::done));
  EXPECT_EQ(counted(record_of(request, Verdict::failed)), one_of(kind, &RequestCounts::failed));
  EXPECT_EQ(counted(record_of(request, Verdict::refused)), one_refusal(kind));
  Counters dropped;
  dropped.datagrams = dropped.dropped = 1;
  EXPECT_EQ(counted(record_of(request, Verdict::dropped)), dropped);
}

TEST(Counting, has_a_place_for_each_request_that_there_is) {
  std::vector<std::size_t> places;
  for (const auto code : protocol::request_codes) {
    places.push_back(place_of(protocol::request_name(code)));
    EXPECT_LT(places.back(), counted_requests.size() - 1) << protocol::request_name(code);
    expect_counted_as(protocol::request_name(code), places.back());
  }
  std::ranges::sort(places);
  EXPECT_EQ(std::ranges::adjacent_find(places), places.end());
  EXPECT_EQ(places.size(), counted_requests.size() - 1) << "a place that no request has";
  expect_counted_as(recorded::flush_open, place_of("flush-header"));
  expect_counted_as(recorded::flush_close, place_of("flush-header"));
}

TEST(Counting, counts_what_it_does_not_know_as_unknown) {
  EXPECT_EQ(counted_requests.back(), "unknown");
  for (const auto request :
       {"unknown"sv, "-"sv, ""sv, "pin"sv, "ping "sv, "flush-header-"sv, "a request to come"sv}) {
    expect_counted_as(request, counted_requests.size() - 1);
  }
}

TEST(Counting, counts_leftovers_beside_the_datagrams) {
  Counters removed;
  removed.leftovers_removed = 1;
  EXPECT_EQ(counted(record_of(recorded::leftover, Verdict::done)), removed);
  for (const Verdict verdict : {Verdict::failed, Verdict::refused, Verdict::dropped}) {
    EXPECT_EQ(counted(record_of(recorded::leftover, verdict)), Counters{});
  }
}

TEST(Counting, counts_a_datagram_once_where_it_was_done_late) {
  AuditRecord record = record_of("flush-header-open", Verdict::done);
  record.late = HeaderChange{};
  EXPECT_EQ(counted(record), Counters{});
}

TEST(Counting, has_a_place_for_each_pinned_rule_in_their_order) {
  constexpr std::array pinned{"peer.pid",     "peer.mixed",   "peer.namespace", "sem.alter", "sem.lastop",
                              "shm.rw",       "shm.attached", "ipc.root",       "hdr.read",  "hdr.type",
                              "hdr.ids",      "hdr.live",     "sock.name",      "sock.live", "sock.dir",
                              "proc.install", "wake.caught",  "rate.uid",       "cfg.off",   "lockdown"};
  ASSERT_EQ(pinned.size(), counted_rules.size());
  for (std::size_t index = 0; index < pinned.size(); ++index) {
    EXPECT_EQ(counted_rules.at(index), pinned.at(index));
    Counters expected = one_of(0, &RequestCounts::refused);
    expected.refused_by_rule.at(index) = 1;
    EXPECT_EQ(counted(record_of("wake", Verdict::refused, pinned.at(index))), expected) << pinned.at(index);
  }
}

TEST(Counting, has_a_place_for_each_rule_of_the_broker) {
  for (const char* const each :
       {rule::peer_pid, rule::peer_mixed, rule::peer_namespace, rule::semaphore_alter, rule::semaphore_last,
        rule::segment_access, rule::segment_attached, rule::ipc_root, rule::header_read, rule::header_type,
        rule::header_ids, rule::header_live, rule::socket_name, rule::socket_live, rule::socket_directory,
        rule::process_installation, rule::wake_caught, rule::rate_uid, rule::not_served}) {
    EXPECT_EQ(counted(record_of("ping", Verdict::refused, each)).refused_otherwise, 0U) << each;
  }
}

TEST(Counting, counts_a_refusal_by_no_rule_and_by_a_rule_without_a_place) {
  for (const char* const each : {rule::none, "", "peer", "peer.pid ", "a.rule.to.come"}) {
    EXPECT_EQ(counted(record_of("wake", Verdict::refused, each)), one_refusal(0)) << each;
  }
}

TEST(Counting, counts_by_rule_only_what_was_refused) {
  for (const Verdict verdict : {Verdict::done, Verdict::failed, Verdict::dropped}) {
    EXPECT_EQ(counted(record_of("wake", verdict, rule::peer_pid)), counted(record_of("wake", verdict)));
  }
}

TEST(Counting, accounts_for_every_datagram) {
  std::mt19937 generator(1);  // NOLINT(cert-msc51-cpp): the same records at every run
  std::vector<std::string_view> requests(counted_requests.begin(), counted_requests.end());
  requests.insert(requests.end(), {recorded::flush_open, recorded::flush_close, "-", "new"});
  std::vector<std::string> rules(counted_rules.begin(), counted_rules.end());
  rules.insert(rules.end(), {rule::none, "new.rule"});
  Counters counters;
  constexpr std::uint64_t datagrams = 10'000;
  for (std::uint64_t each = 0; each < datagrams; ++each) {
    constexpr std::array verdicts{Verdict::done, Verdict::refused, Verdict::failed, Verdict::dropped};
    count(counters, record_of(requests[generator() % requests.size()], verdicts[generator() % verdicts.size()],
                              rules[generator() % rules.size()].c_str()));
  }
  RequestCounts sums;
  for (const RequestCounts& each : counters.requests) {
    sums.done += each.done;
    sums.refused += each.refused;
    sums.failed += each.failed;
  }
  std::uint64_t refused = counters.refused_otherwise;
  for (const auto by_rule : counters.refused_by_rule) refused += by_rule;
  EXPECT_EQ(counters.datagrams, datagrams);
  EXPECT_EQ(counters.dropped + sums.done + sums.refused + sums.failed, datagrams);
  EXPECT_EQ(refused, sums.refused);
  for (const auto each : {counters.dropped, sums.done, sums.refused, sums.failed, counters.refused_otherwise}) {
    EXPECT_GT(each, 0U);
  }
}

TEST(Counting, keeps_how_many_were_parked_at_most) {
  Counters counters;
  for (const auto& [now, most] : {std::pair{0U, 0U}, std::pair{3U, 3U}, std::pair{1U, 3U}, std::pair{0U, 3U},
                                  std::pair{4U, 4U}, std::pair{4U, 4U}}) {
    count_parked(counters, now);
    EXPECT_EQ(counters.parked, now);
    EXPECT_EQ(counters.parked_most, most);
  }
}

}  // namespace
}  // namespace secshr
