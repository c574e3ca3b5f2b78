// Datagrams written out as bytes, from the description of the wire and not through our encoder.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string_view>
#include <vector>

namespace secshr::protocol::test {

using Bytes = std::vector<std::byte>;

inline Bytes bytes(std::initializer_list<unsigned> values) {
  Bytes result;
  for (const unsigned value : values) result.push_back(static_cast<std::byte>(value));
  return result;
}

inline Bytes operator+(Bytes left, const Bytes& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}

inline Bytes text(std::string_view characters) {
  Bytes result;
  for (const char c : characters) result.push_back(static_cast<std::byte>(c));
  return result;
}

inline Bytes with(Bytes datagram, std::size_t offset, std::initializer_list<unsigned> values) {
  for (const unsigned value : values) datagram.at(offset++) = static_cast<std::byte>(value);
  return datagram;
}

inline Bytes first(const Bytes& datagram, std::size_t count) {
  const auto part = std::span(datagram).first(count);
  return {part.begin(), part.end()};
}

// The key of `GT.M V7.0-005 Linux x86_64`.
inline constexpr std::uint32_t release_key = 0xb54536ab;

// Key 0xb54536ab, an uninitialised use-secshr flag, pid 3090 (0x0c12), sequence number 1.
inline Bytes header(unsigned code_low, unsigned code_high = 0) {
  return bytes({code_low, code_high, 0,    0,     //
                0xab,     0x36,      0x45, 0xb5,  //
                0xef,     0xbe,      0xad, 0xde,  //
                0x12,     0x0c,      0,    0,     //
                1,        0,         0,    0,    0, 0, 0, 0});
}

// semid 32769, shmid 65538, sem_ctime 0x6553f100, shm_ctime 0x6553f101; o_direct 1 and dirty padding.
inline Bytes opening_ids() {
  return bytes({1,    0,    0,    0,                 //
                0x01, 0x80, 0,    0,                 //
                0x02, 0x00, 1,    0,                 //
                0xde, 0xad, 0xbe, 0xef,              //
                0x00, 0xf1, 0x53, 0x65, 0, 0, 0, 0,  //
                0x01, 0xf1, 0x53, 0x65, 0, 0, 0, 0});
}

inline Bytes closing_ids() {
  return bytes({0,    0,    0,    0,                 //
                0xff, 0xff, 0xff, 0xff,              //
                0xff, 0xff, 0xff, 0xff,              //
                0,    0,    0,    0,                 //
                0,    0,    0,    0,    0, 0, 0, 0,  //
                0,    0,    0,    0,    0, 0, 0, 0});
}

// u32 length, the name, its NUL.
inline Bytes name(std::string_view path) {
  const auto size = static_cast<unsigned>(path.size());
  return bytes({size & 0xff, size >> 8 & 0xff, size >> 16 & 0xff, size >> 24}) + text(path) + bytes({0});
}

inline Bytes flush_opening(std::string_view path = "/d/mumps.dat") {
  return header(6) + opening_ids() + name(path);
}
inline Bytes flush_closing(std::string_view path = "/d/mumps.dat") {
  return header(6) + closing_ids() + name(path);
}
inline Bytes remove_file(std::string_view path) {
  return header(4) + text(path) + bytes({0});
}

// One valid datagram of every kind.
inline std::vector<Bytes> every_request() {
  return {header(1) + bytes({0x39, 0x30, 0, 0}),
          header(2) + bytes({0x01, 0x80, 0, 0}),
          header(3) + bytes({0x02, 0x00, 1, 0}),
          remove_file("/tmp/gtm_mutex00001A2F"),
          header(5) + bytes({0x39, 0x30, 0, 0}),
          flush_opening(),
          flush_closing(),
          header(0, 1)};
}

}  // namespace secshr::protocol::test
