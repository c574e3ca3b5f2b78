#include "client/explanation.h"

#include <cstdarg>
#include <cstdio>
#include <cstring>

namespace secshr::client {
namespace {

thread_local char text[1024] = "no call of this thread has failed";

}  // namespace

int fail(int result, const char* format, ...) noexcept {
  va_list arguments;
  va_start(arguments, format);
  (void)std::vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  for (char* byte = text; *byte != '\0'; ++byte) {
    if (static_cast<unsigned char>(*byte) < 0x20 || *byte == 0x7f) *byte = '?';
  }
  return result;
}

const char* explanation() noexcept {
  return text;
}

const char* text_of(int error) noexcept {
  const char* const known = ::strerrordesc_np(error);
  return known != nullptr ? known : "an unknown error";
}

}  // namespace secshr::client
