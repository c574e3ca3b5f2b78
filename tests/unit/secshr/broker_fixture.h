// A broker on a simulated machine with some users and one database, and datagrams as clients send them.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

#include "protocol/encode_reply.h"
#include "protocol/encode_request.h"
#include "protocol/limits.h"
#include "secshr/broker.h"
#include "secshr/limits.h"
#include "tests/support/simulated_machine.h"

namespace secshr::test {

using Bytes = std::vector<std::byte>;

inline constexpr std::uint32_t release_key = 0xb54536ab;
inline constexpr uid_t alice = 2001;
inline constexpr uid_t bob = 2002;
inline constexpr pid_t alice_pid = 1001;
inline constexpr pid_t bob_pid = 1002;
inline constexpr std::uint64_t database_inode = 42;
inline const char* const database = "/data/mumps.dat";

inline Bytes encoded(const protocol::RequestHeader& header, const protocol::Request& request) {
  Bytes bytes(protocol::maximum_datagram);
  bytes.resize(protocol::encode_request(header, request, bytes));
  return bytes;
}
inline protocol::RequestHeader header_of(pid_t pid, std::uint64_t sequence = 1) {
  return {0, release_key, static_cast<std::int32_t>(0xdeadbeef), pid, sequence};
}

class BrokerTest : public testing::Test {
 protected:
  BrokerTest() {
    machine.start(alice_pid, {.uid = alice, .gid = 3001, .comm = "mumps"});
    machine.start(bob_pid, {.uid = bob, .gid = 3002, .comm = "dse"});
    machine.files[database_inode] = {.owner = alice, .mode = S_IFREG | 0444};
    machine.paths[database] = database_inode;
  }

  // Sends it, and has the broker take it; whether there was one to take.
  bool serve(pid_t pid, const protocol::Request& request, std::uint64_t sequence = 1) {
    machine.send(pid, encoded(header_of(pid, sequence), request));
    return broker.handle_request(served);
  }
  void serve(SimulatedDatagram datagram) {
    machine.socket.push_back(std::move(datagram));
    EXPECT_TRUE(broker.handle_request(served));
  }
  static protocol::FlushHeader close_of(const char* path = database) { return {protocol::closed_ids, path}; }

  // The ids of a set and a segment that `pid` has just made.
  protocol::IpcIds make_objects(uid_t uid) {
    const std::int32_t id = ++last_id;
    machine.semaphore_sets[id] = {{uid, uid, 1000 + id}, 0};
    machine.segments[id] = {{uid, uid, 5000 + id}};
    return {id, id, 1000 + id, 5000 + id};
  }
  protocol::IpcIds& header() { return machine.files.at(database_inode).ids; }

  void pass(std::chrono::milliseconds time) {
    machine.clock += time;
    broker.expire();
  }

  static std::int32_t code(const SimulatedReply& reply) {
    const auto decoded = protocol::decode_reply(reply.bytes);
    return decoded ? decoded->code() : -1;
  }
  // What the last datagram came to: "verdict rule errno reply", with "-" for no reply, which must then be the last
  // two things that the broker did.
  std::string outcome() {
    const auto& journal = machine.journal;
    const auto* reply = journal.empty() ? nullptr : std::get_if<SimulatedReply>(&journal.back());
    const std::size_t record_at = journal.size() - (reply != nullptr ? 2 : 1);
    if (record_at >= journal.size()) return "nothing";
    const auto* record = std::get_if<SimulatedRecord>(&journal[record_at]);
    if (record == nullptr) return "no record";
    return std::string(verdict_name(record->outcome.verdict)) + " " + record->outcome.rule + " " +
           std::to_string(record->outcome.code) + " " + (reply != nullptr ? std::to_string(code(*reply)) : "-");
  }
  static std::string refused_with(const char* rule, std::int32_t code) {
    return std::string("refused ") + rule + " " + std::to_string(code) + " " + std::to_string(code);
  }
  static std::string failed_with(std::int32_t code) {
    return "failed - " + std::to_string(code) + " " + std::to_string(code);
  }
  static std::string dropped_with(const char* rule, std::int32_t code) {
    return std::string("dropped ") + rule + " " + std::to_string(code) + " -";
  }
  static constexpr const char* done = "done - 0 0";

  SimulatedMachine machine;
  const Service service{
      &protocol::profile(protocol::ProfileId::gtm), release_key, {65534, 65534}, false, {1000000, 1000000, 1000000}};
  Broker broker{service, machine.kernel(), machine.looker(), machine.writer(), machine.audit()};
  const ServedDirectory served{.socket = 3, .directory = SimulatedMachine::served_directory, .name = "/served"};
  std::int32_t last_id = 100;
};

}  // namespace secshr::test
