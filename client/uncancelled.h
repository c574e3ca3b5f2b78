// While it lives this thread is not cancelled: what it has opened, bound or taken it also gives back.
#pragma once

#include <pthread.h>

namespace secshr::client {

class Uncancelled {
 public:
  Uncancelled() noexcept { (void)::pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before_); }
  Uncancelled(const Uncancelled&) = delete;
  Uncancelled& operator=(const Uncancelled&) = delete;
  ~Uncancelled() { (void)::pthread_setcancelstate(before_, nullptr); }

 private:
  int before_ = 0;
};

}  // namespace secshr::client
