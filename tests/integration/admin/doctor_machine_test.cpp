// secshrctl doctor on brokers that run with what is not installed any more, and on kernels that lack something or are
// set to protect less; see doctor_programs_test.cpp.
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <iterator>

#include "admin/doctor/kernel_features.h"
#include "tests/integration/admin/doctor_fixture.h"

namespace secshr::test {
namespace {

class DoctorMachine : public DoctorTest {
 protected:
  // What doctor says the kernel lacks, where it has none of that system call with that third argument (-1: any).
  nlohmann::json missing_without(long call, int argument = -1) {
    const auto forget = [call, argument] {
      sock_filter code[] = {
          BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
          BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<unsigned>(call), 0, 4),
          BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args[2])),
          BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<unsigned>(argument), 1, 0),
          BPF_JUMP(BPF_JMP | BPF_JA, argument < 0 ? 0U : 1U, 0, 0),
          BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
          BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
      };
      sock_fprog program{std::size(code), code};
      if (::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) != 0) ::_exit(126);
    };
    const Outcome outcome = run_as({}, {"/usr/bin/secshrctl", {"secshrctl", "doctor", "--json"}, {}, forget});
    EXPECT_FALSE(outcome.output.empty()) << outcome.ending << outcome.errors;
    if (outcome.output.empty()) return {};
    nlohmann::json missing = nlohmann::json::array();
    const nlohmann::json shown = nlohmann::json::parse(outcome.output);
    for (const auto& finding : shown["findings"]) {
      if (finding["finding"] == "kernel.missing") missing.push_back(finding);
    }
    return missing;
  }
  static bool names(const nlohmann::json& missing, const std::string& feature, const std::string& severity) {
    return std::ranges::any_of(missing, [&](const nlohmann::json& finding) {
      return finding["reason"].get<std::string>().starts_with("The kernel has no " + feature + ":") &&
             finding["severity"] == severity;
    });
  }
};

TEST_F(DoctorMachine, broker_that_runs_a_program_that_was_replaced) {
  install_built("tests/lock_holder", paths::broker, 0755);
  const auto shown = expect_findings({{"running.program", paths::broker}}, "warning");
  EXPECT_EQ(command_of(shown, "running.program"), "secshrctl reload gtm");
  start_broker();
  expect_healthy();
}

TEST_F(DoctorMachine, configuration_that_changed_since_the_broker_started) {
  configure("'" + tmp + "'", "# a remark\n");
  const auto shown = expect_findings({{"running.configuration", paths::configuration}}, "warning");
  EXPECT_EQ(command_of(shown, "running.configuration"), "secshrctl reload gtm");
  start_broker();
  expect_healthy();
}

TEST_F(DoctorMachine, kept_configuration_in_force) {
  configure("'" + tmp + "'", "unknown = 1\n");
  (void)expect_findings({{"configuration.invalid", paths::configuration}, {"running.kept", paths::configuration}},
                        "error");
  // What is kept is not what this broker has.
  write_file(run_directory + "/configuration", read_file(run_directory + "/configuration") + "\n", 0600);
  (void)expect_findings({{"configuration.invalid", paths::configuration}}, "error");
}

TEST_F(DoctorMachine, kernel_without_what_secshr_is_built_on) {
  const nlohmann::json nothing = missing_without(-2);
  for (const auto& feature : admin::kernel_features) {
    EXPECT_EQ(!feature.is_there(),
              names(nothing, std::string(feature.name), std::string(admin::word_of(feature.severity))))
        << "the control: " << nothing;
  }
  EXPECT_TRUE(names(missing_without(SYS_landlock_create_ruleset), "Landlock", "warning"));
  EXPECT_TRUE(names(missing_without(SYS_setsockopt, 76), "SCM_PIDFD", "notice"));
  EXPECT_TRUE(names(missing_without(SYS_seccomp), "seccomp filters", "error"));
  EXPECT_TRUE(names(missing_without(SYS_pidfd_open), "pidfds", "error"));
  EXPECT_TRUE(names(missing_without(SYS_openat2), "openat2", "error"));
}

TEST_F(DoctorMachine, broker_that_runs_without_what_the_kernel_has_by_now) {
  if (!admin::has_landlock()) SECSHR_SKIP("the kernel has no Landlock");
  counters_.degraded = without_landlock;
  publish();
  const auto shown = expect_findings({{"kernel.degraded", run_directory}}, "warning");
  EXPECT_EQ(command_of(shown, "kernel.degraded"), "secshrctl reload gtm");
  EXPECT_NE(shown["findings"][0]["reason"].dump().find("without Landlock"), std::string::npos) << shown;
}

TEST_F(DoctorMachine, links_that_are_not_protected) {
  for (const char* const name : {"protected_symlinks", "protected_hardlinks"}) {
    const std::string setting = std::string("fs/") + name;
    set(setting, "0");
    const auto shown = expect_findings({{"kernel.links", "/proc/sys/" + setting}}, "warning");
    EXPECT_EQ(command_of(shown, "kernel.links"),
              "echo 'fs." + std::string(name) + " = 1' >> /etc/sysctl.d/60-secshr.conf && sysctl --system");
    set(setting, "1");
  }
  expect_healthy();
}

TEST_F(DoctorMachine, sticky_directories_that_protect_neither_fifos_nor_files) {
  for (const char* const setting : {"fs/protected_fifos", "fs/protected_regular"}) {
    set(setting, "0");
    (void)expect_findings({{"kernel.sticky", std::string("/proc/sys/") + setting}}, "notice");
    set(setting, "1");
  }
  expect_healthy();
}

TEST_F(DoctorMachine, dumps_of_setuid_programs_that_go_to_a_program) {
  set("fs/suid_dumpable", "2");
  expect_healthy();
  set("kernel/core_pattern", "|/usr/lib/collector %p");
  (void)expect_findings({{"kernel.core", "/proc/sys/fs/suid_dumpable"}}, "notice");
  set("fs/suid_dumpable", "1");
  (void)expect_findings({{"kernel.core", "/proc/sys/fs/suid_dumpable"}}, "notice");
  set("fs/suid_dumpable", "0");
  expect_healthy();
}

TEST_F(DoctorMachine, processes_that_may_trace_each_other) {
  set("kernel/yama/ptrace_scope", "0");
  (void)expect_findings({{"kernel.ptrace", "/proc/sys/kernel/yama/ptrace_scope"}}, "notice");
  set("kernel/yama/ptrace_scope", "2");
  expect_healthy();
  // A kernel that has no Yama.
  remove_tree(settings + "/kernel/yama");
  expect_healthy();
}

}  // namespace
}  // namespace secshr::test
