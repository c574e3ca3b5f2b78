// secshrctl doctor as a whole: what it shows of a healthy installation and of one with several faults, to the letter;
// what is acknowledged; and that it neither changes nor waits for anything.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <regex>

#include "admin/doctor/kernel_features.h"
#include "tests/integration/admin/doctor_fixture.h"

namespace secshr::test {
namespace {

namespace fs = std::filesystem;

const char* const healthy_text =
    "secshr VERSION\n"
    "  installations      gtm\n"
    "  directories        /mnt/test/tmp\n"
    "\n"
    "worst: nothing found (0 errors, 0 warnings, 0 notices; 0 acknowledged)\n";

const char* const healthy_json = R"json({
  "version": "VERSION",
  "worst": null,
  "installations": [
    "gtm"
  ],
  "directories": [
    "/mnt/test/tmp"
  ],
  "findings": [],
  "could_not_look": []
}
)json";

const char* const broken_text =
    "secshr VERSION\n"
    "  installations      gtm\n"
    "  directories        /mnt/test/tmp \"/mnt/test/a user's\"\n"
    "\n"
    "error    original.setuid  /mnt/test/gtm/gtmsecshr.secshr-original\n"
    "         why           The original helper can still be run as root by others: it keeps all of root and "
    "believes "
    "its callers.\n"
    "         to mend it    chmod u-s /mnt/test/gtm/gtmsecshr.secshr-original\n"
    "\n"
    "error    run.mode  /run/secshr\n"
    "         why           Others than root may write to it (mode 0777).\n"
    "         to mend it    chmod go-w /run/secshr\n"
    "\n"
    "error    tmp.sticky  \"/mnt/test/a user's\"\n"
    "         why           Others may write to it and it is not sticky (mode 0777): any of them can take the "
    "server's socket away and put another in its place.\n"
    "         to mend it    chmod +t '/mnt/test/a user'\\''s'\n"
    "\n"
    "notice   kernel.ptrace  /proc/sys/kernel/yama/ptrace_scope\n"
    "         why           Any process can trace the others of its user: where a database process is taken over, so "
    "are all.\n"
    "         to mend it    echo 'kernel.yama.ptrace_scope = 1' >> /etc/sysctl.d/60-secshr.conf && sysctl --system\n"
    "\n"
    "warning  tmp.owner  \"/mnt/test/a user's\"\n"
    "         why           Several users share it and uid 1234 owns it, who can take away any socket in it.\n"
    "         to mend it    chown root '/mnt/test/a user'\\''s'\n"
    "         acknowledged  it is the application's\n"
    "\n"
    "could not look  /run/secshr/gtm\n"
    "         why           /run/secshr/gtm/lock: must be root's alone, with every directory above it "
    "(writable-by-others)\n"
    "\n"
    "worst: error (3 errors, 0 warnings, 1 notice; 1 acknowledged)\n";

const char* const broken_json = R"json({
  "version": "VERSION",
  "worst": "error",
  "installations": [
    "gtm"
  ],
  "directories": [
    "/mnt/test/tmp",
    "/mnt/test/a user's"
  ],
  "findings": [
    {
      "finding": "original.setuid",
      "severity": "error",
      "where": "/mnt/test/gtm/gtmsecshr.secshr-original",
      "reason": "The original helper can still be run as root by others: it keeps all of root and believes its callers.",
      "command": "chmod u-s /mnt/test/gtm/gtmsecshr.secshr-original",
      "acknowledged": null
    },
    {
      "finding": "run.mode",
      "severity": "error",
      "where": "/run/secshr",
      "reason": "Others than root may write to it (mode 0777).",
      "command": "chmod go-w /run/secshr",
      "acknowledged": null
    },
    {
      "finding": "tmp.sticky",
      "severity": "error",
      "where": "/mnt/test/a user's",
      "reason": "Others may write to it and it is not sticky (mode 0777): any of them can take the server's socket away and put another in its place.",
      "command": "chmod +t '/mnt/test/a user'\\''s'",
      "acknowledged": null
    },
    {
      "finding": "kernel.ptrace",
      "severity": "notice",
      "where": "/proc/sys/kernel/yama/ptrace_scope",
      "reason": "Any process can trace the others of its user: where a database process is taken over, so are all.",
      "command": "echo 'kernel.yama.ptrace_scope = 1' >> /etc/sysctl.d/60-secshr.conf && sysctl --system",
      "acknowledged": null
    },
    {
      "finding": "tmp.owner",
      "severity": "warning",
      "where": "/mnt/test/a user's",
      "reason": "Several users share it and uid 1234 owns it, who can take away any socket in it.",
      "command": "chown root '/mnt/test/a user'\\''s'",
      "acknowledged": "it is the application's"
    }
  ],
  "could_not_look": [
    {
      "where": "/run/secshr/gtm",
      "why": "/run/secshr/gtm/lock: must be root's alone, with every directory above it (writable-by-others)"
    }
  ]
}
)json";

class Doctor : public DoctorTest {
 protected:
  // Without the version; and where the kernel lacks something, without that and what is counted.
  static std::string comparable(std::string text) {
    text = std::regex_replace(text, std::regex(paths::version), "VERSION");
    if (kernel_is_complete()) return text;
    text = std::regex_replace(text, std::regex("\n(warning|notice |error  )  kernel.missing\n.*\n"), "");
    text = std::regex_replace(text, std::regex(R"(,?\n    \{\n      "finding": "kernel.missing",[^}]*\})"), "");
    return std::regex_replace(text, std::regex("(worst: |\"worst\": ).*\n"), "");
  }
  static bool kernel_is_complete() {
    return std::ranges::all_of(admin::kernel_features, [](const auto& feature) { return feature.is_there(); });
  }
  void break_it() {
    make_directory("/mnt/test/a user's", 0777, 1234);
    configure("'" + tmp + "', \"/mnt/test/a user's\"",
              "[doctor]\nacknowledged = [{ finding = 'tmp.owner', reason = \"it is the application's\" }]\n");
    ASSERT_EQ(::chmod(original.c_str(), 04755), 0);
    set("kernel/yama/ptrace_scope", "0");
    ASSERT_EQ(::chmod(paths::run, 0777), 0);
  }
};

TEST_F(Doctor, of_a_healthy_installation) {
  EXPECT_EQ(run({"doctor"}), 0);
  EXPECT_EQ(comparable(said()), comparable(healthy_text));
  EXPECT_EQ(run({"doctor", "--json"}), 0);
  EXPECT_EQ(comparable(said()), comparable(healthy_json));
}

TEST_F(Doctor, of_a_broken_installation) {
  break_it();
  EXPECT_EQ(run({"doctor"}), 4);
  EXPECT_EQ(comparable(said()), comparable(broken_text));
  EXPECT_EQ(run({"doctor", "--json"}), 4);
  EXPECT_EQ(comparable(said()), comparable(broken_json));
}

TEST_F(Doctor, is_roots) {
  EXPECT_EQ(run_unprivileged({"doctor"}), 4);
  EXPECT_EQ(said(), "");
  EXPECT_EQ(complaint(), "secshrctl: this must be run as root (for example with sudo)\n");
}

TEST_F(Doctor, lists_what_is_acknowledged_and_does_not_count_it) {
  ASSERT_EQ(::chmod(tmp.c_str(), 0777), 0);
  make_directory("/mnt/test/other", 0777);
  const std::string both = "'" + tmp + "', '/mnt/test/other'";
  configure(both);
  start_broker();
  const Findings found{{"tmp.sticky", tmp}, {"tmp.sticky", "/mnt/test/other"}};
  (void)expect_findings(found, "error");

  // One of the two.
  configure(both, "[[doctor.acknowledged]]\nfinding = 'tmp.sticky'\nwhere = '" + tmp + "'\nreason = 'one'\n");
  start_broker();
  auto shown = examine();
  EXPECT_EQ(status(), 1);
  EXPECT_EQ(findings_of(shown), (Findings{found[1], found[0]})) << "what counts comes first";
  EXPECT_TRUE(shown["findings"][0]["acknowledged"].is_null());
  EXPECT_EQ(shown["findings"][1]["acknowledged"], "one");

  // Another kind.
  configure(both, "[[doctor.acknowledged]]\nfinding = 'tmp.owner'\nreason = 'none of these'\n");
  start_broker();
  (void)expect_findings(found, "error");

  // Both, and one of them in particular.
  configure(both, "[[doctor.acknowledged]]\nfinding = 'tmp.sticky'\nwhere = '" + tmp +
                      "'\nreason = 'one'\n[[doctor.acknowledged]]\nfinding = 'tmp.sticky'\nreason = 'all'\n");
  start_broker();
  shown = examine();
  EXPECT_EQ(status(), 0);
  EXPECT_EQ(findings_of(shown), found);
  EXPECT_EQ(shown["findings"][0]["acknowledged"], "one");
  EXPECT_EQ(shown["findings"][1]["acknowledged"], "all");
  if (kernel_is_complete()) {
    EXPECT_TRUE(shown["worst"].is_null()) << shown;
    EXPECT_EQ(run({"doctor"}), 0);
    EXPECT_NE(said().find("worst: nothing but what is acknowledged ("), std::string::npos) << said();
  }
}

TEST_F(Doctor, changes_nothing) {
  break_it();
  const auto everything = [] { return snapshot("/mnt/test") + snapshot("/run") + snapshot("/var/log/secshr"); };
  const std::string before = everything();
  EXPECT_EQ(run({"doctor"}), 4);
  EXPECT_EQ(everything(), before);
}

// A FIFO that is opened for reading waits for a writer.
TEST_F(Doctor, waits_for_nobody) {
  make_directory("/etc/tmpfiles.d");
  for (const std::string& path :
       {std::string(paths::configuration), record, log_directory + "/gtm_secshr_log",
        run_directory + "/configuration", run_directory + "/directories", std::string("/etc/tmpfiles.d/a.conf"),
        std::string("/etc/tmpreaper.conf"), helper, original, packages + "/info/a.list", packages + "/diversions"}) {
    SCOPED_TRACE(path);
    const bool was_there = exists(path);
    if (was_there) fs::rename(path, path + ".aside");
    ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
    const int status = run({"doctor"});
    EXPECT_TRUE(status == 0 || status == 1 || status == 4) << status;
    EXPECT_NE(said(), "");
    fs::remove(path);
    if (was_there) fs::rename(path + ".aside", path);
  }
  remove_tree("/etc/tmpfiles.d");
  expect_healthy();
}

TEST_F(Doctor, of_a_machine_where_nothing_is_adopted) {
  ASSERT_EQ(run({"restore", distribution}), 0) << complaint();
  broker_.reset();
  const nlohmann::json shown = examine();
  EXPECT_EQ(status(), 0) << shown;
  EXPECT_EQ(shown["installations"].size(), 0U);
}

// The real thing: what the wrapper, the broker and adopt leave behind is what doctor calls healthy.
TEST_F(Doctor, of_a_broker_that_serves) {
  const SystemLog log;
  ASSERT_EQ(run({"restore", distribution}), 0) << complaint();
  broker_.reset();
  kill_other_processes();
  remove_tree(paths::run);
  remove_tree(paths::log);
  install_programs();
  // Which is nothing to the broker.
  configure("'" + tmp + "'", "[doctor]\nacknowledged = [{ finding = 'tmp.owner', reason = 'known' }]\n");
  ASSERT_EQ(run({"adopt", distribution}), 0) << complaint();
  make_directory("/mnt/test/users", 01777);
  for (const auto& [user, directory] : {std::pair{3001U, tmp}, {3002U, std::string("/mnt/test/users")}}) {
    const Outcome outcome = run_as({user, user, {}}, {helper, {helper}, {"gtm_tmp=" + directory}, {}});
    ASSERT_EQ(outcome.ending, exited(0)) << outcome.errors;
  }
  expect_healthy();
  EXPECT_EQ(examine()["directories"], (nlohmann::json{tmp, "/mnt/test/users"}));
  ASSERT_EQ(::chmod("/mnt/test/users", 0777), 0);
  configure("'" + tmp + "'", "# a remark\n");
  expect_mendable({{"tmp.sticky", "/mnt/test/users"}, {"running.configuration", paths::configuration}}, "error");
}

}  // namespace
}  // namespace secshr::test
