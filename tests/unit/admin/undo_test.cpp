// The way back: in reverse order, and only where the change did not succeed.
#include "admin/adoption/undo.h"

#include <gtest/gtest.h>

#include <string>

namespace secshr::admin {
namespace {

TEST(Undo, goes_back_in_reverse_order) {
  std::string trace;
  {
    Undo undo;
    undo.add([&trace] { trace += '1'; });
    undo.add([&trace] { trace += '2'; });
    undo.add([&trace] { trace += '3'; });
    EXPECT_EQ(trace, "");
  }
  EXPECT_EQ(trace, "321");
}

TEST(Undo, does_nothing_once_the_change_has_succeeded) {
  std::string trace;
  {
    Undo undo;
    undo.add([&trace] { trace += '1'; });
    undo.dismiss();
  }
  EXPECT_EQ(trace, "");
}

}  // namespace
}  // namespace secshr::admin
