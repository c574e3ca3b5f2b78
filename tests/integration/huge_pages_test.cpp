// Segments of huge pages, which stock clients make where gtm_hugetlb_shm says so. They lie on other file systems than
// all others, and are the client's in its maps all the same. Nothing is set aside for these and none of their pages
// is touched, so that the machine needs no huge page to give.
#include <sys/mman.h>
#include <sys/shm.h>
#include <unistd.h>

#include <vector>

#include "tests/integration/flush_fixture.h"
#include "tests/integration/ipc_objects.h"

namespace secshr::test {
namespace {

class BrokerHugePages : public BrokerFlush {
 protected:
  // One of each size that the kernel has, by their number of bits; made by root, who needs no leave for it, and given
  // to the reader.
  struct HugeSegment {
    int shmid;
    unsigned size_bits;
  };
  static std::vector<HugeSegment> make_huge_segments() {
    std::vector<HugeSegment> made;
    for (const unsigned size_bits : {21U, 30U}) {
      const int flags =
          IPC_CREAT | SHM_HUGETLB | SHM_NORESERVE | static_cast<int>(size_bits << MAP_HUGE_SHIFT) | 0600;
      const int shmid = ::shmget(IPC_PRIVATE, std::size_t{1} << size_bits, flags);
      if (shmid < 0) continue;
      give_segment(shmid, u1, g1, 0666);
      made.push_back({shmid, size_bits});
    }
    return made;
  }
};

#define REQUIRE_HUGE_PAGES(segments) \
  if ((segments).empty()) SECSHR_SKIP("the kernel has no huge pages")

TEST_F(BrokerHugePages, the_segment_that_the_closing_client_alone_has_attached_is_its_own) {
  const auto segments = make_huge_segments();
  REQUIRE_HUGE_PAGES(segments);
  for (const HugeSegment& segment : segments) {
    SCOPED_TRACE(segment.size_bits);
    const IpcIds ids = ids_of(make_set(*reader_), segment.shmid);
    ASSERT_EQ(operate_on(*reader_, ids.semid), 0);
    put_ids(ids);
    ASSERT_EQ(attach(*reader_, segment.shmid), 0);
    expect_done(*reader_, closed_ids);
    // Not so where somebody else has attached it, too, or instead.
    put_ids(ids);
    ASSERT_EQ(attach(*other_, segment.shmid), 0);
    expect_refusal(*reader_, closed_ids, refused(EBUSY, "hdr.live"));
    ASSERT_EQ(detach(*reader_), 0);
    expect_refusal(*reader_, closed_ids, refused(EBUSY, "hdr.live"));
    ASSERT_EQ(detach(*other_), 0);
  }
}

TEST_F(BrokerHugePages, another_huge_segment_or_a_file_that_looks_like_one_is_not_the_one_attached) {
  const auto segments = make_huge_segments();
  REQUIRE_HUGE_PAGES(segments);
  const auto own = make_huge_segments();
  for (std::size_t index = 0; index < segments.size(); ++index) {
    const IpcIds ids = ids_of(make_set(*reader_), segments[index].shmid);
    ASSERT_EQ(operate_on(*reader_, ids.semid), 0);
    put_ids(ids);
    ASSERT_EQ(attach(*other_, ids.shmid), 0);
    ASSERT_EQ(attach(*reader_, own.at(index).shmid), 0);
    ASSERT_EQ(reader_->run([bits = segments[index].size_bits] {
      const int file =
          static_cast<int>(::memfd_create("SYSV00000000", MFD_CLOEXEC | MFD_HUGETLB | (bits << MAP_HUGE_SHIFT)));
      const std::size_t size = std::size_t{1} << bits;
      if (::ftruncate(file, static_cast<off_t>(size)) != 0) return 1;
      return ::mmap(nullptr, size, PROT_READ, MAP_SHARED | MAP_NORESERVE, file, 0) != MAP_FAILED ? 0 : 2;
    }),
              0);
    expect_refusal(*reader_, closed_ids, refused(EBUSY, "hdr.live"));
    // And its own is.
    ASSERT_EQ(detach(*other_), 0);
    ASSERT_EQ(detach(*reader_), 0);
    ASSERT_EQ(attach(*reader_, ids.shmid), 0);
    expect_done(*reader_, closed_ids);
    ASSERT_EQ(detach(*reader_), 0);
  }
}

TEST_F(BrokerHugePages, are_removed_like_any_other_segment_once_nobody_is_attached) {
  const auto segments = make_huge_segments();
  REQUIRE_HUGE_PAGES(segments);
  for (const HugeSegment& segment : segments) {
    SCOPED_TRACE(segment.size_bits);
    ASSERT_EQ(attach(*reader_, segment.shmid), 0);
    (void)expect_answer(*other_, protocol::RemoveSegment{segment.shmid}, refused(EBUSY, "shm.attached"));
    EXPECT_TRUE(segment_exists(segment.shmid));
    ASSERT_EQ(detach(*reader_), 0);
    (void)expect_answer(*other_, protocol::RemoveSegment{segment.shmid}, served);
    EXPECT_FALSE(segment_exists(segment.shmid));
  }
}

}  // namespace
}  // namespace secshr::test
