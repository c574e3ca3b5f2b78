#!/usr/bin/env bash
# alice's process is killed while it has the database open. bob cleans up: with mupip rundown of the region, of the
# file, or by simply opening the database and leaving it. What alice had set is kept.
set -euo pipefail
source "$(dirname -- "${BASH_SOURCE[0]}")/world.sh"
enter_world "$@"

create_database 0666
chmod 2770 "$data"

value=1000
for how in region file open; do
  echo "$how"
  value=$((value + 1))
  leave_unclean "$value"
  check_equal 'alice left two semaphore sets and a segment' 3 "$(ipc_objects | wc -l)"
  check 'and the header open' test "$closed_ids" != "$(ids_as_numbers "$database")"
  clean_up "$how"
  check_equal 'exit status' 0 "$client_status"
  check 'bob is told that it worked' grep -qE "$(clean_up_says "$how" "$value")" <<<"$client_output"
  check_requests_served "bob, $how" "$client_pid" "$removals"
  check_closed_and_sound
  run_client alice "$gtm/mumps" -run %XCMD 'write ^a(1),!'
  check_equal 'the last update is kept' "$value" "$client_output"
  check_requests_served 'alice afterwards' "$client_pid" ''
done
finish
