#include "client/explanation.h"

#include <cstdarg>
#include <cstdio>

namespace secshr::client {
namespace {

thread_local char text[1024] = "no call of this thread has failed";

}  // namespace

int fail(int result, const char* format, ...) noexcept {
  va_list arguments;
  va_start(arguments, format);
  (void)std::vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  return result;
}

const char* explanation() noexcept {
  return text;
}

}  // namespace secshr::client
