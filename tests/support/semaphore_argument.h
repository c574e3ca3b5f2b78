// What semctl takes beside its command: every caller has to declare it, and the tests do here.
#pragma once

#include <sys/sem.h>

namespace secshr::test {

union SemaphoreArgument {
  int value;
  semid_ds* set;
  seminfo* info;
};

}  // namespace secshr::test
