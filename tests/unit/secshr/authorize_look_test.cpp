// Which requests are served at all, and what the looker's report alone decides.
#include <cerrno>

#include "tests/unit/secshr/authorize_fixture.h"

namespace secshr {
namespace {

using namespace test;
using AuthorizeRequest = AuthorizeTest;

TEST_F(AuthorizeRequest, permits_a_ping_without_a_look) {
  EXPECT_EQ(evidence_needed(protocol::Ping{}), Evidence::none);
  const auto permit = authorize(protocol::Ping{}, std::nullopt);
  ASSERT_TRUE(permit);
  EXPECT_TRUE(std::holds_alternative<Permit<protocol::Ping>>(*permit));
}

TEST_F(AuthorizeRequest, refuses_what_is_not_served_whatever_was_seen) {
  const protocol::Request requests[] = {protocol::Wake{my_other_pid}, protocol::ContinueProcess{my_other_pid},
                                        protocol::RemoveSemaphoreSet{1}, protocol::RemoveSegment{1},
                                        protocol::RemoveFile{"/t/gtm_mutex00000001"}};
  for (const auto& request : requests) {
    EXPECT_EQ(evidence_needed(request), Evidence::none);
    EXPECT_EQ(decision(request, std::nullopt), "cfg.off " + std::to_string(EPERM));
    EXPECT_EQ(decision(request, seen_with(protocol::closed_ids)), "cfg.off " + std::to_string(EPERM));
  }
}

TEST_F(AuthorizeRequest, refuses_a_flush_that_nobody_looked_at) {
  EXPECT_EQ(evidence_needed(protocol::FlushHeader{protocol::closed_ids, "/d"}), Evidence::look);
  EXPECT_NE(decision(protocol::FlushHeader{protocol::closed_ids, "/d"}, std::nullopt), permitted);
  EXPECT_EQ(decision_to_close(protocol::closed_ids), permitted);
}

TEST_F(AuthorizeRequest, permits_just_what_was_seen_and_asked) {
  machine.semaphore_sets[7] = {{my_uid, my_uid, 70}, 0};
  machine.segments[8] = {my_uid, my_uid, 80};
  constexpr protocol::IpcIds wanted{7, 8, 70, 80};
  constexpr protocol::IpcIds dead{1, 2, 3, 4};
  std::optional<Seen> seen = seen_with(dead);
  const Peer peer{{my_pid, my_uid, 1}, Descriptor()};
  const auto permit = Authorizer(machine.kernel()).authorize(peer, protocol::FlushHeader{wanted, "/d"}, seen);
  ASSERT_TRUE(permit);
  const HeaderFlush& flush = std::get<Permit<HeaderFlush>>(*permit).what();
  EXPECT_EQ(flush.file, seen->file.get());
  EXPECT_EQ(flush.expected, dead);
  EXPECT_EQ(flush.wanted, wanted);
}

TEST_F(AuthorizeRequest, refuses_a_report_of_a_file_that_came_without_its_descriptor) {
  Seen seen = seen_with(protocol::closed_ids);
  seen.file.reset();
  EXPECT_EQ(decision(protocol::FlushHeader{protocol::closed_ids, "/d"}, std::move(seen)),
            "hdr.read " + std::to_string(EPERM));
}

struct Look {
  LookVerdict verdict;
  int error;
  const char* rule;
  int code;
};

class AuthorizeLook : public AuthorizeTest, public testing::WithParamInterface<Look> {};

// Even where the descriptor came along, and everything else in the report would be fine.
TEST_P(AuthorizeLook, decides_what_the_client_is_told) {
  machine.semaphore_sets[7] = {{my_uid, my_uid, 70}, 0};
  for (const auto& wanted : {protocol::closed_ids, protocol::IpcIds{7, -1, 70, 0}}) {
    Seen seen = seen_with(protocol::closed_ids);
    seen.report.verdict = GetParam().verdict;
    seen.report.error = GetParam().error;
    EXPECT_EQ(decision(protocol::FlushHeader{wanted, "/d"}, std::move(seen)),
              std::string(GetParam().rule) + " " + std::to_string(GetParam().code));
    EXPECT_EQ(decision(protocol::FlushHeader{wanted, "/d"}, seen_with(protocol::closed_ids)), permitted);
  }
}

INSTANTIATE_TEST_SUITE_P(EveryVerdict, AuthorizeLook,
                         testing::Values(Look{LookVerdict::peer_gone, 0, "-", ESRCH},
                                         Look{LookVerdict::peer_mixed, 0, "peer.mixed", EPERM},
                                         Look{LookVerdict::other_namespace, 0, "peer.namespace", EPERM},
                                         Look{LookVerdict::wrong_type, 0, "hdr.type", EPERM},
                                         Look{LookVerdict::not_a_database, 0, "hdr.type", EPERM},
                                         Look{LookVerdict::unreadable, ENOENT, "-", ENOENT},
                                         Look{LookVerdict::unreadable, ENOTDIR, "-", ENOENT},
                                         Look{LookVerdict::unreadable, EAGAIN, "hdr.read", EBUSY},
                                         Look{LookVerdict::unreadable, EACCES, "hdr.read", EPERM},
                                         Look{LookVerdict::unreadable, EPERM, "hdr.read", EPERM},
                                         Look{LookVerdict::unreadable, ELOOP, "hdr.read", EPERM},
                                         Look{LookVerdict::unreadable, EIO, "hdr.read", EPERM},
                                         Look{LookVerdict::unreadable, EMFILE, "hdr.read", EPERM},
                                         Look{LookVerdict::unreadable, 0, "hdr.read", EPERM},
                                         // A verdict that does not exist cannot come through decode_look_report.
                                         Look{static_cast<LookVerdict>(99), 0, "hdr.read", EPERM}));

}  // namespace
}  // namespace secshr
