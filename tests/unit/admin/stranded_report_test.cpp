// What stranded says, in full.
#include "admin/leftovers/stranded_report.h"

#include <gtest/gtest.h>

namespace secshr::admin {
namespace {

std::string name_of(uid_t uid) {
  return uid == 3001 ? "alice" : "";
}

StrandedReport of_a_database() {
  IpcFacts segment;
  segment.kind = IpcKind::segment;
  segment.id = 32769;
  segment.uid = 3001;
  segment.cuid = 3002;
  segment.gid = 3010;
  segment.mode = 0660;
  segment.size = 10203136;
  segment.made = 1700000000;
  segment.used = 1700000100;
  segment.pids = {24, 31};
  IpcFacts set = segment;
  set.kind = IpcKind::set;
  set.id = 7;
  set.key = 0x2b42c59a;
  set.size = 3;
  set.used = 0;
  set.pids = {24};
  set.opened = 0;
  StrandedReport report;
  report.objects.databases = {
      {{"/srv/db/a b.dat", 3001, 7, {7, 32769, 0, 0}, 0x2b42c59a}, {segment, set}, {"/srv/copy.dat"}}};
  return report;
}

TEST(StrandedText, names_the_database_and_what_to_run) {
  EXPECT_EQ(stranded_text(of_a_database(), name_of),
            R"("/srv/db/a b.dat"
  segment 32769      10203136 bytes, owner 3001, creator 3002, mode 0660, key 0x00000000
                     changed 2023-11-14T22:13:20Z, used 2023-11-14T22:15:00Z, by processes 24 31, now ended
  semaphore set 7    3 members, owner 3001, creator 3002, mode 0660, key 0x2b42c59a
                     changed 2023-11-14T22:13:20Z, used never, by process 24, now ended
                     /srv/copy.dat names them, too: one of the files is a copy
  run                mupip rundown -file '/srv/db/a b.dat'
                     as alice, with the environment of the installation
)");
}

TEST(StrandedText, suggests_no_command_for_what_is_nobodys) {
  StrandedReport report;
  report.objects.unknown = of_a_database().objects.databases[0].objects;
  report.not_seen = {"/srv/db: Permission denied"};
  const std::string text = stranded_text(report, name_of);
  EXPECT_EQ(text,
            R"(Of no database that was looked at
  segment 32769      10203136 bytes, owner 3001, creator 3002, mode 0660, key 0x00000000
                     changed 2023-11-14T22:13:20Z, used 2023-11-14T22:15:00Z, by processes 24 31, now ended
  semaphore set 7    3 members, owner 3001, creator 3002, mode 0660, key 0x2b42c59a
                     changed 2023-11-14T22:13:20Z, used never, by process 24, now ended
                     it has the key of a database file
  Any of these may hold what a database has not written to its file yet. To look for the files they belong to:
  secshrctl stranded --in DIRECTORY
Not looked at: /srv/db: Permission denied
)");
  EXPECT_EQ(text.find("ipcrm"), text.npos);
}

TEST(StrandedText, says_who_is_to_run_it_where_the_owner_has_no_account) {
  StrandedReport report = of_a_database();
  report.objects.databases[0].file.owner = 3002;
  EXPECT_NE(stranded_text(report, name_of).find("as uid 3002, with"), std::string::npos);
}

TEST(StrandedText, lets_no_path_draw_on_the_terminal) {
  StrandedReport report = of_a_database();
  report.objects.databases[0].file.path = "/srv/\033[2J\n/x";
  report.objects.databases[0].copies = {"/srv/\033]0;\a"};
  const std::string text = stranded_text(report, name_of);
  EXPECT_EQ(text.find('\033'), text.npos);
  EXPECT_EQ(text.find('\a'), text.npos);
  EXPECT_NE(text.find("mupip rundown -file $'/srv/\\033[2J\\012/x'\n"), text.npos) << text;
}

TEST(StrandedJson, is_one_document) {
  StrandedReport report = of_a_database();
  report.objects.unknown = {report.objects.databases[0].objects[1]};
  report.objects.databases[0].objects.pop_back();
  EXPECT_EQ(stranded_json(report, name_of), R"({
  "databases": [
    {
      "file": "/srv/db/a b.dat",
      "format": "V7",
      "owner": 3001,
      "owner_name": "alice",
      "command": "mupip rundown -file '/srv/db/a b.dat'",
      "copies": [
        "/srv/copy.dat"
      ],
      "objects": [
        {
          "kind": "segment",
          "id": 32769,
          "key": "0x00000000",
          "owner": 3001,
          "creator": 3002,
          "group": 3010,
          "mode": "0660",
          "bytes": 10203136,
          "changed": "2023-11-14T22:13:20Z",
          "used": "2023-11-14T22:15:00Z",
          "pids": [
            24,
            31
          ]
        }
      ]
    }
  ],
  "unknown": [
    {
      "kind": "semaphore-set",
      "id": 7,
      "key": "0x2b42c59a",
      "owner": 3001,
      "creator": 3002,
      "group": 3010,
      "mode": "0660",
      "members": 3,
      "changed": "2023-11-14T22:13:20Z",
      "used": null,
      "pids": [
        24
      ],
      "hint": "the key of a database file"
    }
  ],
  "not_looked_at": []
}
)");
}

TEST(StrandedStatus, is_a_finding_where_anything_is_stranded) {
  StrandedReport report;
  EXPECT_EQ(stranded_status(report), ExitStatus::fine);
  EXPECT_EQ(stranded_text(report, name_of), "Nothing is stranded.\n");
  report.not_seen = {"/x: Permission denied"};
  EXPECT_EQ(stranded_status(report), ExitStatus::error) << "who knows what is there";
  report.objects.unknown = {IpcFacts{}};
  EXPECT_EQ(stranded_status(report), ExitStatus::findings);
  EXPECT_EQ(stranded_status(of_a_database()), ExitStatus::findings);
}

}  // namespace
}  // namespace secshr::admin
