#include "tests/integration/admin/doctor_fixture.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <filesystem>
#include <system_error>
#include <vector>

#include "counters/publish_counters.h"
#include "installation/configuration.h"

namespace secshr::test {
namespace {

const std::string identities = "broker_uid = 64101\nlooker_uid = 64102\nwriter_uid = 64103\n";

}  // namespace

Covered::Covered(const std::string& directory, std::string place) : place_(std::move(place)) {
  if (::mount(directory.c_str(), place_.c_str(), nullptr, MS_BIND, nullptr) != 0) {
    throw std::system_error(errno, std::generic_category(), "mount over " + place_);
  }
}

Covered::~Covered() {
  (void)::umount2(place_.c_str(), MNT_DETACH);
}

void DoctorTest::SetUp() {
  AdminTest::SetUp();
  if (IsSkipped() || HasFatalFailure()) return;
  set("fs/protected_symlinks", "1");
  set("fs/protected_hardlinks", "1");
  set("fs/protected_fifos", "1");
  set("fs/protected_regular", "2");
  set("fs/suid_dumpable", "0");
  set("kernel/core_pattern", "core");
  set("kernel/yama/ptrace_scope", "1");
  make_directory(packages + "/info");
  write_file(packages + "/diversions", "");
  make_directory(delivered_tmpfiles);
  covered_.push_back(std::make_unique<Covered>(settings, "/proc/sys"));
  covered_.push_back(std::make_unique<Covered>(packages, "/var/lib/dpkg"));
  covered_.push_back(std::make_unique<Covered>(delivered_tmpfiles, "/usr/lib/tmpfiles.d"));
  for (const char* const own : {"/etc/tmpfiles.d", "/etc/tmpreaper.conf", "/etc/cron.daily/tmpwatch"}) {
    remove_tree(own);
  }
  make_directory(tmp, 01777);
  make_directory(log_directory);
  write_file(log_directory + "/gtm_secshr_log", "", 0640);
  configure("'" + tmp + "'");
  ASSERT_EQ(run({"adopt", distribution}), 0) << complaint();
  start_broker();
  expect_healthy();
}

void DoctorTest::TearDown() {
  broker_.reset();
  covered_.clear();
  AdminTest::TearDown();
}

void DoctorTest::configure(const std::string& directories, const std::string& extra) {
  write_file(paths::configuration, identities + "tmp = [" + directories + "]\n" + extra);
}

void DoctorTest::set(const std::string& setting, const std::string& value) {
  write_file(settings + "/" + setting, value + "\n");
}

void DoctorTest::start_broker() {
  if (broker_) {
    ASSERT_EQ(::kill(broker_->pid(), SIGKILL), 0);
    (void)broker_->wait();
  }
  broker_ = std::make_unique<Running>(hold_lock(paths::broker, "gtm"));
  const auto configuration = load_configuration(paths::configuration);
  ASSERT_TRUE(configuration) << to_string(configuration.error());
  write_file(run_directory + "/configuration", configuration->text, 0600);
  counters_ = Counters{};
  counters_.broker_pid = static_cast<std::uint64_t>(broker_->pid());
  counters_.configuration_hash = configuration->hash;
  publish();
}

void DoctorTest::publish() {
  const Descriptor directory(::open(run_directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  ASSERT_TRUE(CountersPage::create(directory.get(), counters_).has_value());
}

void DoctorTest::adopt_second() {
  make_installation(second);
  ASSERT_EQ(run({"adopt", second}), 0) << complaint();
}

nlohmann::json DoctorTest::examine(const std::vector<std::string>& arguments) {
  std::vector<std::string> all{"doctor", "--json"};
  all.insert(all.end(), arguments.begin(), arguments.end());
  status_ = run(all);
  EXPECT_EQ(complaint(), "");
  nlohmann::json shown = nlohmann::json::parse(said());
  auto& findings = shown["findings"];
  for (auto finding = findings.begin(); finding != findings.end();) {
    finding = (*finding)["finding"] == "kernel.missing" ? findings.erase(finding) : finding + 1;
  }
  return shown;
}

DoctorTest::Findings DoctorTest::findings_of(const nlohmann::json& shown) {
  Findings findings;
  for (const auto& finding : shown["findings"]) {
    const auto& where = finding["where"];
    findings.emplace_back(finding["finding"].get<std::string>(), where.is_null() ? "" : where.get<std::string>());
  }
  return findings;
}

void DoctorTest::expect_healthy() {
  const nlohmann::json shown = examine();
  EXPECT_EQ(findings_of(shown), Findings{}) << shown.dump(2);
  EXPECT_EQ(shown["could_not_look"].size(), 0U) << shown.dump(2);
  EXPECT_EQ(status(), 0);
}

nlohmann::json DoctorTest::expect_findings(const Findings& expected, const std::string& severity) {
  nlohmann::json shown = examine();
  EXPECT_EQ(findings_of(shown), expected) << shown.dump(2);
  if (shown["findings"].empty()) return shown;
  const auto& first = shown["findings"][0];
  EXPECT_EQ(first["severity"], severity) << first;
  EXPECT_TRUE(first["reason"].get<std::string>().ends_with('.')) << first;
  EXPECT_TRUE(first["acknowledged"].is_null()) << first;
  EXPECT_EQ(shown["worst"], severity);
  if (!shown["could_not_look"].empty()) {
    EXPECT_EQ(status(), 4);
  } else {
    EXPECT_EQ(status(), severity == "notice" ? 0 : 1);
  }
  return shown;
}

std::string DoctorTest::command_of(const nlohmann::json& shown, const std::string& finding) {
  for (const auto& each : shown["findings"]) {
    if (each["finding"] == finding && each["command"].is_string()) return each["command"];
  }
  ADD_FAILURE() << finding << " has no command: " << shown.dump(2);
  return {};
}

void DoctorTest::mend() {
  for (int round = 0; round < 4; ++round) {
    const nlohmann::json shown = examine();
    if (shown["findings"].empty()) break;
    for (const auto& finding : shown["findings"]) {
      ASSERT_TRUE(finding["command"].is_string()) << finding;
      const auto outcome = run_as(0, 0, {}, {"/bin/bash", "-c", finding["command"].get<std::string>()});
      EXPECT_EQ(outcome.ending, exited(0)) << finding["command"] << outcome.output << outcome.errors;
    }
  }
  expect_healthy();
}

void DoctorTest::expect_mendable(const Findings& expected, const std::string& severity) {
  (void)expect_findings(expected, severity);
  mend();
}

}  // namespace secshr::test
