// Every finding that secshrctl doctor can have: what an acknowledgement may name. Add, never rename: these words are
// in administrators' configurations.
#pragma once

#include <algorithm>
#include <array>
#include <string_view>

namespace secshr {

inline constexpr std::array<std::string_view, 48> finding_ids{
    // On the way to anything that must be root's alone.
    "path.owner",
    "path.mode",
    "path.link",
    // The wrapper: the installed one, and its copy in each adopted installation.
    "wrapper.missing",
    "wrapper.owner",
    "wrapper.mode",
    "wrapper.setuid",
    "wrapper.foreign",
    "wrapper.version",
    "wrapper.utf8",
    "wrapper.nosuid",
    "wrapper.noexec",
    "wrapper.diversion",
    // The installation's own helper, which adopt has put aside.
    "original.missing",
    "original.setuid",
    // The broker's program.
    "broker.missing",
    "broker.owner",
    "broker.mode",
    "broker.noexec",
    "configuration.missing",
    "configuration.owner",
    "configuration.mode",
    "configuration.invalid",
    "records.owner",
    "records.mode",
    "records.invalid",
    "log.owner",
    "log.mode",
    "log.file",
    "run.owner",
    "run.mode",
    // The directories of the sockets.
    "tmp.missing",
    "tmp.owner",
    "tmp.sticky",
    "tmp.path",
    "tmp.leftovers",
    "tmp.cleaner",
    "uid.account",
    "uid.process",
    // A broker that runs.
    "running.program",
    "running.configuration",
    "running.kept",
    "kernel.missing",
    "kernel.degraded",
    "kernel.links",
    "kernel.sticky",
    "kernel.core",
    "kernel.ptrace",
};

constexpr bool is_finding_id(std::string_view id) noexcept {
  return std::ranges::find(finding_ids, id) != finding_ids.end();
}

}  // namespace secshr
