// The directories that a broker is to serve, and the sockets in them.
#pragma once

#include <string>
#include <vector>

#include "secshr/control/running_broker.h"
#include "secshr/service_point.h"
#include "secshr/start/plan.h"

namespace secshr {

// Two names of one directory are one directory. nullptr: it is not planned.
[[nodiscard]] PlannedDirectory* find_planned(Plan& plan, int directory);

// /tmp as this process sees it: for it a place is kept free.
[[nodiscard]] bool is_tmp(int directory) noexcept;

// Whether the broker that reports serves the very directory.
[[nodiscard]] bool is_served(const BrokerReport& report, int directory);

// Whether the name is a socket of root's that somebody has bound.
[[nodiscard]] bool is_live(int directory, const protocol::SocketName& name) noexcept;

// Whether users can make such directories, or take the server's name away in this one: where they cannot, starts that
// come to something are few, and an administrator's doing.
[[nodiscard]] bool is_a_users(int directory) noexcept;

// Plans what the running broker serves as well, and what an earlier one did (recall_directories.h). A directory
// counts only where the server's name is a socket of root's: a broker in anybody's hands can name no other.
void plan_those_of(BrokerReport report, Plan& plan);
void plan_remembered(int place, Plan& plan);

// Leaves as many as max_directories and the limit of descriptors allow. What it leaves out is said in the plan.
[[nodiscard]] Started<void> limit_directories(Plan& plan);

// A socket in each that has its name: from here on clients reach these, and whatever had the names before is cut off.
// The invoker's is the first to be bound; without it nothing is, nor where there is no room for another of the former
// broker's that is no user's own. What else cannot be bound, or is served by a broker of another place, is left out
// and said in the plan. As root.
[[nodiscard]] Started<std::vector<ServicePoint>> open_service_points(Plan& plan);

}  // namespace secshr
