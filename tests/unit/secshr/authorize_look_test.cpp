// What must be looked at before a request is judged, and what the looker's report alone decides.
#include <cerrno>

#include "tests/unit/secshr/authorize_fixture.h"

namespace secshr {
namespace {

using namespace test;
using AuthorizeRequest = AuthorizeTest;

TEST_F(AuthorizeRequest, permits_a_ping_without_a_look) {
  EXPECT_EQ(look_needed(protocol::Ping{}), std::nullopt);
  const auto permit = authorize(protocol::Ping{}, nullptr);
  ASSERT_TRUE(permit);
  EXPECT_TRUE(std::holds_alternative<Permit<protocol::Ping>>(*permit));
}

TEST_F(AuthorizeRequest, has_the_client_the_file_or_the_process_looked_at) {
  EXPECT_EQ(look_needed(protocol::RemoveSemaphoreSet{1}), LookAt::client);
  EXPECT_EQ(look_needed(protocol::RemoveSegment{1}), LookAt::client);
  EXPECT_EQ(look_needed(protocol::RemoveFile{"/served/gtm_mutex00000001"}), LookAt::client);
  EXPECT_EQ(look_needed(protocol::FlushHeader{protocol::closed_ids, "/d"}), LookAt::file);
  EXPECT_EQ(look_needed(protocol::Wake{other_pid}), LookAt::process);
  EXPECT_EQ(look_needed(protocol::ContinueProcess{other_pid}), LookAt::process);
}

// Each is permitted once somebody looked.
TEST_F(AuthorizeRequest, refuses_whatever_nobody_looked_at) {
  machine.semaphore_sets[1] = {{.uid = my_uid, .cuid = my_uid, .mode = 0600}, my_pid};
  machine.segments[1] = {{.uid = my_uid, .cuid = my_uid, .mode = 0600}};
  machine.names["gtm_mutex00000001"] = {};
  const Descriptor process = machine.pidfd_of(other_pid);
  named_process = process.get();
  const auto check = [&](const protocol::Request& request, const Seen& seen) {
    const auto unseen = authorize(request, nullptr);
    ASSERT_FALSE(unseen) << request.index();
    EXPECT_STREQ(unseen.error().rule, "cfg.off");
    EXPECT_EQ(unseen.error().code, EPERM);
    EXPECT_TRUE(authorize(request, &seen)) << request.index();
  };
  check(protocol::RemoveSemaphoreSet{1}, seen_client());
  check(protocol::RemoveSegment{1}, seen_client());
  check(protocol::RemoveFile{"/served/gtm_mutex00000001"}, seen_client());
  check(protocol::FlushHeader{protocol::closed_ids, "/d"}, seen_with(protocol::closed_ids));
  check(protocol::Wake{other_pid}, seen_process());
  check(protocol::ContinueProcess{other_pid}, seen_process());
}

TEST_F(AuthorizeRequest, permits_just_what_was_seen_and_asked) {
  machine.semaphore_sets[7] = {{my_uid, my_uid, 70}, 0};
  machine.segments[8] = {{my_uid, my_uid, 80}};
  constexpr protocol::IpcIds wanted{7, 8, 70, 80};
  constexpr protocol::IpcIds dead{1, 2, 3, 4};
  const Seen seen = seen_with(dead);
  const auto permit = authorize(protocol::FlushHeader{wanted, "/d"}, &seen);
  ASSERT_TRUE(permit);
  const HeaderFlush& flush = std::get<Permit<HeaderFlush>>(*permit).what();
  EXPECT_EQ(flush.file, seen.file.get());
  EXPECT_EQ(flush.expected, dead);
  EXPECT_EQ(flush.wanted, wanted);
}

TEST_F(AuthorizeRequest, refuses_a_report_of_a_file_that_came_without_its_descriptor) {
  Seen seen = seen_with(protocol::closed_ids);
  seen.file.reset();
  EXPECT_EQ(decision(protocol::FlushHeader{protocol::closed_ids, "/d"}, seen), "hdr.read " + std::to_string(EPERM));
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
  const std::string expected = denied(GetParam().rule, GetParam().code);
  for (const auto& wanted : {protocol::closed_ids, protocol::IpcIds{7, -1, 70, 0}}) {
    Seen seen = seen_with(protocol::closed_ids);
    seen.report.verdict = GetParam().verdict;
    seen.report.error = GetParam().error;
    EXPECT_EQ(decision(protocol::FlushHeader{wanted, "/d"}, seen), expected);
    EXPECT_EQ(decision(protocol::FlushHeader{wanted, "/d"}, seen_with(protocol::closed_ids)), permitted);
  }
}

// And so it is where the client alone was looked at.
TEST_P(AuthorizeLook, decides_about_every_removal) {
  machine.semaphore_sets[1] = {{.uid = my_uid, .cuid = my_uid, .mode = 0600}, my_pid};
  machine.segments[1] = {{.uid = my_uid, .cuid = my_uid, .mode = 0600}};
  machine.names["gtm_mutex00000001"] = {};
  const protocol::Request requests[] = {protocol::RemoveSemaphoreSet{1}, protocol::RemoveSegment{1},
                                        protocol::RemoveFile{"/served/gtm_mutex00000001"}};
  for (const auto& request : requests) {
    Seen seen = seen_client();
    EXPECT_EQ(decision(request, seen), permitted) << request.index();
    seen.report.verdict = GetParam().verdict;
    seen.report.error = GetParam().error;
    EXPECT_EQ(decision(request, seen), denied(GetParam().rule, GetParam().code)) << request.index();
  }
}

INSTANTIATE_TEST_SUITE_P(EveryVerdict, AuthorizeLook,
                         testing::Values(Look{LookVerdict::peer_gone, 0, "-", ESRCH},
                                         Look{LookVerdict::peer_mixed, 0, "peer.mixed", EPERM},
                                         Look{LookVerdict::too_many_groups, 0, "peer.mixed", EPERM},
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
