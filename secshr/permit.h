// Permission as a type: a Permit<T> says that authorize() looked at exactly this T and allowed it. Nothing else can
// make one, and every operation takes one.
#pragma once

#include <utility>

namespace secshr {

template <typename What>
class Permit {
 public:
  [[nodiscard]] const What& what() const noexcept { return what_; }

 private:
  friend class Authorizer;
  explicit Permit(What what) noexcept : what_(std::move(what)) {}
  What what_;
};

}  // namespace secshr
