// Codes and their names.
#include "protocol/request.h"

#include <gtest/gtest.h>

namespace secshr::protocol {
namespace {

TEST(RequestName, is_the_one_that_audit_lines_show) {
  EXPECT_STREQ(request_name(RequestCode::wake), "wake");
  EXPECT_STREQ(request_name(RequestCode::remove_semaphore_set), "remove-semaphore-set");
  EXPECT_STREQ(request_name(RequestCode::remove_segment), "remove-segment");
  EXPECT_STREQ(request_name(RequestCode::remove_file), "remove-file");
  EXPECT_STREQ(request_name(RequestCode::continue_process), "continue");
  EXPECT_STREQ(request_name(RequestCode::flush_header), "flush-header");
  EXPECT_STREQ(request_name(RequestCode::ping), "ping");
  // NOLINTNEXTLINE(clang-analyzer-optin.core.EnumCastOutOfRange): just that is tried
  EXPECT_STREQ(request_name(static_cast<RequestCode>(7)), "unknown");
}

TEST(KnownCode, is_any_of_the_wire_and_no_other) {
  for (std::int32_t number = -10; number < 0x10000; ++number) {
    const auto code = known_code(number);
    const bool is_explained = number >= 0x200 && number < 0x400;
    const std::int32_t plain = is_explained ? number - 0x200 : number;
    EXPECT_EQ(code.has_value(), (plain >= 1 && plain <= 6) || plain == 0x100) << number;
    EXPECT_EQ(static_cast<std::int32_t>(code.value_or(RequestCode::ping)), code ? plain : 0x100);
  }
}

TEST(CodeOf, is_the_code_of_the_wire) {
  EXPECT_EQ(static_cast<std::int32_t>(code_of(Wake{})), 1);
  EXPECT_EQ(static_cast<std::int32_t>(code_of(RemoveSemaphoreSet{})), 2);
  EXPECT_EQ(static_cast<std::int32_t>(code_of(RemoveSegment{})), 3);
  EXPECT_EQ(static_cast<std::int32_t>(code_of(RemoveFile{})), 4);
  EXPECT_EQ(static_cast<std::int32_t>(code_of(ContinueProcess{})), 5);
  EXPECT_EQ(static_cast<std::int32_t>(code_of(FlushHeader{})), 6);
  EXPECT_EQ(static_cast<std::int32_t>(code_of(Ping{})), 0x100);
}

TEST(FlushHeader, closes_only_with_all_four_values_closed) {
  EXPECT_TRUE((FlushHeader{{-1, -1, 0, 0}, "/d"}.closing()));
  EXPECT_FALSE((FlushHeader{{0, -1, 0, 0}, "/d"}.closing()));
  EXPECT_FALSE((FlushHeader{{-1, 0, 0, 0}, "/d"}.closing()));
  EXPECT_FALSE((FlushHeader{{-1, -1, 1, 0}, "/d"}.closing()));
  EXPECT_FALSE((FlushHeader{{-1, -1, 0, 1}, "/d"}.closing()));
}

}  // namespace
}  // namespace secshr::protocol
