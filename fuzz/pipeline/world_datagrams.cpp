// Datagrams as stock clients make them, and what can be wrong with one:
//
//   d P k …  of process P: 0 ping, 1 wake T, 2 remove set I, 3 remove segment I, 4 remove file F, 5 continue T,
//            6 flush f ids; T is a process or no number of one, I an object or none, F see file_to_remove(),
//            f see database(); then any number of what spoil() knows, until a 0
#include <algorithm>
#include <array>
#include <climits>

#include "fuzz/pipeline/world.h"
#include "protocol/encode_request.h"
#include "protocol/limits.h"

namespace secshr::pipeline {
namespace {

using Bytes = std::vector<std::byte>;

constexpr std::string_view served = "/served/";

void put_i32(Bytes& bytes, std::size_t offset, std::uint32_t value) {
  for (std::size_t i = 0; i < 4 && offset + i < bytes.size(); ++i) {
    bytes[offset + i] = static_cast<std::byte>(value >> (8 * i) & 0xffU);
  }
}

}  // namespace

SimulatedDatagram World::from(pid_t pid, Bytes bytes) const {
  SimulatedDatagram datagram = machine_.datagram_of(pid, std::move(bytes));
  datagram.sender = std::string(served) + client_name_of(pid, 0);
  // From the socket that it has bound, where it has.
  for (const auto& [name, facts] : machine_.names) {
    if (facts.binder == datagram.birth && facts.bound) datagram.sender = std::string(served) + name;
  }
  return datagram;
}

SimulatedDatagram World::raw_datagram() {
  const pid_t pid = some_pid();
  Bytes bytes(input_.number());
  for (std::byte& each : bytes) each = static_cast<std::byte>(input_.raw());
  return from(pid, std::move(bytes));
}

SimulatedDatagram World::make_datagram() {
  const pid_t pid = some_pid();
  std::string path;
  const protocol::Request request = some_request(path);
  Bytes bytes(protocol::maximum_datagram);
  const protocol::RequestHeader header{0, terms_.key, static_cast<std::int32_t>(0xdeadbeef), pid, ++sequence_};
  const std::size_t size = protocol::encode_request(header, request, bytes);
  bytes.resize(size);
  SimulatedDatagram datagram = from(pid, std::move(bytes));
  while (const unsigned how = input_.below(18)) spoil(datagram, how);
  return datagram;
}

void World::send(SimulatedDatagram datagram) {
  constexpr std::size_t sequence_at = 16;
  for (; copies_ > 1; --copies_) {
    machine_.socket.push_back(datagram);
    put_i32(datagram.bytes, sequence_at, static_cast<std::uint32_t>(++sequence_));
  }
  machine_.socket.push_back(std::move(datagram));
}

protocol::Request World::some_request(std::string& path) {
  switch (input_.below(7)) {
    case 1:
      return protocol::Wake{some_target()};
    case 2:
      return protocol::RemoveSemaphoreSet{some_id()};
    case 3:
      return protocol::RemoveSegment{some_id()};
    case 4:
      path = file_to_remove();
      return protocol::RemoveFile{path};
    case 5:
      return protocol::ContinueProcess{some_target()};
    case 6:
      path = database();
      return protocol::FlushHeader{ids(), path};
    default:
      return protocol::Ping{};
  }
}

std::int32_t World::some_target() {
  constexpr std::array others{0, -1, INT_MIN, 4194305, 1998};
  const unsigned choice = input_.below(pids + others.size());
  return choice < pids ? first_pid + static_cast<pid_t>(choice) : others[choice - pids];
}

std::int32_t World::some_id() {
  constexpr std::array others{99, -1, INT_MAX};
  const unsigned choice = input_.below(static_cast<unsigned>(objects) + others.size());
  return choice < objects ? static_cast<std::int32_t>(choice) : others[choice - objects];
}

// A name of process P's, without or with a letter; then what the whole path is.
std::string World::file_to_remove() {
  const pid_t pid = some_pid();
  std::string name = client_name_of(pid, input_.below(27));
  const std::string digits = name.substr(profile_.socket_prefix.size(), protocol::key_digits);
  switch (input_.below(12)) {
    case 1:
      return std::string(served) + std::string(profile_.mutex_socket_prefix) + digits;
    case 2:
      return "/other/" + name;
    case 3:
      return std::string(served) + std::string(profile_.socket_prefix) + "000003ea";
    case 4:
      return name;
    case 5:
      return std::string(served) + std::string(profile_.socket_prefix) + "2E9E59CB";
    case 6:
      return "/served/../served/" + name;
    case 7:
      return std::string(served) + name + "aa";
    case 8:
      return std::string(served) + name + "\n";
    case 9:
      return "/" + std::string(protocol::maximum_path - 1, 'x');
    case 10:
      return "/" + std::string(protocol::maximum_path, 'x');
    case 11:
      return std::string(served);
    default:
      return std::string(served) + name;
  }
}

std::string World::database() {
  const unsigned choice = input_.below(files + 5);
  switch (choice) {
    case files + 1:
      return "/" + std::string(protocol::maximum_path - 1, 'y');
    case files + 2:
      return "data/0";
    case files + 3:
      return "";
    case files + 4:
      return "/data/\x01";
    default:
      return "/data/" + std::to_string(choice);
  }
}

std::string World::other_address(pid_t pid) {
  std::string name = client_name_of(pid, 0);
  switch (input_.below(12)) {
    case 1:
      return name;
    case 2:
      return std::string(served) + client_name_of(some_pid(), 0);
    case 3:
      return std::string(served) + client_name_of(pid, input_.below(27));
    case 4:
      return std::string(served) + name + "A";
    case 5:
      return std::string(served) + std::string(profile_.socket_prefix) + "000003e8";
    case 6:
      return "/$gtm_tmp/" + name;
    case 7:
      return "/" + std::string(200, 'z') + "/" + name;
    case 8:
      return std::string(served) + name + "aa";
    case 9:
      return std::string(served) + std::string(profile_.socket_prefix) + "00000000";
    case 10:
      return std::string(served) + std::string(profile_.socket_prefix) + "FFFFFFFF";
    case 11:
      return std::string(served);
    default:
      return "";
  }
}

void World::spoil(SimulatedDatagram& datagram, unsigned how) {
  constexpr std::size_t code_at = 0;
  constexpr std::size_t key_at = 4;
  constexpr std::size_t pid_at = 12;
  Bytes& bytes = datagram.bytes;
  const auto with_credentials = [&](auto change) {
    if (datagram.credentials) change(*datagram.credentials);
  };
  const auto large_number = [&] { return std::size_t{input_.number()} * 256 + input_.number(); };
  switch (how) {
    case 1:
      if (bytes.size() > 1) bytes[1] |= std::byte{2};  // the rule is wanted
      break;
    case 2:
      put_i32(bytes, pid_at, static_cast<std::uint32_t>(some_pid()));
      break;
    case 3:
      put_i32(bytes, key_at, terms_.key + 1);
      break;
    case 4:
      if (const std::size_t place = large_number(); !bytes.empty()) {
        bytes[place % bytes.size()] ^= static_cast<std::byte>(1U << input_.below(8));
      }
      break;
    case 5:
      bytes.resize(std::min(bytes.size(), large_number()));
      break;
    case 6:
      bytes.resize(bytes.size() + input_.number(), static_cast<std::byte>(input_.number()));
      break;
    case 7:
      bytes.resize(protocol::maximum_datagram + input_.below(3));
      break;
    case 8:
      datagram.credentials.reset();
      break;
    case 9:
      datagram.control_truncated = true;
      break;
    case 10:
      datagram.birth = 0;
      break;
    case 11:
      with_credentials([](Credentials& client) { client.pid = 0; });
      break;
    case 12:
      with_credentials([&](Credentials& client) { client.uid = terms_.overflow_uid; });
      break;
    case 13:
      with_credentials([&](Credentials& client) { client.gid = terms_.overflow_gid; });
      break;
    case 14:
      datagram.sender = other_address(datagram.credentials ? datagram.credentials->pid : first_pid);
      break;
    case 15:
      put_i32(bytes, code_at, input_.number());
      break;
    case 16:
      put_i32(bytes, code_at, 0x200U + input_.number());
      break;
    default:
      if (!bytes.empty()) bytes[input_.number() % bytes.size()] = static_cast<std::byte>(input_.raw());
  }
}

}  // namespace secshr::pipeline
