// secshrctl: the administrator's tool. This file is the command line; each command is a file of its own.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <optional>
#include <string>

#include "admin/adopt.h"
#include "admin/failure.h"
#include "admin/reload.h"
#include "admin/restore.h"
#include "admin/status.h"
#include "secshr_paths.h"

namespace {

using secshr::admin::ExitStatus;
using secshr::admin::Result;

struct CommandLine {
  CLI::App app{"Administers secshr, the privileged helper of multi-process databases."};
  secshr::admin::AdoptRequest adopt_request;
  std::string restore_directory;
  std::optional<std::string> reload_name;
  bool as_json = false;
  CLI::App* adopt = nullptr;
  CLI::App* restore = nullptr;
  CLI::App* status = nullptr;
  CLI::App* reload = nullptr;

  CommandLine() {
    app.require_subcommand(1);
    app.set_version_flag("--version", std::string("secshrctl ") + secshr::paths::version);
    app.footer("Exit status: 0 fine, 1 findings or refused, 2 usage, 3 not running, 4 error.");

    adopt = app.add_subcommand("adopt", "Let secshr serve the installation in DIST.");
    adopt
        ->add_option("DIST", adopt_request.directory,
                     "the installation's directory ($gtm_dist, or of other programs)")
        ->required();
    adopt->add_option("--name", adopt_request.name, "its name in logs and files (default: the last part of DIST)");
    adopt->add_option("--profile", adopt_request.profile,
                      "gtm, ydb, or generic for other programs (default: gtm or ydb, by its library)");
    adopt->add_option("--release", adopt_request.release,
                      "its release string as $ZVERSION or $ZYRELEASE shows it (default: read from its library); of "
                      "generic ones, what their clients compute their key from");

    restore = app.add_subcommand("restore", "Give the installation in DIST its own gtmsecshr back, if it had one.");
    restore->add_option("DIST", restore_directory, "the installation's directory")->required();

    reload = app.add_subcommand("reload",
                                "Put a new broker in the place of the running one, which opens everything "
                                "anew; no request is lost.");
    reload->add_option("NAME", reload_name, "the installation's name (default: all of them)");

    status = app.add_subcommand("status", "Show the adopted installations and their brokers.");
    status->add_flag("--json", as_json, "print JSON");
  }
};

Result<ExitStatus> run(const CommandLine& line) {
  if (line.adopt->parsed()) return secshr::admin::adopt(line.adopt_request);
  if (line.restore->parsed()) return secshr::admin::restore(line.restore_directory);
  if (line.reload->parsed()) return secshr::admin::reload(line.reload_name);
  return secshr::admin::show_status(line.as_json);
}

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
    line.app.parse(argc, argv);
  } catch (const CLI::ParseError& failure) {
    return line.app.exit(failure) == 0 ? ExitStatus::fine : ExitStatus::usage;
  }
  return report(run(line));
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
