// What reap says of each kind of file, in full.
#include "admin/leftovers/reap_report.h"

#include <gtest/gtest.h>

namespace secshr::admin {
namespace {

SocketFile socket_file(const std::string& name, SocketVerdict verdict, pid_t pid = 0) {
  SocketFile socket;
  socket.name = name;
  socket.verdict = verdict;
  socket.owner = 3001;
  socket.pid = pid;
  return socket;
}

std::vector<ReapedDirectory> one_of_each() {
  SocketFile live = socket_file("gtm_secshr00000103", SocketVerdict::live_process, 259);
  live.process = "mumps";
  SocketFile failing = socket_file("gtm_secshr00000105", SocketVerdict::undecided, 261);
  failing.fault = "Too many open files";
  failing.owner.reset();
  return {{"/tmp",
           "default",
           "",
           false,
           {socket_file("gtm_secshr00000102", SocketVerdict::dead_process, 258), live,
            socket_file("gtm_secshr00000104a", SocketVerdict::bound, 260), failing,
            socket_file("gtm_secshr00000106", SocketVerdict::just_made, 262),
            socket_file("gtm_secshr00000107", SocketVerdict::not_a_socket, 263),
            socket_file("gtm_secshr2E000001", SocketVerdict::dead_server),
            socket_file("gtm_secshr2E000002", SocketVerdict::adopted_server),
            socket_file("gtm_secshr\n", SocketVerdict::not_a_name)}},
          {"/srv/gtm tmp", "pinned", "No such file or directory", true, {}}};
}

TEST(ReapReport, says_of_each_file_what_and_why) {
  EXPECT_EQ(reap_text(one_of_each(), Reap::look),
            R"(/tmp (default)
  would remove      gtm_secshr00000102   process 258 has ended, and nobody is bound to it
  leaves            gtm_secshr00000103   process 259 (mumps) lives
  leaves            gtm_secshr00000104a  somebody is bound to it
  leaves            gtm_secshr00000105   cannot be judged: Too many open files
  leaves            gtm_secshr00000106   was made just now, and may be about to be bound; look again in some seconds
  leaves            gtm_secshr00000107   is no socket
  would remove      gtm_secshr2E000001   nobody is bound to it, and it is no adopted installation's server socket
  leaves            gtm_secshr2E000002   keeps an adopted installation's name from others until its next broker takes it
  leaves            "gtm_secshr\x0a"     is not the name of a client's or a server's socket
"/srv/gtm tmp" (pinned)
  is not looked at: No such file or directory
2 sockets are left over; nothing was removed. To remove: secshrctl reap --do
)");
}

TEST(ReapReport, says_what_was_removed_and_what_could_not_be) {
  SocketFile removed = socket_file("gtm_secshr00000102", SocketVerdict::dead_process, 258);
  removed.removed = true;
  SocketFile failed = socket_file("gtm_secshr2E000001", SocketVerdict::dead_server);
  failed.fault = "Read-only file system";
  const std::vector<ReapedDirectory> directories{{"/tmp", "given", "", false, {removed, failed}}};
  EXPECT_EQ(reap_text(directories, Reap::remove),
            R"(/tmp (given)
  removed           gtm_secshr00000102  process 258 has ended, and nobody is bound to it
  could not remove  gtm_secshr2E000001  nobody is bound to it, and it is no adopted installation's server socket; but: Read-only file system
1 of 2 removed.
)");
  EXPECT_EQ(reap_status(directories, Reap::remove), ExitStatus::findings);
  EXPECT_EQ(reap_status({{"/tmp", "given", "", false, {removed}}}, Reap::remove), ExitStatus::fine) << "the control";
}

TEST(ReapReport, is_one_document_of_json) {
  EXPECT_EQ(reap_json({{"/tmp",
                        "default",
                        "",
                        false,
                        {socket_file("gtm_secshr00000102", SocketVerdict::dead_process, 258),
                         socket_file("gtm_secshr2E000002", SocketVerdict::adopted_server)}},
                       {"/x", "given", "Not a directory", false, {}}},
                      Reap::look),
            R"({
  "dry_run": true,
  "left_over": 1,
  "removed": 0,
  "directories": [
    {
      "directory": "/tmp",
      "origin": "default",
      "fault": null,
      "sockets": [
        {
          "name": "gtm_secshr00000102",
          "owner": 3001,
          "pid": 258,
          "action": "remove",
          "reason": "dead-process",
          "explanation": "process 258 has ended, and nobody is bound to it"
        },
        {
          "name": "gtm_secshr2E000002",
          "owner": 3001,
          "pid": null,
          "action": "leave",
          "reason": "adopted-server",
          "explanation": "keeps an adopted installation's name from others until its next broker takes it"
        }
      ]
    },
    {
      "directory": "/x",
      "origin": "given",
      "fault": "Not a directory",
      "sockets": []
    }
  ]
}
)");
}

TEST(ReapStatus, says_whether_there_is_anything_to_do) {
  const ReapedDirectory empty{"/tmp", "default", "", false, {}};
  const ReapedDirectory missing{"/srv/tmp", "pinned", "No such file or directory", true, {}};
  ReapedDirectory dirty = empty;
  dirty.sockets = {socket_file("gtm_secshr00000102", SocketVerdict::dead_process, 258)};
  ReapedDirectory busy = empty;
  busy.sockets = {socket_file("gtm_secshr00000102", SocketVerdict::bound, 258)};
  ReapedDirectory closed = missing;
  closed.is_missing = false;
  ReapedDirectory misspelt = missing;
  misspelt.origin = "given";
  EXPECT_EQ(reap_status({empty, missing}, Reap::look), ExitStatus::fine);
  EXPECT_EQ(reap_status({busy}, Reap::look), ExitStatus::fine);
  EXPECT_EQ(reap_status({empty, dirty}, Reap::look), ExitStatus::findings);
  EXPECT_EQ(reap_status({empty, closed}, Reap::look), ExitStatus::error);
  EXPECT_EQ(reap_status({misspelt, dirty}, Reap::look), ExitStatus::error);
  EXPECT_EQ(reap_text({empty}, Reap::look), "/tmp (default)\nNothing is left over.\n");
}

}  // namespace
}  // namespace secshr::admin
