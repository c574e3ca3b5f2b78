// The checks of secshrctl doctor. Each looks at one thing, adds what it finds to the report, and changes nothing.
#pragma once

#include "admin/doctor/machine.h"
#include "admin/doctor/report.h"

namespace secshr::admin {

// check_programs.cpp: secshr's own programs, as installed.
void check_installed_wrapper(const Machine& machine, Report& report);
void check_installed_broker(const Machine& machine, Report& report);

// check_adoption.cpp: the wrapper in each installation, and what it took the place of.
void check_adopted_wrappers(const Machine& machine, Report& report);
void check_utf8_helpers(const Machine& machine, Report& report);
void check_wrapper_mounts(const Machine& machine, Report& report);
void check_originals(const Machine& machine, Report& report);
void check_diversions(const Machine& machine, Report& report);

// check_configuration.cpp: what the administrator wrote, and adopt.
void check_configuration(const Machine& machine, Report& report);
void check_records(const Machine& machine, Report& report);

// check_places.cpp: where brokers write.
void check_logs(const Machine& machine, Report& report);
void check_run_directories(const Machine& machine, Report& report);

// check_sockets.cpp: the directories that clients share.
void check_socket_directories(const Machine& machine, Report& report);
void check_paths_to_sockets(const Machine& machine, Report& report);
void check_leftovers(const Machine& machine, Report& report);

// check_cleaners.cpp: what removes old files from them.
void check_tmp_cleaners(const Machine& machine, Report& report);

// check_identities.cpp: the three uids, which nothing else may use.
void check_accounts(const Machine& machine, Report& report);
void check_processes(const Machine& machine, Report& report);

// check_running.cpp: the brokers that run, and what is installed and configured by now.
void check_running_programs(const Machine& machine, Report& report);
void check_configurations_in_force(const Machine& machine, Report& report);

// check_kernel.cpp: what the kernel has, and how it is set.
void check_kernel_features(const Machine& machine, Report& report);
void check_degraded_brokers(const Machine& machine, Report& report);
void check_link_protection(const Machine& machine, Report& report);
void check_core_dumps(const Machine& machine, Report& report);
void check_ptrace_scope(const Machine& machine, Report& report);

}  // namespace secshr::admin
