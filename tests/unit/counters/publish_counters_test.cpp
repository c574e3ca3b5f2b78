// The counters page as it is made and written: the pinned layout, no link followed, no reader disturbed, and never a
// torn state.
#include "counters/publish_counters.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <span>
#include <utility>

#include "counters/map_file.h"
#include "counters/read_counters.h"
#include "tests/unit/counters/scratch_page.h"

namespace secshr {
namespace {

using namespace std::string_literals;

// Each counter another number, as it must stand in the file.
Counters numbered() {
  CounterWords words{};
  for (std::size_t index = 0; index < words.size(); ++index) words.at(index) = 0x0102030405060000 + index;
  return std::bit_cast<Counters>(words);
}

class CountersPageTest : public testing::Test {
 protected:
  CountersPage create(const Counters& counters = {}) {
    auto page = CountersPage::create(directory.descriptor(), counters);
    EXPECT_TRUE(page.has_value()) << (page ? 0 : page.error());
    return page ? *std::move(page) : CountersPage();
  }
  void expect_error(int error) {
    const auto page = CountersPage::create(directory.descriptor(), {});
    ASSERT_FALSE(page.has_value());
    EXPECT_EQ(page.error(), error);
    EXPECT_FALSE(directory.has("counters.new")) << "left over";
  }
  const ScratchDirectory directory;
};

TEST_F(CountersPageTest, has_the_documented_layout) {
  CountersPage page = create(numbered());
  std::string expected = "secshrCP" + bytes_of(2) + bytes_of(480) + bytes_of(2);
  for (std::uint64_t index = 0; index < 56; ++index) expected += bytes_of(0x0102030405060000 + index);
  EXPECT_EQ(directory.read(), expected);
  page.publish(numbered());
  EXPECT_EQ(directory.read().substr(24, 8), bytes_of(4));
}

// By name, so that nothing changes its place without a new version.
TEST_F(CountersPageTest, has_each_counter_at_its_offset) {
  const auto offset_of = [](const auto& member) {
    static const Counters counters;
    return 32 + (reinterpret_cast<const char*>(&(counters.*member)) - reinterpret_cast<const char*>(&counters));
  };
  EXPECT_EQ(offset_of(&Counters::broker_pid), 32);
  EXPECT_EQ(offset_of(&Counters::started), 40);
  EXPECT_EQ(offset_of(&Counters::configuration_hash), 48);
  EXPECT_EQ(offset_of(&Counters::degraded), 56);
  EXPECT_EQ(offset_of(&Counters::datagrams), 64);
  EXPECT_EQ(offset_of(&Counters::dropped), 72);
  EXPECT_EQ(offset_of(&Counters::requests), 80);
  EXPECT_EQ(offset_of(&Counters::refused_by_rule), 272);
  EXPECT_EQ(offset_of(&Counters::refused_otherwise), 432);
  EXPECT_EQ(offset_of(&Counters::replies_unsent), 440);
  EXPECT_EQ(offset_of(&Counters::leftovers_removed), 448);
  EXPECT_EQ(offset_of(&Counters::log_lines_lost), 456);
  EXPECT_EQ(offset_of(&Counters::parked), 464);
  EXPECT_EQ(offset_of(&Counters::parked_most), 472);
}

TEST_F(CountersPageTest, is_readable_by_all_and_writable_by_its_owner_whatever_the_umask) {
  for (const mode_t mask : {0U, 0777U}) {
    const mode_t before = ::umask(mask);
    (void)create();
    ::umask(before);
    struct stat facts{};
    ASSERT_EQ(::lstat(directory.path().c_str(), &facts), 0);
    EXPECT_EQ(facts.st_mode, S_IFREG | 0644U);
    EXPECT_EQ(facts.st_uid, ::geteuid());
    EXPECT_EQ(facts.st_nlink, 1U);
    EXPECT_GE(facts.st_blocks, 1) << "a hole: storing into it may need room that is not there";
  }
  EXPECT_FALSE(directory.has("counters.new"));
}

TEST_F(CountersPageTest, shows_what_was_published_last) {
  CountersPage page = create(all(1));
  EXPECT_EQ(read_counters(directory.path()), all(1));
  for (const std::uint64_t number : {std::uint64_t{2}, std::uint64_t{0}, UINT64_MAX}) {
    page.publish(all(number));
    EXPECT_EQ(read_counters(directory.path()), all(number));
  }
  CountersPage moved = std::move(page);
  moved.publish(numbered());
  EXPECT_EQ(read_counters(directory.path()), numbered());
  page = std::move(moved);
  page.publish(all(7));
  EXPECT_EQ(read_counters(directory.path()), all(7));
}

TEST_F(CountersPageTest, that_is_none_takes_everything) {
  CountersPage none;
  none.publish(numbered());
  EXPECT_FALSE(directory.has("counters"));
  CountersPage page = create(all(1));
  none = std::move(page);
  none.publish(all(2));
  EXPECT_EQ(read_counters(directory.path()), all(2)) << "the control";
}

TEST_F(CountersPageTest, takes_the_place_of_another_without_disturbing_those_who_read_that) {
  CountersPage old_page = create(all(1));
  const Descriptor file(::open(directory.path().c_str(), O_RDONLY | O_CLOEXEC));
  const auto old = map_file(file.get(), counters_page::size, boost::interprocess::read_only);
  ASSERT_TRUE(old.has_value());
  const std::span<const std::uint64_t> words(static_cast<const std::uint64_t*>(old->get_address()),
                                             counters_page::words);
  CountersPage new_page = create(all(2));
  EXPECT_EQ(read_counters(directory.path()), all(2));
  EXPECT_EQ(read_counters_page(words), all(1));
  // The old writer ends later than the new one begins.
  old_page.publish(all(3));
  new_page.publish(all(4));
  EXPECT_EQ(read_counters(directory.path()), all(4));
  EXPECT_EQ(read_counters_page(words), all(3));
}

TEST_F(CountersPageTest, is_made_in_the_directory_that_is_open_whatever_its_name) {
  const ScratchDirectory other;
  const std::string moved = other.path("moved");
  std::filesystem::create_directory(other.path("d"));
  const Descriptor open_directory(::open(other.path("d").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  std::filesystem::rename(other.path("d"), moved);
  std::filesystem::create_symlink(directory.path(""), other.path("d"));
  ASSERT_TRUE(CountersPage::create(open_directory.get(), all(1)).has_value());
  EXPECT_EQ(read_counters(moved + "/counters"), all(1));
  EXPECT_FALSE(directory.has("counters"));
}

TEST_F(CountersPageTest, follows_no_link_and_keeps_what_links_point_to) {
  directory.write("victim", "untouched");
  for (const std::string name : {"counters", "counters.new"}) {
    for (const std::string target : {"victim", "nowhere"}) {
      std::filesystem::remove(directory.path(name));
      std::filesystem::create_symlink(directory.path(target), directory.path(name));
      (void)create(all(1));
      EXPECT_EQ(read_counters(directory.path()), all(1));
      EXPECT_EQ(directory.read("victim"), "untouched");
      EXPECT_FALSE(directory.has("nowhere"));
      EXPECT_FALSE(directory.has("counters.new"));
    }
    std::filesystem::remove(directory.path(name));
    std::filesystem::create_hard_link(directory.path("victim"), directory.path(name));
    (void)create(all(2));
    EXPECT_EQ(read_counters(directory.path()), all(2));
    EXPECT_EQ(directory.read("victim"), "untouched");
  }
}

TEST_F(CountersPageTest, takes_the_place_of_whatever_is_no_directory) {
  for (const std::string name : {"counters", "counters.new"}) {
    std::filesystem::remove(directory.path(name));
    ASSERT_EQ(::mkfifo(directory.path(name).c_str(), 0600), 0);
    (void)create(all(1));
    EXPECT_EQ(read_counters(directory.path()), all(1));
    directory.write(name, "half of a p");
    (void)create(all(2));
    EXPECT_EQ(read_counters(directory.path()), all(2));
  }
}

TEST_F(CountersPageTest, is_not_made_where_it_cannot_be_and_leaves_nothing) {
  (void)create(all(1));
  EXPECT_EQ(CountersPage::create(-1, {}).error(), EBADF);
  std::filesystem::remove(directory.path());
  std::filesystem::create_directory(directory.path());
  expect_error(EISDIR);
  std::filesystem::remove(directory.path());
  std::filesystem::create_directory(directory.path("counters.new"));
  EXPECT_EQ(CountersPage::create(directory.descriptor(), {}).error(), EISDIR);
}

// As where the file system is full: the page that was there stays.
TEST_F(CountersPageTest, is_not_made_where_there_is_no_room_for_all_of_it) {
  (void)create(all(1));
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    (void)std::signal(SIGXFSZ, SIG_IGN);  // NOLINT(cert-err33-c)
    const rlimit limit{counters_page::size - 1, RLIM_INFINITY};
    if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) ::_exit(100);
    const auto page = CountersPage::create(directory.descriptor(), all(2));
    ::_exit(page ? 0 : page.error());
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status)) << status;
  EXPECT_EQ(WEXITSTATUS(status), EFBIG);
  EXPECT_EQ(read_counters(directory.path()), all(1));
  EXPECT_FALSE(directory.has("counters.new"));
}

// --- Two processes. ---

// Publishes until it is killed; every word the same number, one more each time. Between two of them it leaves the
// page alone for about as long as it takes to read it, a small part of what a broker's turn takes.
pid_t start_writer(CountersPage& page) {
  const pid_t writer = ::fork();
  if (writer != 0) return writer;
  for (std::uint64_t number = 1;; ++number) {
    page.publish(all(number));
    for (int pause = 0; pause < 500; ++pause) std::atomic_signal_fence(std::memory_order_seq_cst);
  }
}
void kill_and_wait(pid_t process) {
  ASSERT_EQ(::kill(process, SIGKILL), 0);
  ASSERT_EQ(::waitpid(process, nullptr, 0), process);
}

TEST_F(CountersPageTest, shows_no_torn_state_while_another_process_publishes_all_the_time) {
  CountersPage page = create(all(0));
  const Descriptor file(::open(directory.path().c_str(), O_RDONLY | O_CLOEXEC));
  const auto region = map_file(file.get(), counters_page::size, boost::interprocess::read_only);
  ASSERT_TRUE(region.has_value());
  const std::span<const std::uint64_t> words(static_cast<const std::uint64_t*>(region->get_address()),
                                             counters_page::words);
  const pid_t writer = start_writer(page);
  ASSERT_GT(writer, 0);
  std::uint64_t last = 0, read = 0, different = 0, torn = 0, backwards = 0, unread = 0;
  // On a busy machine the two take turns: as many as it takes, but not for ever.
  constexpr std::uint64_t reads = 200'000, turns = 200;
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while ((read < reads || different < turns) && std::chrono::steady_clock::now() < deadline) {
    const auto counters = read_counters_page(words);
    if (!counters) {
      ++unread;
      continue;
    }
    ++read;
    torn += all_equal(*counters) ? 0 : 1;
    backwards += counters->datagrams < last ? 1 : 0;
    different += counters->datagrams != last ? 1 : 0;
    last = counters->datagrams;
  }
  kill_and_wait(writer);
  EXPECT_EQ(torn, 0U);
  EXPECT_EQ(backwards, 0U);
  EXPECT_LE(unread, read / 100);
  EXPECT_GE(different, turns) << "the writer hardly ran: the test shows nothing";
}

TEST_F(CountersPageTest, that_a_killed_writer_left_is_consistent_or_is_not_read) {
  int half_written = 0;
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  for (unsigned each = 0; (each < 20 || half_written == 0) && std::chrono::steady_clock::now() < deadline; ++each) {
    CountersPage page = create(all(0));
    const pid_t writer = start_writer(page);
    ASSERT_GT(writer, 0);
    (void)::usleep(500 + each % 8 * 300);
    kill_and_wait(writer);
    const auto left = read_counters(directory.path());
    if (left) {
      EXPECT_TRUE(all_equal(*left));
    } else {
      EXPECT_EQ(left.error(), EAGAIN);
      ++half_written;
    }
    // The next broker makes it whole.
    (void)create(all(1));
    EXPECT_EQ(read_counters(directory.path()), all(1));
  }
  EXPECT_GT(half_written, 0) << "no writer died in the middle: the test shows nothing";
}

}  // namespace
}  // namespace secshr
