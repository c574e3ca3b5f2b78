#include "secshr/queue_seal.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
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

// Whether no more fits: into the queue, or of this filler's.
bool fill(int filler) noexcept {
  const std::byte nothing{};
  ssize_t sent = 0;
  do {
    sent = ::send(filler, &nothing, sizeof nothing, MSG_DONTWAIT | MSG_NOSIGNAL);
  } while (sent >= 0 || errno == EINTR);
  return errno == EAGAIN;
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
  return seal;
} catch (const std::bad_alloc&) {
  return std::unexpected(ENOMEM);
}

bool QueueSeal::seal(int socket) const noexcept {
  const int beginning = 0;
  return !fillers_.empty() &&
         std::ranges::all_of(fillers_, [](const Descriptor& filler) { return fill(filler.get()); }) &&
         ::setsockopt(socket, SOL_SOCKET, SO_PEEK_OFF, &beginning, sizeof beginning) == 0;
}

}  // namespace secshr
