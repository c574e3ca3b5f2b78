// What cleaners of temporary directories do to sockets that are in use, by their configuration.
#include "admin/doctor/tmp_cleaners.h"

#include <gtest/gtest.h>

namespace secshr::admin {
namespace {

const SocketsInUse in_tmp{"/tmp", {"gtm_secshr2E001234", "gtm_secshr00001267", "gtm_secshr00001267a"}, {"/"}};
const SocketsInUse below_tmp{"/tmp/gtm", in_tmp.names, {"/tmp", "/"}};
// A file system of its own.
const SocketsInUse mounted_below_tmp{"/tmp/gtm", in_tmp.names, {}};

bool tmpfiles_clean(const std::string& text, const SocketsInUse& sockets = in_tmp) {
  const CleanerFile file{"/usr/lib/tmpfiles.d/tmp.conf", text};
  const auto cleaner = tmpfiles_cleaner({&file, 1}, sockets);
  EXPECT_EQ(cleaner.value_or(Cleaner{file.path, ""}).file, file.path);
  return cleaner.has_value();
}

TEST(Tmpfiles, clean_a_directory_that_has_an_age) {
  EXPECT_TRUE(tmpfiles_clean("q /tmp 1777 root root 10d\n"));
  EXPECT_TRUE(tmpfiles_clean("d /tmp/ 1777 root root 10d"));
  EXPECT_TRUE(tmpfiles_clean("e\t/tmp\t-\t-\t-\t0\n"));
  EXPECT_TRUE(tmpfiles_clean("d- %T 1777 root root \"1w 2d\"\n"));
  EXPECT_TRUE(tmpfiles_clean("# d /tmp 1777 root root -\ne /tm* - - - 1h\n"));
  EXPECT_EQ(tmpfiles_cleaner(std::vector{CleanerFile{"a", ""}, CleanerFile{"b", "d /tmp - - - 5d"}}, in_tmp)->age,
            "5d");
}

TEST(Tmpfiles, leave_what_has_no_age_or_is_not_a_directory_of_theirs) {
  EXPECT_FALSE(tmpfiles_clean(""));
  EXPECT_FALSE(tmpfiles_clean("# q /tmp 1777 root root 10d\n"));
  EXPECT_FALSE(tmpfiles_clean("D /tmp 1777 root root -\n"));
  EXPECT_FALSE(tmpfiles_clean("d /tmp 1777 root root\n"));
  EXPECT_FALSE(tmpfiles_clean("d /tmp/other 1777 root root 10d\n"));
  EXPECT_FALSE(tmpfiles_clean("d /var/tmp 1777 root root 10d\n"));
  EXPECT_FALSE(tmpfiles_clean("d /tm* 1777 root root 10d\n")) << "only e takes a pattern";
  EXPECT_FALSE(tmpfiles_clean("d! /tmp 1777 root root 10d\n")) << "at boot nothing is in use";
  EXPECT_FALSE(tmpfiles_clean("f /tmp 1777 root root 10d\n"));
  EXPECT_FALSE(tmpfiles_clean("d /%m 1777 root root 10d\n"));
  EXPECT_FALSE(tmpfiles_clean("d\n"));
}

TEST(Tmpfiles, clean_what_lies_below_a_directory_that_has_an_age) {
  const std::string tmp = "q /tmp 1777 root root 10d\n";
  EXPECT_TRUE(tmpfiles_clean(tmp, below_tmp));
  EXPECT_FALSE(tmpfiles_clean(tmp, mounted_below_tmp));
  EXPECT_FALSE(tmpfiles_clean(tmp + "d /tmp/gtm 1777 root root -\n", below_tmp)) << "it has a line of its own";
  EXPECT_TRUE(tmpfiles_clean("d /tmp/gtm 1777 root root 1d\nd /tmp 1777 root root -\n", below_tmp));
}

TEST(Tmpfiles, leave_sockets_that_are_excluded) {
  const std::string tmp = "q /tmp 1777 root root 10d\n";
  EXPECT_FALSE(tmpfiles_clean(tmp + "x /tmp/gtm_secshr*\n"));
  EXPECT_FALSE(tmpfiles_clean(tmp + "X /tmp/gtm_secshr*\n"));
  EXPECT_FALSE(tmpfiles_clean("x /tmp/gtm_*\n" + tmp)) << "in any order";
  EXPECT_FALSE(tmpfiles_clean(tmp + "x /tmp\n"));
  EXPECT_FALSE(tmpfiles_clean(tmp + "x /tmp/gtm\n", below_tmp));
  EXPECT_FALSE(tmpfiles_clean(tmp + "x /tmp/gtm_secshr2E*\nx /tmp/gtm_secshr0*\n"));
  // Not all of them.
  EXPECT_TRUE(tmpfiles_clean(tmp + "x /tmp/gtm_secshr2E*\n"));
  EXPECT_TRUE(tmpfiles_clean(tmp + "x /tmp/gtm_secshr????????\n")) << "the one with a letter";
  EXPECT_TRUE(tmpfiles_clean(tmp + "x /tmp/ydb_secshr*\n"));
  EXPECT_TRUE(tmpfiles_clean(tmp + "x gtm_secshr*\n"));
  EXPECT_FALSE(tmpfiles_clean(tmp + "x /tmp/*\n", below_tmp)) << "the directory that they are in";
  EXPECT_TRUE(tmpfiles_clean(tmp + "X /tmp/gtm\n", below_tmp)) << "X leaves what is in it";
}

const std::string all = "TMPREAPER_ADDITIONALOPTIONS='--all'\n";

TEST(Tmpreaper, takes_sockets_only_where_it_takes_all_kinds) {
  EXPECT_TRUE(tmpreaper_cleans(all, in_tmp)) << "/tmp is its default";
  EXPECT_TRUE(tmpreaper_cleans("TMPREAPER_ADDITIONALOPTIONS=\"-ma\"\n", in_tmp));
  EXPECT_TRUE(tmpreaper_cleans(all + "TMPREAPER_DIRS='/var/tmp/. /tmp/.'\n", below_tmp));
  EXPECT_TRUE(tmpreaper_cleans(all + "SHOWWARNING=false\n", in_tmp));
  EXPECT_FALSE(tmpreaper_cleans("", in_tmp));
  EXPECT_FALSE(tmpreaper_cleans("#" + all, in_tmp));
  EXPECT_FALSE(tmpreaper_cleans("TMPREAPER_ADDITIONALOPTIONS='--mtime'\n", in_tmp));
  EXPECT_FALSE(tmpreaper_cleans(all + "SHOWWARNING=true\n", in_tmp));
  EXPECT_FALSE(tmpreaper_cleans(all + "TMPREAPER_DIRS='/var/tmp/.'\n", in_tmp));
  EXPECT_FALSE(tmpreaper_cleans(all, mounted_below_tmp));
}

TEST(Tmpreaper, leaves_what_is_protected) {
  EXPECT_FALSE(tmpreaper_cleans(all + "TMPREAPER_PROTECT_EXTRA='/tmp/gtm_secshr*'\n", in_tmp));
  EXPECT_FALSE(tmpreaper_cleans(all + "TMPREAPER_PROTECT_EXTRA='/a/* gtm_secshr*'\n", in_tmp));
  EXPECT_TRUE(tmpreaper_cleans(all + "TMPREAPER_PROTECT_EXTRA='/tmp/gtm_secshr2E*'\n", in_tmp));
}

TEST(Tmpwatch, takes_sockets_only_where_it_takes_all_kinds) {
  EXPECT_TRUE(tmpwatch_cleans("/usr/sbin/tmpwatch --all 10d /tmp\n", in_tmp));
  EXPECT_TRUE(tmpwatch_cleans("tmpwatch -uma 10d \\\n  /tmp", in_tmp));
  EXPECT_TRUE(tmpwatch_cleans("tmpwatch 1d /x\ntmpwatch -a 10d /tmp", below_tmp));
  EXPECT_FALSE(tmpwatch_cleans("/usr/sbin/tmpwatch 10d /tmp\n", in_tmp));
  EXPECT_FALSE(tmpwatch_cleans("# tmpwatch --all 10d /tmp\n", in_tmp));
  EXPECT_FALSE(tmpwatch_cleans("[ -a x ] && tmpwatch 10d /tmp\n", in_tmp)) << "an option of another program";
  EXPECT_FALSE(tmpwatch_cleans("tmpwatch --all 10d /var/tmp\n", in_tmp));
  EXPECT_FALSE(tmpwatch_cleans("othertmpwatch --all 10d /tmp\n", in_tmp));
}

TEST(Tmpwatch, leaves_what_is_excluded) {
  EXPECT_FALSE(tmpwatch_cleans("tmpwatch -a --exclude-pattern='/tmp/gtm_secshr*' 10d /tmp\n", in_tmp));
  EXPECT_FALSE(tmpwatch_cleans("tmpwatch -a -X '/tmp/gtm_secshr*' 10d /tmp\n", in_tmp));
  EXPECT_TRUE(tmpwatch_cleans("tmpwatch -a -X '/tmp/ydb_secshr*' 10d /tmp\n", in_tmp));
}

}  // namespace
}  // namespace secshr::admin
