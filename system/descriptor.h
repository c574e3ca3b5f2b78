// An owned file descriptor: closed exactly once, moved but never copied.
#pragma once

#include <unistd.h>

#include <utility>

namespace secshr {

class Descriptor {
 public:
  Descriptor() noexcept = default;
  // Takes ownership of `number`; a negative one means "none".
  explicit Descriptor(int number) noexcept : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    if (this != &other) reset(std::exchange(other.number_, -1));
    return *this;
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() { reset(); }

  [[nodiscard]] int get() const noexcept { return number_; }
  [[nodiscard]] explicit operator bool() const noexcept { return number_ >= 0; }
  // Gives ownership to the caller.
  [[nodiscard]] int release() noexcept { return std::exchange(number_, -1); }
  void reset(int number = -1) noexcept {
    // close(2) frees the number even when it reports an error, so there is nothing to do about one.
    if (number_ >= 0) (void)::close(number_);
    number_ = number;
  }

 private:
  int number_ = -1;
};

}  // namespace secshr
