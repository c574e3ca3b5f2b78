#!/usr/bin/env bash
# Twelve readers at once, with no server there: all start one, one serves, all read, and the last one out leaves the
# header closed. Three rounds, so that closing and opening meet as well.
set -euo pipefail
source "$(dirname -- "${BASH_SOURCE[0]}")/world.sh"
enter_world "$@"

create_database 0444
remember_database

readers=12
for round in 1 2 3; do
  started=$(milliseconds)
  running=()
  for ((reader = 0; reader < readers; reader++)); do
    as_user bob "$gtm/mumps" -run %XCMD "hang ${reader}/50 write ^a(7),! hang 0.05" \
      </dev/null >"$scratch/out/$reader" 2>&1 &
    running+=($!)
  done
  failed=0
  for pid in "${running[@]}"; do wait "$pid" || failed=$((failed + 1)); done
  check_equal "round $round: all readers succeed" 0 "$failed"
  for ((reader = 0; reader < readers; reader++)); do
    [[ $(<"$scratch/out/$reader") == 49 ]] || check_equal "reader $reader" 49 "$(<"$scratch/out/$reader")"
  done
  check 'the file is byte for byte what it was' database_unchanged
  check 'nothing is left behind' nothing_left_behind
  check_equal 'one server' 1 "$(server_count)"
  printf '          %s ms\n' "$(($(milliseconds) - started))"
done
check_all_served
finish
