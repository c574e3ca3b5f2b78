// What the tests of secshrctl doctor start from: an adopted installation with a broker, in which nothing is wrong, on
// a machine whose settings are the test's own.
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "counters/counters_page.h"
#include "tests/integration/admin/admin_fixture.h"

namespace secshr::test {

// A directory in the place of another one, while it lives.
class Covered {
 public:
  Covered(const std::string& directory, std::string place);
  Covered(const Covered&) = delete;
  Covered& operator=(const Covered&) = delete;
  ~Covered();

 private:
  std::string place_;
};

class DoctorTest : public AdminTest {
 protected:
  using Findings = std::vector<std::pair<std::string, std::string>>;  // what, and where

  static inline const std::string tmp = "/mnt/test/tmp";
  static inline const std::string settings = "/mnt/test/sys";  // as /proc/sys
  static inline const std::string packages = "/mnt/test/dpkg";
  static inline const std::string delivered_tmpfiles = "/mnt/test/tmpfiles.d";
  static inline const std::string run_directory = std::string(paths::run) + "/gtm";
  static inline const std::string log_directory = std::string(paths::log) + "/gtm";
  static inline const std::string second = "/mnt/test/opt/second";

  void SetUp() override;
  void TearDown() override;

  // The directories that are pinned, and other text behind it.
  static void configure(const std::string& directories, const std::string& extra = {});
  static void set(const std::string& setting, const std::string& value);
  // A broker in the place of the one before, which has the configuration of now.
  void start_broker();
  void publish();
  // One more installation, without a broker, in a directory of its own.
  void adopt_second();

  // Runs doctor, and keeps its JSON and its exit status. What the kernel that runs the test lacks is left out.
  nlohmann::json examine(const std::vector<std::string>& arguments = {});
  [[nodiscard]] int status() const { return status_; }
  static Findings findings_of(const nlohmann::json& shown);
  // That nothing is wrong: the control of each case.
  void expect_healthy();
  // That exactly these are found, the first of this severity, and that doctor's exit status says so.
  nlohmann::json expect_findings(const Findings& expected, const std::string& severity);
  // The command that the finding comes with.
  static std::string command_of(const nlohmann::json& shown, const std::string& finding);
  // Carries out the commands of what is found, and again of what is found then; nothing is left.
  void mend();
  // Both of these.
  void expect_mendable(const Findings& expected, const std::string& severity);

  Counters counters_;
  std::unique_ptr<Running> broker_;

 private:
  std::vector<std::unique_ptr<Covered>> covered_;
  int status_ = -1;
};

}  // namespace secshr::test
