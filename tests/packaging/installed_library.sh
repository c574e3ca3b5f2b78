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
source "$tests/packaging/lib/inside.sh"
source "$tests/packaging/lib/library_file.sh"
source "$tests/packaging/lib/build_examples.sh"
source "$tests/packaging/lib/run_examples.sh"
source "$tests/packaging/lib/killed_stores.sh"

tell_what_the_server_said() {
  local log
  for log in /var/log/secshr/*/gtm_secshr_log "$scratch"/out/*.err; do
    [[ ! -s $log ]] || { printf -- '--- %s\n' "$log" && tail -n 20 "$log"; }
  done
}

arguments=(--build "$build")
[[ ${1:-} == --inside ]] || start_inside cc c++ ninja pkg-config readelf strace
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
