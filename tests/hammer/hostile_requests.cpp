#include "tests/hammer/hostile_requests.h"

#include <unistd.h>

#include <array>
#include <climits>
#include <cstdio>

#include "protocol/encode_request.h"
#include "protocol/limits.h"
#include "tests/integration/broker_fixture.h"

namespace secshr::test {
namespace {

// Where a path leads somewhere else than it says.
const std::array<std::string, 14> strange_files{"/etc/shadow",
                                                "/dev/zero",
                                                "/dev/tty",
                                                "/proc/self/mem",
                                                "/proc/self/fd/0",
                                                "/proc/1/root/etc/shadow",
                                                "/proc/self/cwd",
                                                "/",
                                                "relative.dat",
                                                "/mnt/test/data/../data/root.dat",
                                                "/var/log/secshr/test/gtm_secshr_log",
                                                "/run/secshr/test/counters",
                                                "/etc/secshr/secshr.toml",
                                                "/mnt/test/dist/gtmsecshr"};
const std::array<std::string, 8> ways_around{"/../tmp/", "/./", "//", "/../data/", "/", "/", "/", "/"};

}  // namespace

Bytes HostileRequests::encode(const protocol::Request& request) {
  Bytes bytes(std::size_t{2} * protocol::maximum_datagram);
  const std::uint64_t sequence = mark_ << 32 | ++sequence_;
  // Which rule it is is asked for now and then.
  const protocol::RequestHeader header{random_.one_in(4) ? protocol::explained_bit : 0, release_key,
                                       static_cast<std::int32_t>(random_.next() & INT_MAX), ::getpid(), sequence};
  bytes.resize(protocol::encode_request(header, request, bytes));
  return bytes;
}

Bytes HostileRequests::any() {
  switch (random_.below(16)) {
    case 0:
    case 1:
    case 2:
      return encode(protocol::RemoveSemaphoreSet{some_set()});
    case 3:
    case 4:
    case 5:
      return encode(protocol::RemoveSegment{some_segment()});
    case 6:
    case 7:
    case 8: {
      const std::string path = tmp + random_.pick(ways_around) + some_name();
      return encode(protocol::RemoveFile{path});
    }
    case 9:
    case 10:
    case 11:
    case 12: {
      const std::string path = some_database();
      return encode(protocol::FlushHeader{some_ids(), path});
    }
    case 13:
      return encode(protocol::ContinueProcess{some_process()});
    case 14:
      return encode(protocol::Wake{some_process()});
    default:
      return encode(protocol::Ping{});
  }
}

int HostileRequests::some_set() {
  JournalEntry found;
  switch (random_.below(8)) {
    case 0:
      return random_.pick(field_.sets);
    case 1:
      return static_cast<int>(random_.below(1 << 17)) - 1;
    case 2:
    case 3:
      return own_.some_set();
    default:
      return arena_.recent(random_, Thing::set, found) ? found.id : INT_MAX;
  }
}

int HostileRequests::some_segment() {
  JournalEntry found;
  switch (random_.below(8)) {
    case 0:
      return random_.pick(field_.segments);
    case 1:
      return static_cast<int>(random_.below(1 << 17)) - 1;
    case 2:
    case 3:
      return own_.some_segment();
    default:
      return arena_.recent(random_, Thing::segment, found) ? found.id : INT_MAX;
  }
}

pid_t HostileRequests::some_process() {
  switch (random_.below(8)) {
    case 0:
      return random_.pick(arena_.pids).load();
    case 1:
      return ::getpid();
    case 2:
      return -static_cast<pid_t>(random_.below(3));
    case 3:
      return INT_MIN;
    case 4:
      return 1;
    default:
      return random_.pick(field_.processes);
  }
}

std::string HostileRequests::some_name() {
  JournalEntry found;
  switch (random_.below(6)) {
    case 0:
      return random_.pick(field_.socket_names);
    case 1:
      return Client::name_of(some_process(),
                             random_.one_in(2) ? "" : std::string(1, static_cast<char>('a' + random_.below(27))));
    case 2:
      return "gtm_mutex" + Client::name_of(static_cast<pid_t>(random_.below(2000))).substr(10);
    default:
      return arena_.recent(random_, Thing::name, found) ? std::string(found.name.data()) : "gtm_secshr00000001";
  }
}

std::string HostileRequests::some_file() {
  if (random_.one_in(2)) return random_.pick(field_.files);
  return random_.pick(strange_files);
}

std::string HostileRequests::some_database() {
  switch (random_.below(6)) {
    case 0:
      return some_file();
    case 1:
    case 2:
      return field_.shared_database;
    case 3:
      return field_.database_of(uid_);
    case 4:
      return field_.directory_of(uid_) + (random_.one_in(2) ? "/link.dat" : "/fifo.dat");
    default:
      return field_.database_of(random_.pick(field_.users).uid);
  }
}

protocol::IpcIds HostileRequests::some_ids() {
  if (random_.one_in(3)) return protocol::closed_ids;
  if (!random_.one_in(4)) return own_.some_ids();
  return {some_set(), some_segment(), static_cast<std::int64_t>(random_.below(1 << 30)), 1};
}

}  // namespace secshr::test
