// The way back: what was done is undone in reverse order unless all of it succeeded.
#pragma once

#include <functional>
#include <utility>
#include <vector>

namespace secshr::admin {

class Undo {
 public:
  Undo() = default;
  Undo(const Undo&) = delete;
  Undo& operator=(const Undo&) = delete;
  Undo(Undo&&) = delete;
  Undo& operator=(Undo&&) = delete;
  ~Undo() {
    for (auto step = steps_.rbegin(); step != steps_.rend(); ++step) (*step)();
  }

  // Called before the step it undoes, so that a step that fails half-way is undone too: `step` must cope with
  // nothing having been done, and must not throw.
  void add(std::function<void()> step) { steps_.push_back(std::move(step)); }
  void dismiss() noexcept { steps_.clear(); }

 private:
  std::vector<std::function<void()>> steps_;
};

}  // namespace secshr::admin
