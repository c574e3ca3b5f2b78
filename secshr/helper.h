// The broker's side of its two helpers: the looker, which opens and reads as others, and the writer, which writes.
#pragma once

#include <expected>
#include <optional>

#include "secshr/looker/look_message.h"
#include "secshr/writer/write_message.h"
#include "system/descriptor.h"

namespace secshr {

// Both submit without waiting: EAGAIN when the helpers are too busy, EPIPE when they are gone. Descriptors stay the
// caller's.
class Looker {
 public:
  Looker() = default;
  Looker(const Looker&) = delete;
  Looker& operator=(const Looker&) = delete;
  virtual ~Looker() = default;
  [[nodiscard]] virtual std::expected<void, int> submit(const LookRequest& request, int pidfd) noexcept = 0;
};

class Writer {
 public:
  Writer() = default;
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;
  virtual ~Writer() = default;
  [[nodiscard]] virtual std::expected<void, int> submit(const WriteRequest& request, int file) noexcept = 0;
};

// A look report with the descriptor of the file that was opened, if one was.
struct Seen {
  LookReport report;
  Descriptor file;
};

class LookerChannel final : public Looker {
 public:
  explicit LookerChannel(Descriptor channel) noexcept : channel_(std::move(channel)) {}
  [[nodiscard]] int descriptor() const noexcept { return channel_.get(); }
  [[nodiscard]] std::expected<void, int> submit(const LookRequest& request, int pidfd) noexcept override;
  // EAGAIN: nothing there; EPIPE: the helper is gone; EBADMSG: it sent what it never should.
  [[nodiscard]] std::expected<Seen, int> receive() noexcept;

 private:
  Descriptor channel_;
};

class WriterChannel final : public Writer {
 public:
  explicit WriterChannel(Descriptor channel) noexcept : channel_(std::move(channel)) {}
  [[nodiscard]] int descriptor() const noexcept { return channel_.get(); }
  [[nodiscard]] std::expected<void, int> submit(const WriteRequest& request, int file) noexcept override;
  [[nodiscard]] std::expected<WriteReport, int> receive() noexcept;

 private:
  Descriptor channel_;
};

}  // namespace secshr
