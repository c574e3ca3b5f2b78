// Keeping the last configuration that worked: whole, root's alone, and never through what somebody has left there.
#include "secshr/start/kept_configuration.h"

#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "secshr_paths.h"
#include "tests/support/private_world.h"

namespace secshr::test {
namespace {

namespace fs = std::filesystem;

const std::string place = std::string(paths::run) + "/test";
const std::string kept = place + "/configuration";
const std::string unfinished = place + "/.configuration";
const std::string victim = "/mnt/test/victim";
const std::string ids = "broker_uid = 101\nlooker_uid = 102\nwriter_uid = 103\n";
const std::string former = "# the former\n" + ids;

class KeptConfiguration : public PrivateWorldTest {
 protected:
  void SetUp() override {
    PrivateWorldTest::SetUp();
    if (!IsSkipped() && !HasFatalFailure()) write_file(victim, "precious\n", 0644);
  }
  static std::string keep(std::string_view text) {
    const auto done = keep_configuration("test", text);
    return done ? "kept" : done.error().path + ": " + done.error().what;
  }
  static std::string load() {
    const auto configuration = load_kept_configuration("test");
    return configuration ? configuration->text : to_string(configuration.error());
  }
  static void expect_kept(const std::string& text) {
    struct stat facts{};
    ASSERT_EQ(::lstat(kept.c_str(), &facts), 0);
    EXPECT_EQ(facts.st_mode, S_IFREG | 0600U);
    EXPECT_EQ(facts.st_uid, 0U);
    EXPECT_EQ(facts.st_nlink, 1U);
    EXPECT_EQ(load(), text);
    EXPECT_FALSE(exists(unfinished));
    EXPECT_EQ(read_file(victim), "precious\n");
  }
};

TEST_F(KeptConfiguration, is_missing_until_there_is_one) {
  EXPECT_EQ(load(), kept + ": does not exist");
  EXPECT_EQ(keep(ids), "kept");
  expect_kept(ids);
}

TEST_F(KeptConfiguration, is_replaced_by_the_next_and_not_written_into) {
  EXPECT_EQ(keep(former), "kept");
  fs::create_hard_link(kept, "/run/second-name");
  EXPECT_EQ(keep(ids), "kept");
  expect_kept(ids);
  EXPECT_EQ(read_file("/run/second-name"), former);
}

TEST_F(KeptConfiguration, has_the_very_bytes_of_the_longest_one) {
  const std::string longest = ids + "#" + std::string(64UL * 1024 - ids.size() - 1, '\t');
  EXPECT_EQ(keep(longest), "kept");
  expect_kept(longest);
}

TEST_F(KeptConfiguration, takes_the_place_of_what_a_killed_start_has_left_and_follows_no_link) {
  for (const std::string& name : {kept, unfinished}) {
    SCOPED_TRACE(name);
    make_directory(place);
    for (const std::string kind : {"file", "link", "dangling link", "hard link", "fifo"}) {
      SCOPED_TRACE(kind);
      fs::remove(name);
      if (kind == "file") write_file(name, "half of a conf", 0666);
      if (kind == "link") fs::create_symlink(victim, name);
      if (kind == "dangling link") fs::create_symlink("/mnt/test/new", name);
      if (kind == "hard link") {
        write_file("/run/original", "precious\n");
        fs::create_hard_link("/run/original", name);
      }
      if (kind == "fifo") {
        ASSERT_EQ(::mkfifo(name.c_str(), 0600), 0);
      }
      EXPECT_EQ(keep(ids), "kept");
      expect_kept(ids);
      EXPECT_FALSE(exists("/mnt/test/new"));
      if (exists("/run/original")) {
        EXPECT_EQ(read_file("/run/original"), "precious\n");
      }
    }
  }
}

TEST_F(KeptConfiguration, is_not_kept_where_something_is_in_the_way_and_that_is_said) {
  make_directory(kept);
  EXPECT_EQ(keep(ids), "configuration: Is a directory");
  EXPECT_FALSE(exists(unfinished));
  fs::remove(kept);
  EXPECT_EQ(keep(ids), "kept");
}

TEST_F(KeptConfiguration, stays_the_former_one_where_there_is_no_room_for_the_next) {
  make_directory(place);
  ASSERT_EQ(::mount("secshr-tests", place.c_str(), "tmpfs", 0, "mode=0755,size=8k"), 0);
  EXPECT_EQ(keep(former), "kept");
  EXPECT_EQ(keep(ids + "#" + std::string(10000, 'x')), "configuration: No space left on device");
  expect_kept(former);
  EXPECT_EQ(keep(ids), "kept");
  expect_kept(ids);
  ASSERT_EQ(::umount2(place.c_str(), MNT_DETACH), 0);
}

TEST_F(KeptConfiguration, is_neither_kept_nor_taken_where_others_could_have_written_it) {
  EXPECT_EQ(keep(ids), "kept");
  ASSERT_EQ(::chmod(kept.c_str(), 0646), 0);
  EXPECT_NE(load(), ids);
  EXPECT_EQ(keep(ids), "kept");
  expect_kept(ids);
  ASSERT_EQ(::chmod(place.c_str(), 0757), 0);
  EXPECT_NE(load(), ids);
  EXPECT_EQ(keep(former), place + ": writable-by-others");
  ASSERT_EQ(::chmod(place.c_str(), 0755), 0);
  expect_kept(ids);
}

TEST_F(KeptConfiguration, is_judged_like_any_other) {
  EXPECT_EQ(keep(ids + "tmp = 1\n"), "kept");
  EXPECT_EQ(load(), kept + ":4:7: tmp: must be an array of absolute paths");
}

}  // namespace
}  // namespace secshr::test
