#include "secshr/queue_seal.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <fstream>
#include <new>

#include "secshr/datagram_socket.h"

namespace secshr {
namespace {

// What one socket may have sent and unread, of the smallest datagrams and with the default of SO_SNDBUF: some 220.
constexpr std::size_t datagrams_of_one_filler = 200;

// How many datagrams a queue takes is fixed when its socket is made; one more than this number fits. 0: unknown.
std::size_t length_of_new_queues() {
  std::size_t length = 0;
  std::ifstream("/proc/sys/net/unix/max_dgram_qlen") >> length;
  return length;
}

void fill(int filler) noexcept {
  const std::byte nothing{};
  ssize_t sent = 0;
  do {
    sent = ::send(filler, &nothing, sizeof nothing, MSG_DONTWAIT | MSG_NOSIGNAL);
  } while (sent >= 0 || errno == EINTR);
}

bool peek_from(int socket, int offset) noexcept {
  return ::setsockopt(socket, SOL_SOCKET, SO_PEEK_OFF, &offset, sizeof offset) == 0;
}

bool has_option(int socket, int option) noexcept {
  int value = 0;
  socklen_t size = sizeof value;
  return ::getsockopt(socket, SOL_SOCKET, option, &value, &size) == 0 && value != 0;
}

enum class Sender { us, another, none };
// Of the next datagram behind those that were looked at; it stays in the queue.
Sender next_sender(int socket, bool is_stamped) noexcept {
  std::byte byte{};
  iovec data{&byte, sizeof byte};
  // With room for the credentials and what comes before them, and so for nothing that becomes a descriptor: the time
  // of sending, where it was asked for in place of pidfds (server_socket.cpp).
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(timespec)) + CMSG_SPACE(sizeof(ucred))] = {};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = is_stamped ? sizeof control : CMSG_SPACE(sizeof(ucred));
  ssize_t size = -1;
  do {
    size = ::recvmsg(socket, &message, MSG_PEEK | MSG_DONTWAIT);
  } while (size < 0 && errno == EINTR);
  if (size < 0) return errno == EAGAIN ? Sender::none : Sender::another;
  ucred sender{};
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_CREDENTIALS &&
        header->cmsg_len == CMSG_LEN(sizeof sender)) {
      std::memcpy(&sender, CMSG_DATA(header), sizeof sender);
    }
  }
  return sender.pid == ::getpid() ? Sender::us : Sender::another;
}

}  // namespace

std::expected<QueueSeal, int> QueueSeal::make(int file) noexcept try {
  QueueSeal seal;
  const std::size_t length = length_of_new_queues();
  const std::size_t fillers = length / datagrams_of_one_filler + 1;
  if (length == 0 || fillers > most_fillers) return seal;
  for (std::size_t each = 0; each < fillers; ++each) {
    Descriptor filler = make_datagram_socket();
    if (!filler) return std::unexpected(errno);
    if (const int error = connect_to_file(filler.get(), file); error != 0) return std::unexpected(error);
    seal.fillers_.push_back(std::move(filler));
  }
  seal.room_ = length + 1;
  return seal;
} catch (const std::bad_alloc&) {
  return std::unexpected(ENOMEM);
}

QueueSeal::State QueueSeal::seal(int socket) noexcept {
  for (const Descriptor& filler : fillers_) fill(filler.get());
  if (!peek_from(socket, 0)) return State::others;
  std::size_t ours = 0;
  const bool is_stamped = has_option(socket, SO_TIMESTAMPNS);
  Sender sender = next_sender(socket, is_stamped);
  for (; sender == Sender::us; sender = next_sender(socket, is_stamped)) ++ours;
  if (!peek_from(socket, -1) || sender == Sender::another) return State::others;
  if (room_ == 0) return State::unable;
  // What was looked at before and has no bytes is passed over by the next look: only the number shows it.
  return ours >= room_ ? State::sealed : State::others;
}

}  // namespace secshr
