#!/usr/bin/env bash
# Measures secshr against the floor (bench/floor.cpp: the work alone, nothing checked) and against stock gtmsecshr, with
# the same load in the same run: round by round, each in turn, in an order that rotates. Ratios are of one round; the
# table has their median and their spread.
#   run.sh [--build DIR] [--rounds N] [--seconds N] [--only KIND] [--counted]
# --counted: only what is counted, the system calls of one request, compared with bench/counted.txt; fails where there are
# more.
set -euo pipefail
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)

arguments=()
while (($# > 0)); do
  case $1 in
    --build) arguments+=(--build "$2") && shift 2 ;;
    --rounds) export SECSHR_BENCH_ROUNDS=$2 && shift 2 ;;
    --seconds) export SECSHR_BENCH_SECONDS=$2 && shift 2 ;;
    --only) export SECSHR_BENCH_ONLY=$2 && shift 2 ;;
    --counted) export SECSHR_BENCH_COUNTED=1 && shift ;;
    --inside | --against) break ;;
    *) printf 'usage: %s [--build DIR] [--rounds N] [--seconds N] [--only KIND] [--counted]\n' "$0" >&2 && exit 2 ;;
  esac
done
rounds=${SECSHR_BENCH_ROUNDS:-7}
seconds=${SECSHR_BENCH_SECONDS:-2}
only=${SECSHR_BENCH_ONLY:-}

source "$here/../tests/interop/world.sh"
# The stock server is the world's own; secshr gets a second copy of the installation below.
if [[ ${1:-} == --inside || ${1:-} == --against ]]; then enter_world "$@"; else enter_world --against stock "${arguments[@]}"; fi

source "$here/lib/servers.sh"
source "$here/lib/rounds.sh"
source "$here/lib/first_answers.sh"
source "$here/lib/counted.sh"

lay_out_servers
if [[ -n ${SECSHR_BENCH_COUNTED:-} ]]; then
  check_counted
  exit
fi

start_servers
wanted() { [[ -z $only || $1 == "$only"* ]]; }
for clients in 1 4 16; do
  if wanted continue; then compare "continue, $clients client(s)" continue "$clients"; fi
done
for clients in 1 4; do
  if wanted one-shot; then compare "one-shot, $clients process(es)" one-shot "$clients"; fi
done
for kind in remove-segment remove-set flush; do
  for clients in 1 4; do
    if wanted "$kind"; then compare "$kind, $clients client(s)" "$kind" "$clients"; fi
  done
done
if wanted memory; then report_memory; fi
if wanted growth; then compare_growth; fi
if wanted first; then compare_first_answers; fi
