#!/usr/bin/env bash
# `mupip integ -file` of a read-only database: stand-alone access has a semaphore set but no segment, so the header gets
# a semid alone. Alone means alone: a reader that comes in meanwhile would find it held.
set -euo pipefail
source "$(dirname -- "${BASH_SOURCE[0]}")/world.sh"
enter_world "$@"

create_database 0444
remember_database

for turn in first second; do
  run_client bob "$gtm/mupip" integ -file "$database"
  check_equal "$turn integ -file: exit status" 0 "$client_status"
  check "$turn integ -file: finds no errors" grep -q 'No errors detected by integ' <<<"$client_output"
  check_requests_served "$turn integ -file" "$client_pid" "$flushes"
  check 'the file is byte for byte what it was' database_unchanged
  check 'nothing is left behind' nothing_left_behind
done
check 'the database passes mupip integ' passes_integ
finish
