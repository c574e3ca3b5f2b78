#!/usr/bin/env bash
# The cases about paths once more, with the kernel's own protection of links, FIFOs and files in sticky directories off
# and on: what we refuse must not be the kernel's merit, and what we serve must not be its fault.
#   protected_links.sh BUILD/tests
# These settings are the machine's, so: one run at a time, for as short as possible, and put back whatever comes but SIGKILL.
# Exit status: 0 all held, 1 one did not, 77 the machine does not let us (1 where SECSHR_TESTS_MUST_RUN=1).
set -euo pipefail

programs=$1
place=/proc/sys/fs
names=(protected_symlinks protected_hardlinks protected_regular protected_fifos)
off=(0 0 0 0)
on=(1 1 2 2)

cannot() {
  printf 'skipped: %s\n' "$1"
  [[ ${SECSHR_TESTS_MUST_RUN:-} == 1 ]] && exit 1
  exit 77
}

read_settings() { for name in "${names[@]}"; do cat "$place/$name"; done; }
write_settings() {
  local index
  for index in "${!names[@]}"; do printf '%s' "$1" >"$place/${names[index]}" && shift; done
}

((EUID == 0)) || cannot 'not root'
# A container's own view may be read-only; a fresh one of the same settings is not.
if ! (: >"$place/protected_symlinks") 2>/dev/null; then
  [[ -z ${SECSHR_FRESH_PROC:-} ]] || cannot 'these settings cannot be changed here'
  SECSHR_FRESH_PROC=1 exec unshare --mount --pid --fork --kill-child --mount-proc "$0" "$@"
fi
exec 9<"$place/protected_symlinks"
flock 9
mapfile -t before < <(read_settings)
trap 'write_settings "${before[@]}"' EXIT
trap 'exit 1' HUP INT TERM

# run PROGRAM FILTER: in the background, or no signal would be heard before it ends.
run() {
  timeout 120 "$programs/$1" --gtest_brief=1 --gtest_filter="$2" 9<&- &
  wait $! || { printf 'failed with %s: %s\n' "$(read_settings | tr '\n' ' ')" "$1" && failed=1; }
}

failed=0
for setting in off on; do
  declare -n values=$setting
  write_settings "${values[@]}"
  [[ $(read_settings) == "$(printf '%s\n' "${values[@]}")" ]] || cannot 'these settings do not take'
  run wrapper_test 'WrapperInstallation.*:WrapperBroker.*'
  run root_controlled_world_test '*'
  run installation_world_test '*'
  run broker_test 'BrokerStart.refuses_a_*:BrokerStart.replaces_*:BrokerStart.*link*:BrokerPaths.*:BrokerReplies.a_name_*:HostileStart.a_directory_*:BrokerLog.a_copy_*:BrokerLeftovers.a_right_name_*:BrokerLeftovers.a_hard_link_*:BrokerConfiguration.that_others_*:BrokerConfiguration.in_a_directory_*'
done
exit $failed
