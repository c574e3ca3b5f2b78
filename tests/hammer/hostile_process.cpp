#include "tests/hammer/hostile_process.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <iterator>
#include <span>
#include <system_error>

#include "protocol/limits.h"
#include "tests/hammer/hostile_requests.h"
#include "tests/hammer/mutation.h"
#include "tests/integration/broker_fixture.h"
#include "tests/integration/database_file.h"
#include "tests/support/fail.h"

namespace secshr::test {
namespace {

// What a datagram is sent with besides its bytes.
struct Attached {
  std::span<const int> descriptors;
  const ucred* credentials = nullptr;
};

Descriptor new_socket() {
  return Descriptor(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
}

class Hostile {
 public:
  Hostile(const Battlefield& field, Arena& arena, std::size_t index, std::uint64_t seed)
      : field_(field),
        arena_(arena),
        tally_(arena.tallies[index]),
        identity_(field.users[index]),
        choices_(seed),
        random_(0),
        own_(arena, random_, identity_),
        requests_(field, arena, random_, own_, identity_.uid),
        server_(address_of(field.server.c_str())),
        spare_("h" + std::to_string(index)) {}

  [[noreturn]] void live();

  void ask();
  void ask_mutated();
  void attach_descriptors();
  void claim_credentials();
  void lie_about_sender();
  void replace_socket();
  void lose_name();
  void leave_leftovers();
  void live_shortly();
  void never_read();
  void flood();
  void race_with_removal();
  void change_database();
  void visit_control();
  void start_wrapper();

 private:
  void fault(const std::string& what);
  void send(int socket, const Bytes& bytes, const Attached& attached = {});
  void send(const Bytes& bytes) { send(socket_.get(), bytes); }
  void take_replies(int socket);
  void take_own_name();
  void take_offered_name();
  [[noreturn]] void be_child(int gate, int socket, std::uint64_t seed, std::size_t manner);
  void end_children();
  void put_database();

  const Battlefield& field_;
  Arena& arena_;
  Tally& tally_;
  const Identity& identity_;
  // Every act has choices of its own, so that what one meets changes nothing about the next.
  Random choices_;
  Random random_;
  OwnObjects own_;
  HostileRequests requests_;
  sockaddr_un server_;
  std::string spare_;  // a name that is of no grammar
  std::string name_;   // its socket's
  Descriptor socket_;
  std::vector<pid_t> children_;  // that have not ended, or not been waited for
};

struct Act {
  const char* name;
  unsigned weight;
  void (Hostile::*act)();
};
constexpr std::array<Act, 15> acts{{{"ask", 60, &Hostile::ask},
                                    {"mutated", 60, &Hostile::ask_mutated},
                                    {"descriptors", 8, &Hostile::attach_descriptors},
                                    {"credentials", 8, &Hostile::claim_credentials},
                                    {"lying-sender", 10, &Hostile::lie_about_sender},
                                    {"replaced-socket", 8, &Hostile::replace_socket},
                                    {"lost-name", 5, &Hostile::lose_name},
                                    {"leftovers", 5, &Hostile::leave_leftovers},
                                    {"short-life", 10, &Hostile::live_shortly},
                                    {"never-read", 2, &Hostile::never_read},
                                    {"flood", 3, &Hostile::flood},
                                    {"removal-race", 15, &Hostile::race_with_removal},
                                    {"database", 10, &Hostile::change_database},
                                    {"control", 1, &Hostile::visit_control},
                                    {"wrapper", 1, &Hostile::start_wrapper}}};
static_assert(acts.size() <= hostile_acts);
constexpr unsigned all_weights = [] {
  unsigned sum = 0;
  for (const Act& act : acts) sum += act.weight;
  return sum;
}();

std::size_t choose_act(Random& random) {
  std::size_t left = random.below(all_weights);
  for (std::size_t index = 0; index < acts.size(); ++index) {
    if (left < acts[index].weight) return index;
    left -= acts[index].weight;
  }
  return 0;
}

void Hostile::fault(const std::string& what) {
  if (tally_.has_fault.exchange(true)) return;
  what.copy(tally_.fault.data(), tally_.fault.size() - 1);
}

[[noreturn]] void Hostile::live() {
  take_own_name();
  put_database();
  while (true) {
    if (arena_.should_pause()) {
      end_children();
      take_replies(socket_.get());
      arena_.wait_to_go_on();
    }
    const std::size_t index = choose_act(choices_);
    random_ = Random(choices_.next());
    (this->*acts[index].act)();
    ++tally_.acts[index];
    take_own_name();
    take_offered_name();
    if (!random_.one_in(4)) take_replies(socket_.get());
  }
}

// The name with no letter where that can be had, as a stock client does.
void Hostile::take_own_name() {
  struct stat status{};
  if (socket_ && ::lstat((tmp + "/" + name_).c_str(), &status) == 0 && S_ISSOCK(status.st_mode) &&
      status.st_uid == identity_.uid) {
    return;
  }
  socket_ = new_socket();
  const timeval patience{1, 0};
  (void)::setsockopt(socket_.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  for (int letter = -1; letter < 26; ++letter) {
    name_ = Client::name_of(::getpid(), letter < 0 ? "" : std::string(1, static_cast<char>('a' + letter)));
    if (own_.bind_name(socket_.get(), name_)) return;
    (void)own_.unlink_name(name_);
    if (own_.bind_name(socket_.get(), name_)) return;
  }
}

void Hostile::send(int socket, const Bytes& bytes, const Attached& attached) {
  constexpr std::size_t most = 253;
  alignas(cmsghdr) std::array<char, CMSG_SPACE(most * sizeof(int)) + CMSG_SPACE(sizeof(ucred))> control{};
  iovec data{const_cast<std::byte*>(bytes.data()), bytes.size()};
  msghdr message{};
  message.msg_name = &server_;
  message.msg_namelen = sizeof server_;
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  const auto add = [&](int type, const void* value, std::size_t size) {
    auto* const header = reinterpret_cast<cmsghdr*>(control.data() + message.msg_controllen);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = type;
    header->cmsg_len = CMSG_LEN(size);
    std::memcpy(CMSG_DATA(header), value, size);
    message.msg_control = control.data();
    message.msg_controllen += CMSG_SPACE(size);
  };
  if (!attached.descriptors.empty()) {
    add(SCM_RIGHTS, attached.descriptors.data(), attached.descriptors.size_bytes());
  }
  if (attached.credentials != nullptr) add(SCM_CREDENTIALS, attached.credentials, sizeof(ucred));
  const int flags = MSG_NOSIGNAL | (random_.one_in(4) ? MSG_DONTWAIT : 0);
  if (::sendmsg(socket, &message, flags) >= 0) {
    ++tally_.datagrams;
  } else if (!field_.takeovers && (errno == ECONNREFUSED || errno == ENOENT)) {
    fault(std::string("nobody serves: ") + std::strerror(errno));
  }
}

// None may answer another user's request. What was mutated may bear any mark, but hardly that of one of the others.
void Hostile::take_replies(int socket) {
  std::array<std::byte, 4096> buffer{};
  ssize_t size = 0;
  while ((size = ::recv(socket, buffer.data(), buffer.size(), MSG_DONTWAIT)) >= 0) {
    ++tally_.replies;
    if (size != static_cast<ssize_t>(protocol::header_size)) fault("a reply of " + std::to_string(size) + " bytes");
    std::uint32_t mark = 0;
    std::memcpy(&mark, buffer.data() + 20, sizeof mark);
    for (const Identity& other : field_.users) {
      if (other.uid != identity_.uid && mark == mark_of(other.uid)) {
        fault("uid " + std::to_string(identity_.uid) + " was sent an answer to uid " + std::to_string(other.uid));
      }
    }
  }
}

void Hostile::ask() {
  if (random_.one_in(4)) (void)own_.make_set();
  if (random_.one_in(4)) (void)own_.make_segment();
  send(requests_.any());
}

void Hostile::ask_mutated() {
  Bytes bytes = requests_.any();
  mutate(random_, bytes);
  send(bytes);
}

void Hostile::attach_descriptors() {
  std::array<int, 2> pair{-1, -1};
  std::array<int, 2> pipe{-1, -1};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()) != 0 ||
      ::pipe2(pipe.data(), O_CLOEXEC) != 0) {
    return;
  }
  const std::array<Descriptor, 8> kinds{Descriptor(pair[0]),
                                        Descriptor(pair[1]),
                                        Descriptor(pipe[0]),
                                        Descriptor(pipe[1]),
                                        Descriptor(::open(tmp.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)),
                                        Descriptor(::open("/dev/null", O_RDWR)),
                                        Descriptor(::open(field_.server.c_str(), O_PATH | O_CLOEXEC)),
                                        new_socket()};
  std::vector<int> descriptors(random_.one_in(4) ? 253 : 1 + random_.below(4));
  for (int& descriptor : descriptors) {
    descriptor = random_.one_in(4) ? socket_.get() : random_.pick(kinds).get();
  }
  Bytes bytes = requests_.any();
  if (random_.one_in(3)) mutate(random_, bytes);
  send(socket_.get(), bytes, {descriptors, nullptr});
}

// Its own in full is all that the kernel lets it say; what else it tries shows the kernel's word to be that.
void Hostile::claim_credentials() {
  ucred claimed{::getpid(), identity_.uid, identity_.gid};
  switch (random_.below(4)) {
    case 0:
      claimed.uid = 0;
      break;
    case 1:
      claimed.gid = shared_group;
      break;
    case 2:
      claimed.pid = 1;
      break;
    default:
      break;
  }
  const int own = socket_.get();
  const Bytes bytes = requests_.any();
  send(own, bytes, {random_.one_in(2) ? std::span(&own, 1) : std::span<const int>{}, &claimed});
}

void Hostile::lie_about_sender() {
  const Descriptor socket = new_socket();
  std::string bound;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string own = Client::name_of(::getpid());
  const auto bind_at = [&](std::size_t size) {
    return ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address),
                  static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + size));
  };
  switch (random_.below(7)) {
    case 0:  // unbound
      break;
    case 1:
      (void)bind_at(0);  // a name of the kernel's choice
      break;
    case 2:
      own.copy(address.sun_path + 1, sizeof address.sun_path - 1);
      (void)bind_at(1 + own.size());
      break;
    case 3: {
      const std::string elsewhere = field_.directory_of(identity_.uid) + "/" + own;
      (void)::unlink(elsewhere.c_str());
      elsewhere.copy(address.sun_path, sizeof address.sun_path - 1);
      (void)bind_at(elsewhere.size());
      break;
    }
    case 4:
      bound = Client::name_of(static_cast<pid_t>(random_.below(2000)));
      break;
    case 5:
      bound = own + static_cast<char>('A' + random_.below(26));
      break;
    default:
      bound = requests_.some_name();
      break;
  }
  if (!bound.empty() && !own_.bind_name(socket.get(), bound)) return;
  for (std::size_t count = 1 + random_.below(3); count > 0; --count) send(socket.get(), requests_.any());
  take_replies(socket.get());
  if (!bound.empty() && !random_.one_in(4)) (void)own_.unlink_name(bound);
}

// Something else has its name when the answer comes.
void Hostile::replace_socket() {
  Descriptor other;
  switch (random_.below(5)) {
    case 0:
      (void)own_.make_file(spare_);
      break;
    case 1:
      (void)own_.make_link(spare_, random_.one_in(2) ? field_.server : tmp + "/" + random_.pick(field_.socket_names));
      break;
    case 2:
      (void)own_.make_fifo(spare_);
      break;
    default:
      other = new_socket();
      (void)own_.bind_name(other.get(), spare_);
      if (random_.one_in(2)) other.reset();
      break;
  }
  for (std::size_t count = 1 + random_.below(4); count > 0; --count) send(requests_.any());
  if (OwnObjects::exchange(name_, spare_)) {
    (void)::usleep(static_cast<useconds_t>(random_.below(300)));
    for (std::size_t count = random_.below(4); count > 0; --count) send(requests_.any());
    (void)OwnObjects::exchange(name_, spare_);
  }
  if (other) take_replies(other.get());
  (void)own_.unlink_name(spare_);
}

// Another user takes it, while what was asked for is on its way and more is asked for: a socket's address stays the
// name that it was bound to.
void Hostile::lose_name() {
  pid_t nobody = 0;
  if (name_ != Client::name_of(::getpid()) || !arena_.offered.compare_exchange_strong(nobody, -1)) return;
  for (int count = 0; count < 3; ++count) send(requests_.any());
  (void)own_.unlink_name(name_);
  arena_.offered_by.store(identity_.uid);
  arena_.is_taken.store(false);
  arena_.offered.store(::getpid());
  for (int left = 50; left > 0 && !arena_.is_taken.load() && !arena_.should_pause(); --left) (void)::usleep(200);
  for (int count = 0; count < 5; ++count) send(requests_.any());
  arena_.offered.store(0);
}

// Nothing that comes to it may be for who had the name before.
void Hostile::take_offered_name() {
  const pid_t offered = arena_.offered.load();
  if (offered <= 0 || arena_.offered_by.load() == identity_.uid || arena_.is_taken.exchange(true)) return;
  const Descriptor socket = new_socket();
  const std::string name = Client::name_of(offered);
  if (!own_.bind_name(socket.get(), name)) return;
  (void)::chmod((tmp + "/" + name).c_str(), 0777);
  (void)::usleep(5000);
  take_replies(socket.get());
  (void)own_.unlink_name(name);
}

// Names of its own pid that nobody is bound to any more, and a request under one with a letter, which has them
// removed.
void Hostile::leave_leftovers() {
  for (std::size_t count = 1 + random_.below(6); count > 0; --count) {
    const std::string name = Client::name_of(::getpid(), std::string(1, static_cast<char>('a' + random_.below(26))));
    (void)own_.bind_name(new_socket().get(), name);
  }
  const Descriptor socket = new_socket();
  const std::string name = Client::name_of(::getpid(), std::string(1, static_cast<char>('a' + random_.below(26))));
  if (!own_.bind_name(socket.get(), name)) return;
  send(socket.get(), random_.one_in(2) ? requests_.encode(protocol::Ping{}) : requests_.any());
  (void)::usleep(static_cast<useconds_t>(random_.below(1000)));
  take_replies(socket.get());
  if (random_.one_in(2)) (void)own_.unlink_name(name);
}

// What a child does in its life: how it ends is its parent's business in all but the first.
enum Manner : std::size_t { ends, is_killed, stops_itself, floods, waits, manners };

[[noreturn]] void Hostile::be_child(int gate, int socket, std::uint64_t seed, std::size_t manner) {
  (void)::prctl(PR_SET_PDEATHSIG, SIGKILL);
  random_ = Random(seed);
  char word = 0;
  if (::read(gate, &word, 1) != 1) ::_exit(0);
  for (std::size_t count = 1 + random_.below(4); count > 0; --count) {
    Bytes bytes = requests_.any();
    if (random_.one_in(3)) mutate(random_, bytes);
    send(socket, bytes);
  }
  if (manner == floods) {
    while (true) send(socket, requests_.any());
  }
  if (manner == stops_itself) (void)::raise(SIGSTOP);
  if (manner != ends) (void)::pause();
  ::_exit(0);
}

// A child that sends and is gone, or is stopped, or never reads: its socket is bound by its parent, who knows then
// what there is. It makes nothing, so that nothing is unknown when it is killed.
void Hostile::live_shortly() {
  if (children_.size() > 3) end_children();
  std::array<int, 2> gate{-1, -1};
  if (::pipe2(gate.data(), O_CLOEXEC) != 0) return;
  const Descriptor reading(gate[0]);
  const Descriptor writing(gate[1]);
  const Descriptor socket = new_socket();
  const std::uint64_t seed = random_.next();
  const std::size_t manner = random_.below(manners);
  const std::size_t patience = random_.below(1500);
  const bool leaves_name = !random_.one_in(3);
  const bool is_kept = random_.one_in(3);
  const pid_t child = ::fork();
  if (child == 0) {
    (void)::close(writing.get());
    be_child(reading.get(), socket.get(), seed, manner);
  }
  if (child < 0) return;
  children_.push_back(child);
  const std::string name = Client::name_of(child);
  bool is_bound = own_.bind_name(socket.get(), name);
  if (!is_bound && own_.unlink_name(name)) is_bound = own_.bind_name(socket.get(), name);
  (void)!::write(writing.get(), "g", 1);
  if (manner != ends) (void)::usleep(static_cast<useconds_t>(patience));
  if (!is_kept || manner == floods) end_children();
  if (is_bound && !leaves_name) (void)own_.unlink_name(name);
}

void Hostile::end_children() {
  for (const pid_t child : children_) {
    (void)::kill(child, SIGKILL);
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
    if (WIFSIGNALED(status)) ++tally_.killed;
  }
  children_.clear();
}

void Hostile::never_read() {
  for (int count = 0; count < 60; ++count) send(requests_.encode(protocol::Ping{}));
}

void Hostile::flood() {
  const Bytes bytes = requests_.any();
  for (int count = 0; count < 60; ++count) send(bytes);
}

// What is asked for goes, or is used, at the same moment.
void Hostile::race_with_removal() {
  if (random_.one_in(2)) {
    const int semid = own_.make_set();
    send(requests_.encode(protocol::RemoveSemaphoreSet{semid}));
    if (random_.one_in(2)) (void)::usleep(static_cast<useconds_t>(random_.below(100)));
    if (random_.one_in(2)) own_.remove_set(semid);
  } else {
    const int shmid = own_.make_segment();
    send(requests_.encode(protocol::RemoveSegment{shmid}));
    void* const attached = random_.one_in(2) ? ::shmat(shmid, nullptr, 0) : nullptr;
    if (random_.one_in(2)) (void)::usleep(static_cast<useconds_t>(random_.below(100)));
    if (attached != nullptr && reinterpret_cast<std::intptr_t>(attached) != -1) (void)::shmdt(attached);
    if (random_.one_in(2)) own_.remove_segment(shmid);
  }
}

void Hostile::put_database() {
  const std::string path = field_.database_of(identity_.uid);
  (void)::unlink(path.c_str());
  const Descriptor file(::open(path.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0644));
  static const std::string closed = DatabaseImage{}.text();
  std::string image = random_.one_in(2) ? closed : with_ids(closed, own_.some_ids());
  (void)!::write(file.get(), image.data(), image.size());
}

// Its own database: flushed, and something else when that is looked at, or written.
void Hostile::change_database() {
  const std::string path = field_.database_of(identity_.uid);
  const std::string aside = field_.directory_of(identity_.uid) + "/aside.dat";
  (void)own_.make_set();
  (void)own_.make_segment();
  (void)::unlink((field_.directory_of(identity_.uid) + "/link.dat").c_str());
  (void)!::symlink(random_.pick(field_.files).c_str(), (field_.directory_of(identity_.uid) + "/link.dat").c_str());
  (void)::mkfifo((field_.directory_of(identity_.uid) + "/fifo.dat").c_str(), 0666);
  const Descriptor file(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  for (std::size_t step = 2 + random_.below(4); step > 0; --step) {
    const protocol::IpcIds ids = random_.one_in(2) ? own_.some_ids() : protocol::closed_ids;
    send(requests_.encode(protocol::FlushHeader{ids, path}));
    switch (random_.below(8)) {
      case 0:
        (void)!::ftruncate(file.get(), static_cast<off_t>(random_.below(9000)));
        break;
      case 1:
        (void)std::rename(path.c_str(), aside.c_str());
        break;
      case 2:
        (void)std::rename(aside.c_str(), path.c_str());
        break;
      case 3:
        (void)std::rename((field_.directory_of(identity_.uid) + "/link.dat").c_str(), path.c_str());
        break;
      case 4:
        (void)std::rename((field_.directory_of(identity_.uid) + "/fifo.dat").c_str(), path.c_str());
        break;
      case 5:
        (void)::fcntl(file.get(), F_SETLEASE, random_.one_in(2) ? F_WRLCK : F_UNLCK);
        break;
      case 6:
        (void)::fchmod(file.get(), random_.one_in(2) ? 0 : 0644);
        break;
      default: {
        const int garbage = static_cast<int>(random_.next() & 0x7fffffff);
        (void)!::pwrite(file.get(), &garbage, sizeof garbage, static_cast<off_t>(500 + random_.below(40)));
        break;
      }
    }
  }
  put_database();
}

void Hostile::visit_control() {
  const sockaddr_un address = address_of(field_.control.c_str());
  for (const int type : {SOCK_DGRAM, SOCK_STREAM, SOCK_SEQPACKET}) {
    const Descriptor socket(::socket(AF_UNIX, type | SOCK_CLOEXEC, 0));
    if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
      fault("the control socket is open to everybody");
    }
  }
}

// As a client does that finds nobody. Where a directory is new, the next broker serves it, too.
void Hostile::start_wrapper() {
  std::string directory = tmp;
  if (field_.takeovers) {
    directory = field_.directory_of(identity_.uid) + "/tmp" + std::to_string(random_.below(4));
    std::error_code not_all;
    if (random_.one_in(2)) (void)std::filesystem::remove_all(directory, not_all);
    (void)::mkdir(directory.c_str(), random_.one_in(2) ? 0755 : 01777);
  }
  const bool is_killed = field_.takeovers && random_.one_in(3);
  const std::size_t patience = random_.below(4000);
  const pid_t child = ::fork();
  if (child < 0) return;
  if (child == 0) {
    (void)::close_range(3, ~0U, 0);
    std::string variable = "gtm_tmp=" + directory;
    std::string program = wrapper;
    std::array<char*, 2> arguments{program.data(), nullptr};
    std::array<char*, 2> environment{variable.data(), nullptr};
    (void)::execve(program.c_str(), arguments.data(), environment.data());
    ::_exit(127);
  }
  if (is_killed) {
    (void)::usleep(static_cast<useconds_t>(patience));
    (void)::kill(child, SIGKILL);
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
  if (!field_.takeovers && status != 0) fault("a start where a broker serves came to " + std::to_string(status));
}

}  // namespace

const char* const hostile_act_names[hostile_acts] = {acts[0].name,  acts[1].name,  acts[2].name,  acts[3].name,
                                                     acts[4].name,  acts[5].name,  acts[6].name,  acts[7].name,
                                                     acts[8].name,  acts[9].name,  acts[10].name, acts[11].name,
                                                     acts[12].name, acts[13].name, acts[14].name, ""};

pid_t start_hostile_process(const Battlefield& field, Arena& arena, std::size_t index, std::uint64_t seed) {
  const pid_t child = ::fork();
  if (child < 0) fail("fork");
  if (child > 0) {
    arena.pids[index].store(child);
    return child;
  }
  (void)::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::close_range(3, ~0U, 0) != 0) ::_exit(126);
  become(field.users[index]);
  // The change of the user takes it back.
  (void)::prctl(PR_SET_PDEATHSIG, SIGKILL);
  (void)std::signal(SIGIO, SIG_IGN);
  (void)std::signal(SIGPIPE, SIG_IGN);
  (void)::umask(022);
  arena.pids[index].store(::getpid());
  Hostile(field, arena, index, seed).live();
}

}  // namespace secshr::test
