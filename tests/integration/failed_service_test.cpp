// A broker and its workers that serve, and a system call of one of them that does not go well: the client has an
// answer that is right, or one that says that it was not done; or its broker ends, and it asks the next one.
#include <sys/sem.h>

#include <cerrno>
#include <cstdint>
#include <list>

#include "tests/integration/failed_service_fixture.h"
#include "tests/integration/ipc_objects.h"
#include "tests/integration/socket_files.h"

namespace secshr::test {
namespace {

using protocol::closed_ids;
using protocol::FlushHeader;
using protocol::IpcIds;

class BrokerFailedService : public FailedServiceTest {
 protected:
  static Asked ask_for(Client& client, const protocol::Request& request, int code = 0) {
    Asked asked;
    asked.datagram = datagram(client, request);
    asked.code = code;
    return asked;
  }
  static Asked ask_for_set(Client& client, int semid, int code = 0) {
    Asked asked = ask_for(client, protocol::RemoveSemaphoreSet{semid}, code);
    asked.set = semid;
    asked.is_done = [semid] { return !set_exists(semid); };
    return asked;
  }
  static Asked ask_for_socket(Client& client, const std::string& name, uid_t uid, gid_t gid) {
    const std::string path = tmp + "/" + name;
    write_dead_socket(path, uid, gid);
    Asked asked = ask_for(client, protocol::RemoveFile{path});
    asked.sockets = {name};
    asked.is_done = [path] { return !exists(path); };
    return asked;
  }
  // The old header or the new one, and never anything else.
  static Asked ask_for_flush(Client& client, const IpcIds& before, const IpcIds& wanted, int code = 0) {
    const std::string old_image = DatabaseImage{.ids = before}.text();
    const std::string new_image = with_ids(old_image, wanted);
    write_file(database, old_image, 0444, u3, g3);
    Asked asked = ask_for(client, FlushHeader{wanted, database}, code);
    asked.set = before.semid > 0 ? before.semid : wanted.semid;
    asked.segment = before.shmid > 0 ? before.shmid : wanted.shmid;
    asked.is_done = [old_image, new_image] {
      const std::string now = read_file(database);
      EXPECT_TRUE(now == old_image || now == new_image) << "half written";
      return now == new_image;
    };
    return asked;
  }
  Asked ask_for_signal(Client& client, bool wake, const std::string& alarm, int code = 0) {
    const pid_t pid = start_sleeper(alarm);
    Asked asked =
        wake ? ask_for(client, protocol::Wake{pid}, code) : ask_for(client, protocol::ContinueProcess{pid}, code);
    asked.is_done = [wake, pid] {
      return wake ? status_of(pid).at("ShdPnd") != "0000000000000000" : !is_stopped(pid);
    };
    return asked;
  }
};

TEST_F(BrokerFailedService, of_a_ping) {
  try_each_fault_of([](Client& client) { return ask_for(client, protocol::Ping{}); }, 14);
}

TEST_F(BrokerFailedService, of_a_wake) {
  try_each_fault_of([this](Client& client) { return ask_for_signal(client, true, "caught"); }, 14);
}

TEST_F(BrokerFailedService, of_a_wake_that_must_be_refused) {
  try_each_fault_of([this](Client& client) { return ask_for_signal(client, true, "default", EPERM); }, 14);
}

TEST_F(BrokerFailedService, of_a_continuation) {
  try_each_fault_of([this](Client& client) { return ask_for_signal(client, false, "caught"); }, 14);
}

TEST_F(BrokerFailedService, of_the_removal_of_a_semaphore_set) {
  try_each_fault_of([this](Client& client) { return ask_for_set(client, make_set(*maker_)); }, 14);
}

// Which only its group and its owner may ask who operated on it.
TEST_F(BrokerFailedService, of_the_removal_of_a_semaphore_set_of_a_group) {
  try_each_fault_of(
      [](Client& client) {
        const int semid = ::semget(IPC_PRIVATE, 3, IPC_CREAT | 0600);
        give_set(semid, u2, shared_group, 0260);
        return ask_for_set(client, semid);
      },
      14);
}

TEST_F(BrokerFailedService, of_the_removal_of_a_segment) {
  try_each_fault_of(
      [this](Client& client) {
        const int shmid = make_segment(*maker_);
        Asked asked = ask_for(client, protocol::RemoveSegment{shmid});
        asked.segment = shmid;
        asked.is_done = [shmid] { return !segment_exists(shmid); };
        return asked;
      },
      14);
}

TEST_F(BrokerFailedService, of_a_removal_that_must_be_refused) {
  try_each_fault_of([this](Client& client) { return ask_for_set(client, make_set(*maker_, 0600), EPERM); }, 14);
}

// Another's, who holds it.
TEST_F(BrokerFailedService, of_a_removal_that_must_wait) {
  try_each_fault_of(
      [this](Client& client) {
        const int semid = make_set(*maker_);
        EXPECT_EQ(operate_on(*maker_, semid), 0);
        return ask_for_set(client, semid, EBUSY);
      },
      14);
}

TEST_F(BrokerFailedService, of_the_removal_of_a_socket) {
  try_each_fault_of([](Client& client) { return ask_for_socket(client, "gtm_mutex003FFFF0", u2, g2); }, 14);
}

TEST_F(BrokerFailedService, of_the_removal_of_a_socket_of_roots) {
  try_each_fault_of([](Client& client) { return ask_for_socket(client, "gtm_mutex003FFFF1", 0, 0); }, 14);
}

TEST_F(BrokerFailedService, of_a_header_flush_that_opens) {
  try_each_fault_of(
      [](Client& client) {
        return ask_for_flush(client, closed_ids, ids_of(make_set(client), make_segment(client)));
      },
      24);
}

TEST_F(BrokerFailedService, of_a_header_flush_that_closes) {
  try_each_fault_of(
      [](Client& client) {
        return ask_for_flush(client, ids_of(make_set(client), make_segment(client)), closed_ids);
      },
      24);
}

TEST_F(BrokerFailedService, of_a_header_flush_that_must_be_refused) {
  try_each_fault_of(
      [this](Client& client) {
        return ask_for_flush(client, ids_of(make_set(*maker_), make_segment(*maker_)), closed_ids, EBUSY);
      },
      14);
}

TEST_F(BrokerFailedService, of_a_request_of_nobodys_own) {
  try_each_fault_of(
      [](Client& client) {
        Asked asked;
        asked.datagram = header(2, release_key, client.pid() + 1);
        asked.code = EPERM;
        return asked;
      },
      10);
}

TEST_F(BrokerFailedService, of_a_request_that_is_none) {
  try_each_fault_of(
      [](Client& client) {
        Asked asked;
        asked.datagram = header(77, release_key, client.pid());
        asked.code = 0x8000;
        return asked;
      },
      10);
}

// From a name that no client has.
TEST_F(BrokerFailedService, of_a_request_that_must_be_dropped) {
  try_each_fault_of(
      [this](Client& client) {
        Asked asked = ask_for_set(client, make_set(*maker_));
        asked.is_answered = false;
        return asked;
      },
      8, "aa");
}

// Which goes on after the answer.
TEST_F(BrokerFailedService, of_the_removal_of_what_was_in_a_clients_way) {
  try_each_fault_of(
      [](Client& client) {
        Asked asked = ask_for(client, protocol::Ping{});
        asked.is_done_by_the_answer = false;
        for (const std::string suffix : {"", "a"}) {
          asked.sockets.insert(Client::name_of(client.pid(), suffix));
          write_dead_socket(tmp + "/" + Client::name_of(client.pid(), suffix), u2, g2);
        }
        return asked;
      },
      14, "z");
}

}  // namespace
}  // namespace secshr::test
