// A machine in memory, behind the broker's seams: processes, semaphore sets, segments, database files, a served
// directory with its socket, and a clock as plain tables, which a test fills and changes as it likes. Nothing happens
// by itself: the helpers answer when they are told to, and time passes when it is told to.
//
// Descriptors are real, so that the broker's ownership of them is tested too; what each stands for is written in it.
#pragma once

#include <sys/stat.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "protocol/request.h"
#include "secshr/audit/audit.h"
#include "secshr/broker.h"
#include "secshr/helper.h"
#include "secshr/kernel.h"

namespace secshr {

inline const std::set<std::int32_t> no_segments;
inline const std::vector<gid_t> no_groups;

struct SimulatedProcess {
  uid_t uid = 0;
  gid_t gid = 0;
  std::string comm = "mumps";
  bool alive = true;
  bool zombie = false;                            // it has ended, but its pid is not free yet
  bool mixed_ids = false;                         // its effective, saved or file system ids are not its real ones
  bool other_ipc_namespace = false;               // than the broker's
  std::set<std::int32_t> attached = no_segments;  // segments
  // Segments that its maps show though it has not attached them: a child that shared its memory attached one with the
  // same id in another IPC namespace.
  std::set<std::int32_t> forged = no_segments;
  std::vector<gid_t> groups = no_groups;  // supplementary
  bool runs_installation = true;
  bool catches_alarm = true;
  std::uint64_t birth = 0;  // given by start(): tells it from a later process with its pid
};

struct SimulatedSemaphoreSet {
  IpcObject object;
  pid_t last_operation = 0;  // of member 0
  std::int64_t otime = 1;
  std::optional<int> error = std::nullopt;  // what asking about it fails with
  std::uint64_t operated = 0;               // birth of who did it, for who wants to know better than the kernel says
};

// The attach count is that of the living processes that have it attached.
struct SimulatedSegment {
  IpcObject object;
  std::optional<int> error = std::nullopt;
};

// A name in the served directory.
struct SimulatedName {
  uid_t owner = 0;
  unsigned mode = S_IFSOCK | 0777;
  bool bound = false;
  bool only_listed = false;  // root's, to which only root can connect: not bound, by the list of bound names alone
  std::uint64_t inode = 1;   // tells it from a later one
  std::uint64_t binder = 0;  // birth of who has bound it
};

// The mode decides who may search it and write to it, as usual: the first class that fits.
struct SimulatedDirectory {
  uid_t owner = 0;
  gid_t group = 0;
  unsigned mode = S_IFDIR | 01777;
};

struct SimulatedFile {
  uid_t owner = 0;
  unsigned mode = S_IFREG | 0444;  // the owner's and the others' bits decide
  bool database = true;
  protocol::IpcIds ids = protocol::closed_ids;
  std::optional<int> open_error = std::nullopt;
};

struct SimulatedDatagram {
  std::vector<std::byte> bytes;
  std::optional<Credentials> credentials;
  std::string sender;       // the address it is bound to
  std::uint64_t birth = 0;  // of the sender, for its pidfd; 0: none comes with it
  bool control_truncated = false;
};

// What the broker did, in its order.
struct SimulatedRecord {
  std::optional<pid_t> pid;
  std::optional<uid_t> uid;
  std::optional<gid_t> gid;
  std::string comm;
  std::string request;
  std::string object;
  std::optional<uid_t> owner;
  std::optional<unsigned> mode;
  Outcome outcome;
  std::int64_t microseconds = 0;
  std::optional<HeaderChange> late;
};
struct SimulatedReply {
  int directory = -1;
  std::string name;
  Credentials client;
  std::vector<std::byte> bytes;
};
struct SimulatedEvent {
  std::string name;
  std::string detail;
};
struct SimulatedWrite {
  std::uint64_t inode = 0;
  protocol::IpcIds before;
  protocol::IpcIds after;
  std::uint64_t job = 0;
};
struct SimulatedRemoval {
  std::string object;  // "semaphore set 5", "segment 5", or a socket's name
  uid_t as = 0;        // whose identity it was done with
  uid_t owner = 0;
  unsigned mode = 0;
};
struct SimulatedSignal {
  std::uint64_t birth = 0;  // of the process that got it
  int signal = 0;
};
using SimulatedAct =
    std::variant<SimulatedRecord, SimulatedReply, SimulatedEvent, SimulatedWrite, SimulatedRemoval, SimulatedSignal>;

// Who watches is told before anything is done, while the tables still show what it is done to.
class SimulatedMachineWatcher {
 public:
  SimulatedMachineWatcher() = default;
  SimulatedMachineWatcher(const SimulatedMachineWatcher&) = delete;
  SimulatedMachineWatcher& operator=(const SimulatedMachineWatcher&) = delete;
  virtual ~SimulatedMachineWatcher() = default;
  virtual void on_datagram(const SimulatedDatagram& datagram) = 0;
  // The looker looks for the client `request.whom`, or at the process; the pidfd with it is of that birth.
  virtual void on_look(const LookRequest& request, std::uint64_t birth) = 0;
  virtual void on_submission(const WriteRequest& request, std::uint64_t inode) = 0;
  virtual void on_act(const SimulatedAct& act) = 0;
};

class SimulatedMachine final : private Kernel, private Looker, private Writer, private Audit {
 public:
  static constexpr std::uint64_t device = 0x801;
  static constexpr int served_directory = 4;

  std::map<pid_t, SimulatedProcess> processes;
  std::map<std::int32_t, SimulatedSemaphoreSet> semaphore_sets;
  std::map<std::int32_t, SimulatedSegment> segments;
  std::map<std::uint64_t, SimulatedFile> files;  // by inode
  std::map<std::string, std::uint64_t> paths;    // to inodes
  SimulatedDirectory directory;                  // the served one
  std::map<std::string, SimulatedName> names;    // in it
  std::deque<SimulatedDatagram> socket;
  std::vector<SimulatedAct> journal;
  bool cannot_tell_ends = false;  // whether a process has ended
  bool numbers_processes = true;  // as kernels do from 6.9 on
  MonotonicTime clock{std::chrono::seconds(1000)};

  SimulatedMachineWatcher* watcher = nullptr;
  // Called first in whatever the broker asks the kernel about objects, names and processes: others do not wait
  // meanwhile.
  std::function<void()> meanwhile;

  bool may_act_as_root = false;         // on System V objects
  bool replies_need_a_socket = false;   // of the client's own, bound, in `names`
  std::size_t passed_in_the_queue = 0;  // of a sealed one, in which datagrams stay
  bool log_hangs = false;               // what is recorded now is not written before `lines_written` says so
  Ticket lines_written = 0;

  // What the next calls of a kind fail with.
  std::optional<int> last_operation_error;
  std::optional<int> looker_error;
  std::optional<int> writer_error;
  std::optional<int> reply_error;
  std::optional<int> reach_error;    // the sender has no socket of its own there
  std::optional<int> removal_error;  // of whatever kind
  std::optional<int> open_process_error;
  std::optional<int> signal_error;
  std::optional<int> name_error;

  [[nodiscard]] Kernel& kernel() noexcept { return *this; }
  [[nodiscard]] Looker& looker() noexcept { return *this; }
  [[nodiscard]] Writer& writer() noexcept { return *this; }
  [[nodiscard]] Audit& audit() noexcept { return *this; }

  // A new process, in place of whatever had the pid.
  void start(pid_t pid, SimulatedProcess process);
  // Queues a datagram as a stock client sends it: from its own socket, with the kernel's word about it.
  void send(pid_t pid, std::vector<std::byte> bytes);
  [[nodiscard]] SimulatedDatagram datagram_of(pid_t pid, std::vector<std::byte> bytes) const;

  // Descriptors for a test's own calls.
  [[nodiscard]] Descriptor pidfd_of(pid_t pid) const;
  [[nodiscard]] static Descriptor descriptor_of_file(std::uint64_t inode);

  // The helpers' turns: each takes what was submitted first, or the look of that place in the queue, judges it as the
  // machine is now, and answers.
  [[nodiscard]] std::size_t looks_waiting() const noexcept { return looks_.size(); }
  [[nodiscard]] LookAt look_at(std::size_t place) const { return looks_.at(place).request.at; }
  [[nodiscard]] std::size_t writes_waiting() const noexcept { return writes_.size(); }
  [[nodiscard]] Seen look(std::size_t place = 0);
  [[nodiscard]] WriteReport write();
  // A worker died over it, or was killed: no answer will come, and nothing is done.
  void lose_look(std::size_t place) { looks_.erase(looks_.begin() + static_cast<std::ptrdiff_t>(place)); }
  void lose_writes_due(MonotonicTime time) {
    std::erase_if(writes_, [&](const PendingWrite& write) { return write.request.deadline <= time; });
  }
  // The writer does nothing, and says why.
  [[nodiscard]] WriteReport refuse_write(WriteVerdict verdict, int error);
  [[nodiscard]] const WriteRequest& next_write() const { return writes_.front().request; }
  // Until neither has anything left.
  void settle(Broker& broker);

  // Two writes of one file were with the writer at the same time.
  [[nodiscard]] bool writes_overlapped() const noexcept { return overlapped_; }

  [[nodiscard]] std::vector<SimulatedRecord> records() const { return acts<SimulatedRecord>(); }
  [[nodiscard]] std::vector<SimulatedReply> replies() const { return acts<SimulatedReply>(); }
  [[nodiscard]] std::vector<SimulatedEvent> events() const { return acts<SimulatedEvent>(); }
  [[nodiscard]] std::vector<SimulatedWrite> header_writes() const { return acts<SimulatedWrite>(); }
  [[nodiscard]] std::vector<SimulatedRemoval> removals() const { return acts<SimulatedRemoval>(); }
  [[nodiscard]] std::vector<SimulatedSignal> signals() const { return acts<SimulatedSignal>(); }

 private:
  struct PendingLook {
    LookRequest request;
    std::string path;
    Descriptor pidfd;
  };
  struct PendingWrite {
    WriteRequest request;
    std::uint64_t inode = 0;
  };

  MonotonicTime now() noexcept override { return clock; }
  std::expected<Received, int> receive(int from, Queue queue, std::span<std::byte> buffer) noexcept override;
  bool is_alive(int pidfd) noexcept override;
  bool has_ended(int pidfd) noexcept override;
  std::expected<std::uint64_t, int> process_number(int pidfd) noexcept override;
  std::expected<void, int> can_reply(int from, const char* name, const Credentials& client) noexcept override;
  std::expected<void, int> send_reply(int from, const char* name, const Credentials& client,
                                      std::span<const std::byte> reply) noexcept override;
  std::expected<SemaphoreSetFacts, int> semaphore_set(int semid) noexcept override;
  std::expected<SegmentFacts, int> segment(int shmid) noexcept override;
  std::expected<pid_t, int> last_operation_pid(int semid, const SemaphoreSetFacts& facts) noexcept override;
  std::expected<void, int> remove_semaphore_set(int semid, const SemaphoreSetFacts& seen) noexcept override;
  std::expected<void, int> remove_segment(int shmid, const SegmentFacts& seen) noexcept override;
  std::expected<Descriptor, int> open_process(pid_t pid) noexcept override;
  std::expected<void, int> signal_process(int pidfd, int signal) noexcept override;
  std::expected<NamedSocket, int> named_socket(int from, const char* name, const Rights& rights,
                                               AskTheList ask) noexcept override;
  std::expected<void, int> remove_socket(int from, const char* name, const Rights& rights,
                                         const NamedSocket& seen) noexcept override;
  std::expected<void, int> submit(const LookRequest& request, int pidfd) noexcept override;
  std::expected<void, int> submit(const WriteRequest& request, int file) noexcept override;
  Ticket record(const AuditRecord& record) noexcept override;
  void event(std::string_view name, std::string_view detail) noexcept override;
  void summary(const AuditSummary& summary) noexcept override;
  [[nodiscard]] bool has_written(Ticket ticket) const noexcept override { return ticket <= lines_written; }

  void act(SimulatedAct act);
  void interrupt() {
    if (meanwhile) meanwhile();
  }
  [[nodiscard]] std::expected<SemaphoreSetFacts, int> facts_of_set(int semid) const;
  [[nodiscard]] std::expected<SegmentFacts, int> facts_of_segment(int shmid) const;
  [[nodiscard]] std::expected<NamedSocket, int> look_up(int from, const char* name, const Rights& rights,
                                                        AskTheList ask) const;
  [[nodiscard]] std::expected<void, int> has_socket(const char* name, const Credentials& client) const;
  LookVerdict judge(const PendingLook& look, LookReport& report, Descriptor& file);
  LookVerdict judge_client(const PendingLook& look, LookReport& report, Descriptor& file);
  LookVerdict judge_file(const PendingLook& look, LookReport& report, Descriptor& file);
  LookVerdict judge_process(const PendingLook& look, LookReport& report);
  [[nodiscard]] bool may_act_as(uid_t uid) const { return uid != 0 || may_act_as_root; }
  WriteVerdict judge(const PendingWrite& write);
  [[nodiscard]] std::uint64_t attach_count(std::int32_t shmid) const;

  template <typename Act>
  [[nodiscard]] std::vector<Act> acts() const {
    std::vector<Act> result;
    for (const SimulatedAct& act : journal) {
      if (const auto* wanted = std::get_if<Act>(&act)) result.push_back(*wanted);
    }
    return result;
  }

  std::deque<PendingLook> looks_;
  std::deque<PendingWrite> writes_;
  std::uint64_t births_ = 0;
  Ticket lines_ = 0;
  bool overlapped_ = false;
};

}  // namespace secshr
