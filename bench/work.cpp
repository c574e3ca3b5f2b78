#include "bench/work.h"

#include <sys/ipc.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <unistd.h>

#include <utility>

namespace secshr::bench {
namespace {

// As the caller of semctl defines it.
union SemaphoreArgument {
  int value;
  semid_ds* set;
};

int make_set() {
  const int semid = ::semget(IPC_PRIVATE, 1, 0600);
  SemaphoreArgument one{};
  one.value = 1;
  if (semid < 0 || ::semctl(semid, 0, SETVAL, one) != 0) fail("semaphore set");
  return semid;
}

int make_segment() {
  const int shmid = ::shmget(IPC_PRIVATE, 4096, 0600);
  if (shmid < 0) fail("segment");
  return shmid;
}

// With a socket that is there all the time, as a database process that asks often would.
class WithSocket : public Work {
 public:
  explicit WithSocket(const WorkPlace& place) : server_(place.server), socket_(place.directory) {}

 protected:
  [[nodiscard]] std::optional<Duration> ask_for(const protocol::Request& request) {
    const auto began = Clock::now();
    if (socket_.send(server_, request) != 0) return std::nullopt;
    const auto code = socket_.receive();
    const Duration took = Clock::now() - began;
    return code == 0 ? std::optional(took) : std::nullopt;
  }

 private:
  ServerAddress server_;
  ClientSocket socket_;
};

class Continue final : public WithSocket {
 public:
  using WithSocket::WithSocket;
  std::optional<Duration> ask() override { return ask_for(protocol::ContinueProcess{::getpid()}); }
};

class RemoveSegment final : public WithSocket {
 public:
  using WithSocket::WithSocket;
  std::optional<Duration> ask() override { return ask_for(protocol::RemoveSegment{make_segment()}); }
};

class RemoveSet final : public WithSocket {
 public:
  using WithSocket::WithSocket;
  std::optional<Duration> ask() override { return ask_for(protocol::RemoveSemaphoreSet{make_set()}); }
};

// Opened and closed in turn, with objects of its own.
class Flush final : public WithSocket {
 public:
  explicit Flush(const WorkPlace& place) : WithSocket(place), database_(place.database) {
    semid_ds set{};
    shmid_ds segment{};
    SemaphoreArgument argument{};
    argument.set = &set;
    ids_ = {make_set(), make_segment(), 0, 0};
    if (::semctl(ids_.semid, 0, IPC_STAT, argument) != 0 || ::shmctl(ids_.shmid, IPC_STAT, &segment) != 0)
      fail("stat");
    ids_.sem_ctime = set.sem_ctime;
    ids_.shm_ctime = segment.shm_ctime;
  }
  Flush(const Flush&) = delete;
  Flush& operator=(const Flush&) = delete;
  ~Flush() override {
    if (is_open_) (void)ask();
    (void)::semctl(ids_.semid, 0, IPC_RMID);
    (void)::shmctl(ids_.shmid, IPC_RMID, nullptr);
  }
  std::optional<Duration> ask() override {
    is_open_ = !is_open_;
    return ask_for(protocol::FlushHeader{is_open_ ? ids_ : protocol::closed_ids, database_});
  }

 private:
  std::string database_;
  protocol::IpcIds ids_;
  bool is_open_ = false;
};

// A new socket for each request, as of a process that asks once in its life.
class OneShot final : public Work {
 public:
  explicit OneShot(WorkPlace place) : place_(std::move(place)) {}
  std::optional<Duration> ask() override {
    const auto began = Clock::now();
    std::optional<std::int32_t> code;
    {
      ClientSocket socket(place_.directory);
      if (socket.send(place_.server, protocol::ContinueProcess{::getpid()}) != 0) return std::nullopt;
      code = socket.receive();
    }
    const Duration took = Clock::now() - began;
    return code == 0 ? std::optional(took) : std::nullopt;
  }

 private:
  WorkPlace place_;
};

}  // namespace

std::unique_ptr<Work> make_work(std::string_view kind, const WorkPlace& place) {
  if (kind == "continue") return std::make_unique<Continue>(place);
  if (kind == "one-shot") return std::make_unique<OneShot>(place);
  if (kind == "remove-segment") return std::make_unique<RemoveSegment>(place);
  if (kind == "remove-set") return std::make_unique<RemoveSet>(place);
  if (kind == "flush") return std::make_unique<Flush>(place);
  return nullptr;
}

}  // namespace secshr::bench
