#!/usr/bin/env bash
# libsecshr as it is installed, in a private copy of this machine's file system: what the library shows and needs, its
# header for C99 and C++, and both examples, built by nothing but what is installed. Then these are run by two users
# with an adopted installation, and the key-value store's processes are killed at random and at each of their system
# calls: nothing that was acknowledged may be lost, and nothing may stay.
#
#   installed_library.sh [--build DIR]    the build tree that is installed (default build/release of this tree)
#
# Exit status: 0 all checks held, 1 one did not, 77 the machine cannot run it (1 where SECSHR_TESTS_MUST_RUN=1).
set -euo pipefail

tests=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd -P)
build=${tests%/tests}/build/release
[[ ${1:-} != --build ]] || { build=$2 && shift 2; }

scratch=/mnt
[[ $tests != /mnt/* ]] || scratch=/srv
against='what is installed'  # for report.sh

source "$tests/interop/lib/summary.sh"
source "$tests/interop/lib/report.sh"
source "$tests/interop/lib/private_system.sh"
source "$tests/interop/lib/accounts.sh"
source "$tests/interop/lib/wait.sh"
source "$tests/packaging/lib/library_file.sh"
source "$tests/packaging/lib/build_examples.sh"
source "$tests/packaging/lib/run_examples.sh"
source "$tests/packaging/lib/killed_stores.sh"

cannot_run() {
  printf 'cannot run: %s\n' "$1" >&2
  [[ ${SECSHR_TESTS_MUST_RUN:-} == 1 ]] && exit 1
  exit 77
}

# Runs this script again as the first process of new namespaces, and ends with its exit status. However this shell ends,
# they end too; in the background, because a trap waits for a foreground child, and unshare itself blocks signals.
start_inside() {
  ((EUID == 0)) || cannot_run 'not root'
  local program
  for program in cc c++ cmake ninja pkg-config readelf strace; do
    command -v "$program" >/dev/null || cannot_run "no $program"
  done
  unshare --mount --ipc --pid --net --fork true 2>/dev/null || cannot_run 'no new namespaces'
  setpriv --pdeathsig KILL unshare --mount --ipc --pid --net --fork --mount-proc --kill-child \
    bash "$0" --build "$build" --inside <&0 &
  local child=$! status=0
  # shellcheck disable=SC2064  # the id as it is now
  trap "kill -KILL $child 2>/dev/null || :; exit 130" INT TERM HUP
  wait "$child" || status=$?
  exit "$status"
}

tell_what_the_server_said() {
  local log
  for log in /var/log/secshr/*/gtm_secshr_log "$scratch"/out/*.err; do
    [[ ! -s $log ]] || { printf -- '--- %s\n' "$log" && tail -n 20 "$log"; }
  done
}

[[ ${1:-} == --inside ]] || start_inside
trap 'printf "stopped at %s:%s\n" "${BASH_SOURCE[0]}" "$LINENO" >&2' ERR
set -E
cd /
umask 022
make_private_system
mkdir "$scratch/out"
[[ -e $build/CMakeCache.txt ]] || { printf 'no build in %s\n' "$build" >&2 && exit 1; }
cmake --install "$build" --prefix /usr >"$scratch/out/install"
cover_tmp

look_at_library
build_examples
adopt_examples
run_remove_set
run_kvstore
kill_stores_at_random
kill_store_at_each_call
finish
