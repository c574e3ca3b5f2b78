// secshrctl: the administrator's tool. This file is the command line; each command is a file of its own.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "admin/adoption/adopt.h"
#include "admin/adoption/restore.h"
#include "admin/brokers/lockdown.h"
#include "admin/brokers/reload.h"
#include "admin/brokers/service.h"
#include "admin/brokers/status.h"
#include "admin/doctor/doctor.h"
#include "admin/failure.h"
#include "admin/key.h"
#include "admin/leftovers/reap.h"
#include "admin/leftovers/stranded.h"
#include "admin/log/audit.h"
#include "admin/log/explain.h"
#include "secshr_paths.h"

namespace {

using secshr::admin::ExitStatus;
using secshr::admin::Result;

// What a command does with its arguments, which live as long as this.
using Run = std::function<Result<ExitStatus>()>;

class CommandLine {
 public:
  CommandLine() {
    app_.require_subcommand(1);
    app_.set_version_flag("--version", std::string("secshrctl ") + secshr::paths::version);
    app_.footer("Exit status: 0 fine, 1 findings or refused, 2 usage, 3 not running, 4 error.");
    add_adopt();
    add_restore();
    add_reload();
    add_status();
    add_service();
    add_lockdown();
    add_audit();
    add_explain();
    add_key();
    add_reap();
    add_stranded();
    add_doctor();
  }
  CommandLine(const CommandLine&) = delete;
  CommandLine& operator=(const CommandLine&) = delete;
  ~CommandLine() = default;

  void parse(int argc, char** argv) { app_.parse(argc, argv); }
  int exit(const CLI::ParseError& failure) { return app_.exit(failure); }
  Result<ExitStatus> run() const {
    for (const auto& [command, run] : commands_) {
      if (command->parsed()) return run();
    }
    return ExitStatus::usage;
  }

 private:
  static Result<ExitStatus> usage(const char* what) {
    return std::unexpected(secshr::admin::Failure{ExitStatus::usage, what});
  }
  CLI::App* add(const char* name, const char* what, Run run) {
    CLI::App* const command = app_.add_subcommand(name, what);
    commands_.emplace_back(command, std::move(run));
    return command;
  }

  void add_adopt() {
    const auto request = std::make_shared<secshr::admin::AdoptRequest>();
    CLI::App* const command = add("adopt", "Let secshr serve the installation in DIST.",
                                  [request] { return secshr::admin::adopt(*request); });
    command->add_option("DIST", request->directory, "the installation's directory ($gtm_dist, or of other programs)")
        ->required();
    command->add_option("--name", request->name, "its name in logs and files (default: the last part of DIST)");
    command->add_option("--profile", request->profile,
                        "gtm, ydb, or generic for other programs (default: gtm or ydb, by its library)");
    command->add_option("--release", request->release,
                        "its release string as $ZVERSION or $ZYRELEASE shows it (default: read from its library); of "
                        "generic ones, what their clients compute their key from");
  }
  void add_restore() {
    const auto directory = std::make_shared<std::string>();
    add("restore", "Give the installation in DIST its own gtmsecshr back, if it had one.",
        [directory] { return secshr::admin::restore(*directory); })
        ->add_option("DIST", *directory, "the installation's directory")
        ->required();
  }
  void add_reload() {
    const auto name = std::make_shared<std::optional<std::string>>();
    add("reload",
        "Put a new broker in the place of the running one, which opens everything anew; no request is lost.",
        [name] { return secshr::admin::reload(*name); })
        ->add_option("NAME", *name, "the installation's name (default: all of them)");
  }
  void add_status() {
    struct Wished {
      bool as_json = false;
      bool watch = false;
      unsigned interval = 2;
    };
    const auto wished = std::make_shared<Wished>();
    CLI::App* const command = add("status", "Show the adopted installations and their brokers.", [wished] {
      return wished->watch ? secshr::admin::watch_status(std::chrono::seconds(wished->interval))
                           : secshr::admin::show_status(wished->as_json);
    });
    CLI::Option* const json = command->add_flag("--json", wished->as_json, "print JSON");
    CLI::Option* const watch =
        command->add_flag("--watch", wished->watch, "go on showing it, on a terminal, until q or an interrupt")
            ->excludes(json);
    command->add_option("--interval", wished->interval, "seconds from one look to the next (default: 2)")
        ->needs(watch)
        ->check(CLI::Range(1U, 3600U));
    add("metrics", "Print the brokers' counters in the text format of Prometheus.",
        [] { return secshr::admin::show_metrics(); });
  }
  void add_service() {
    const auto name = std::make_shared<std::optional<std::string>>();
    add("start", "Start a broker, as a client would.", [name] {
      return secshr::admin::start(*name);
    })->add_option("NAME", *name, "the installation's name (default: all of them)");
    add("stop", "End the broker in order; the next client starts another.", [name] {
      return secshr::admin::stop(*name);
    })->add_option("NAME", *name, "the installation's name (default: all of them)");
  }
  void add_lockdown() {
    struct Wished {
      std::string state;
      std::optional<std::string> group;
      bool as_json = false;
    };
    const auto wished = std::make_shared<Wished>();
    CLI::App* const command =
        add("lockdown", "Serve nobody but administrators, until it is taken back; alone: show whether it is so.",
            [wished]() -> Result<ExitStatus> {
              if (wished->group && wished->state != "on") return usage("--group goes with lockdown on");
              if (wished->as_json && !wished->state.empty()) return usage("--json shows, and changes nothing");
              if (wished->state == "on") return secshr::admin::lockdown_on(wished->group.value_or("0"));
              if (wished->state == "off") return secshr::admin::lockdown_off();
              return secshr::admin::show_lockdown(wished->as_json);
            });
    command->add_option("STATE", wished->state, "on or off")->check(CLI::IsMember({"on", "off"}));
    command->add_option("--group", wished->group, "whose members are served, besides root (default: root's, 0)");
    command->add_flag("--json", wished->as_json, "print JSON");
  }
  void add_audit() {
    const auto request = std::make_shared<secshr::admin::AuditRequest>();
    CLI::App* const command = add("audit", "Show the audit log, follow it, or summarise it.",
                                  [request] { return secshr::admin::audit(*request); });
    command->add_option("NAME", request->name, "the installation's name (default: all of them)");
    command->add_option("--uid", request->user, "only what this user asked: a uid or an account's name");
    command->add_option("--pid", request->pid, "only what this process asked");
    command->add_option("--request", request->request, "only this request, as the log names it");
    command->add_option("--verdict", request->verdict, "only what was done, refused, failed or dropped");
    command->add_option("--rule", request->rule, "only what this rule refused");
    command->add_option("--since", request->since,
                        "not before then: a time in UTC (ISO 8601), or an age like 10m, 2h, 1d");
    CLI::Option* const until = command->add_option("--until", request->until, "only before then");
    CLI::Option* const follow = command->add_flag("-f,--follow", request->follow,
                                                  "go on with what comes, from the last ten lines or --since on");
    CLI::Option* const summary =
        command->add_flag("--summary", request->summary, "who asked what, how often, and what was refused and why");
    (void)follow->excludes(summary)->excludes(until);
    command->add_flag("--json", request->as_json, "print JSON: an object a line, or one document for --summary");
  }
  void add_explain() {
    const auto rule = std::make_shared<std::optional<std::string>>();
    const auto as_json = std::make_shared<bool>(false);
    CLI::App* const command = add("explain", "Say what a rule protects, and what to do about what it refuses.",
                                  [rule, as_json] { return secshr::admin::explain(*rule, *as_json); });
    command->add_option("RULE", *rule, "as the log names it (default: all of them in a line each)");
    command->add_flag("--json", *as_json, "print JSON");
  }

  void add_key() {
    const auto directory = std::make_shared<std::string>();
    const auto as_json = std::make_shared<bool>(false);
    CLI::App* const command = add("key", "Show the server key and the server socket's name that clients of DIST use.",
                                  [directory, as_json] { return secshr::admin::show_key(*directory, *as_json); });
    command->add_option("DIST", *directory, "the installation's directory, adopted or not")->required();
    command->add_flag("--json", *as_json, "print JSON");
  }

  void add_reap() {
    const auto request = std::make_shared<secshr::admin::ReapRequest>();
    CLI::App* const command =
        add("reap", "Show which socket files dead processes have left in served directories, and remove them.",
            [request] { return secshr::admin::reap(*request); });
    command->add_option("DIRECTORY", request->directories,
                        "where to look (default: pinned directories, those that brokers served, and /tmp)");
    command->add_flag("--do", request->remove, "remove what is left over, and do not only show it");
    command->add_flag("--json", request->as_json, "print JSON");
  }

  void add_stranded() {
    const auto request = std::make_shared<secshr::admin::StrandedRequest>();
    CLI::App* const command =
        add("stranded", "Show the semaphore sets and segments that dead processes have left, and whose they are.",
            [request] { return secshr::admin::show_stranded(*request); });
    command->add_option("FILE", request->files, "databases they may belong to");
    command->add_option("--in", request->directories, "directories below which to look for databases")
        ->type_name("DIR")
        ->expected(1)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    command->add_flag("--json", request->as_json, "print JSON");
  }

  void add_doctor() {
    const auto as_json = std::make_shared<bool>(false);
    add("doctor", "Look for what is wrong with the installation, its directories and the machine.", [as_json] {
      return secshr::admin::run_doctor(*as_json);
    })->add_flag("--json", *as_json, "print JSON");
  }

  CLI::App app_{"Administers secshr, the privileged helper of multi-process databases."};
  std::vector<std::pair<CLI::App*, Run>> commands_;
};

ExitStatus report(const Result<ExitStatus>& outcome) {
  ExitStatus status = ExitStatus::error;
  if (outcome) {
    status = *outcome;
  } else {
    fmt::print(stderr, "secshrctl: {}\n", outcome.error().what);
    status = outcome.error().status;
  }
  // What could not be shown was not done, as far as the caller can tell.
  if (std::fflush(stdout) != 0) return ExitStatus::error;
  return status;
}

ExitStatus main_program(int argc, char** argv) {
  CommandLine line;
  try {
    line.parse(argc, argv);
  } catch (const CLI::ParseError& failure) {
    return line.exit(failure) == 0 ? ExitStatus::fine : ExitStatus::usage;
  }
  return report(line.run());
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return static_cast<int>(main_program(argc, argv));
  } catch (const std::exception& failure) {
    (void)std::fprintf(stderr, "secshrctl: %s\n", failure.what());
    return static_cast<int>(ExitStatus::error);
  }
}
