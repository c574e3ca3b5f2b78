// The setuid wrapper as an installation has it, and in the broker's place a probe that reports what it was given.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "tests/support/private_world.h"
#include "wrapper/handoff.h"

namespace secshr::test {

inline constexpr uid_t u1 = 71001;
inline constexpr uid_t u2 = 71002;
inline constexpr gid_t g1 = 72001;

inline const std::string distribution = "/mnt/test/dist";
inline const std::string wrapper = distribution + "/gtmsecshr";

class WrapperTest : public PrivateWorldTest {
 protected:
  using Report = std::map<std::string, std::string>;

  void SetUp() override;

  // The start of a client: the wrapper as u1 with one supplementary group.
  static Command start();
  static Command start_with(std::vector<std::string> environment);
  // With an attack on what the wrapper inherits.
  static Command start_after(std::function<void()> before_exec);
  Outcome run(const Command& command) { return run_as({u1, g1, {g1, 5}}, command); }
  // Runs it, expects it to be served, and gives back what the probe saw.
  Report served(const Command& command);
  // The same, but the probe in the wrapper's place: what an attack does to a program that defends against nothing.
  // The control of every test about inherited state.
  Report unprotected(Command command);
  // Runs it, expects this refusal and nothing of the broker.
  void expect_refusal(const Command& command, StartStatus status, const std::string& log_line);

  static Report report();
  static void set_probe_status(const std::string& status);
  static std::vector<std::string> environment_of(const Report& report);
  static Ending ending_of(StartStatus status) { return exited(static_cast<int>(status)); }
  // The messages of the wrapper in the system log, without priority, ident and process number.
  std::vector<std::string> log_lines();

 private:
  std::unique_ptr<SystemLog> log_;
};

}  // namespace secshr::test
