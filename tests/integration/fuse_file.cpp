#include "tests/integration/fuse_file.h"

#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstring>
#include <optional>
#include <span>
#include <stdexcept>
#include <system_error>

#include "tests/support/private_world.h"

namespace secshr::test {

// Of the test and the server, which is a process of its own.
struct FuseFile::Shared {
  std::atomic<WriteEnd> end;
  std::atomic<unsigned> writes;
  std::size_t size;
  std::array<std::byte, 65536> bytes;
};

// Serves until the device says that the file system is gone.
class FuseServer {
 public:
  FuseServer(int device, FuseFile::Shared& shared) : device_(device), shared_(shared) {}

  void serve() {
    while (true) {
      pollfd entry{device_, POLLIN, 0};
      const int ready = ::poll(&entry, 1, 10);
      if (hung_ && shared_.end.load() != WriteEnd::hung) {
        end_write(*hung_);
        hung_.reset();
      }
      if (ready != 1) continue;
      const ssize_t size = ::read(device_, request_.data(), request_.size());
      if (size < 0 && errno == ENODEV) return;
      if (size >= static_cast<ssize_t>(sizeof(fuse_in_header))) answer();
    }
  }

 private:
  static constexpr std::uint64_t file = 2;
  struct HungWrite {
    std::uint64_t unique;
    std::uint64_t offset;
    std::array<std::byte, 4096> bytes;
    std::size_t size;
  };

  template <typename Body>
  Body take(std::size_t offset = sizeof(fuse_in_header)) const {
    Body body{};
    std::memcpy(&body, request_.data() + offset, sizeof body);
    return body;
  }

  void reply(std::uint64_t unique, int error, std::span<const std::byte> body = {}) const {
    fuse_out_header header{};
    header.len = static_cast<std::uint32_t>(sizeof header + body.size());
    header.error = -error;
    header.unique = unique;
    std::array<iovec, 2> parts{iovec{&header, sizeof header},
                               iovec{const_cast<std::byte*>(body.data()), body.size()}};
    (void)!::writev(device_, parts.data(), body.empty() ? 1 : 2);
  }
  template <typename Body>
  void reply_with(std::uint64_t unique, const Body& body) const {
    reply(unique, 0, std::as_bytes(std::span(&body, 1)));
  }

  [[nodiscard]] fuse_attr attributes(std::uint64_t node) const {
    fuse_attr attributes{};
    attributes.ino = node;
    attributes.mode = node == file ? S_IFREG | 0444 : S_IFDIR | 0755;
    attributes.nlink = 1;
    attributes.size = node == file ? shared_.size : 0;
    attributes.blksize = 4096;
    return attributes;
  }

  void answer() {
    const auto header = take<fuse_in_header>(0);
    switch (header.opcode) {
      case FUSE_INIT: {
        fuse_init_out out{};
        out.major = FUSE_KERNEL_VERSION;
        out.minor = FUSE_KERNEL_MINOR_VERSION;
        out.max_write = 4096;
        return reply_with(header.unique, out);
      }
      case FUSE_LOOKUP: {
        const auto* const wanted = reinterpret_cast<const char*>(request_.data() + sizeof header);
        if (std::strcmp(wanted, FuseFile::name) != 0) return reply(header.unique, ENOENT);
        fuse_entry_out out{};
        out.nodeid = file;
        out.attr = attributes(file);
        return reply_with(header.unique, out);
      }
      case FUSE_GETATTR:
      case FUSE_SETATTR: {
        fuse_attr_out out{};
        out.attr = attributes(header.nodeid);
        return reply_with(header.unique, out);
      }
      case FUSE_OPEN: {
        fuse_open_out out{};
        out.open_flags = FOPEN_DIRECT_IO;
        return reply_with(header.unique, out);
      }
      case FUSE_STATFS:
        return reply_with(header.unique, fuse_statfs_out{});
      case FUSE_READ:
        return read(header.unique, take<fuse_read_in>());
      case FUSE_WRITE:
        return write(header.unique, take<fuse_write_in>());
      case FUSE_RELEASE:
        return reply(header.unique, 0);
      case FUSE_FORGET:
      case FUSE_BATCH_FORGET:
      case FUSE_INTERRUPT:
        return;  // without an answer
      default:
        return reply(header.unique, ENOSYS);
    }
  }

  void read(std::uint64_t unique, const fuse_read_in& in) const {
    const std::size_t begin = std::min<std::size_t>(in.offset, shared_.size);
    const std::size_t size = std::min<std::size_t>(in.size, shared_.size - begin);
    reply(unique, 0, std::span(shared_.bytes).subspan(begin, size));
  }

  void write(std::uint64_t unique, const fuse_write_in& in) {
    HungWrite asked{unique, in.offset, {}, 0};
    asked.size = std::min<std::size_t>(in.size, asked.bytes.size());
    std::memcpy(asked.bytes.data(), request_.data() + sizeof(fuse_in_header) + sizeof in, asked.size);
    shared_.writes.fetch_add(1);
    if (shared_.end.load() == WriteEnd::hung) {
      hung_ = asked;
    } else {
      end_write(asked);
    }
  }

  void end_write(const HungWrite& asked) {
    const WriteEnd end = shared_.end.load();
    if (end == WriteEnd::no_space) return reply(asked.unique, ENOSPC);
    if (end == WriteEnd::broken) return reply(asked.unique, EIO);
    const std::size_t taken = end == WriteEnd::cut_short ? std::min<std::size_t>(asked.size, 10) : asked.size;
    if (end == WriteEnd::cut_short) shared_.end.store(WriteEnd::done);
    if (asked.offset + taken > shared_.bytes.size()) return reply(asked.unique, EFBIG);
    std::memcpy(shared_.bytes.data() + asked.offset, asked.bytes.data(), taken);
    shared_.size = std::max<std::size_t>(shared_.size, asked.offset + taken);
    fuse_write_out out{};
    out.size = static_cast<std::uint32_t>(taken);
    reply_with(asked.unique, out);
  }

  int device_;
  FuseFile::Shared& shared_;
  std::array<std::byte, 65536> request_{};
  std::optional<HungWrite> hung_;
};

FuseFile::FuseFile(std::string directory, const std::string& contents) : directory_(std::move(directory)) {
  void* const page = ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) throw std::system_error(errno, std::generic_category(), "mmap");
  shared_ = new (page) Shared{};
  if (contents.size() > shared_->bytes.size()) throw std::length_error("a file that is too large");
  shared_->size = contents.size();
  std::memcpy(shared_->bytes.data(), contents.data(), contents.size());

  // The world's own /dev does not have it.
  make_directory(directory_);
  const std::string node = directory_ + "/device";
  if (::mknod(node.c_str(), S_IFCHR | 0600, ::makedev(10, 229)) != 0) return;
  device_.reset(::open(node.c_str(), O_RDWR | O_CLOEXEC));
  (void)::unlink(node.c_str());
  if (!device_) return;
  const std::string options =
      "fd=" + std::to_string(device_.get()) + ",rootmode=40000,user_id=0,group_id=0,allow_other,default_permissions";
  mounted_ = ::mount("secshr-tests", directory_.c_str(), "fuse", 0, options.c_str()) == 0;
  if (!mounted_) return;
  server_ = ::fork();
  if (server_ < 0) throw std::system_error(errno, std::generic_category(), "fork");
  if (server_ == 0) {
    // Nothing of the test's stays open in it: a client's socket would stay bound.
    if (::dup2(device_.get(), 3) != 3 || ::close_range(4, ~0U, 0) != 0) ::_exit(126);
    FuseServer(3, *shared_).serve();
    ::_exit(0);
  }
  // The server's alone: when it ends, so does all waiting for it.
  device_.reset();
}

FuseFile::~FuseFile() {
  if (server_ > 0) {
    (void)::kill(server_, SIGKILL);
    (void)::waitpid(server_, nullptr, 0);
  }
  if (mounted_) (void)::umount2(directory_.c_str(), MNT_DETACH);
  (void)::munmap(shared_, sizeof(Shared));
}

std::string FuseFile::contents() const {
  return {reinterpret_cast<const char*>(shared_->bytes.data()), shared_->size};
}

unsigned FuseFile::writes() const {
  return shared_->writes.load();
}

void FuseFile::end_writes_with(WriteEnd end) {
  shared_->end.store(end);
}

}  // namespace secshr::test
