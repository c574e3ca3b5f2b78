#!/usr/bin/env bash
# A database that both may write: alice opens it first, bob leaves it last, and so has her segment and her semaphore
# sets removed. Also the other way round, and with processes of both that come and go in between.
# In the first round bob, while he is leaving, finds no server and starts one: GT.M runs the wrapper at that moment with
# an environment in which one entry has lost its `=`.
set -euo pipefail
source "$(dirname -- "${BASH_SOURCE[0]}")/world.sh"
enter_world "$@"

create_database 0666
chmod 2770 "$data"

for round in first second; do
  echo "$round round"
  check_last_out alice bob "$removals"
  check_closed_and_sound
done

echo 'the same with the two of them exchanged'
check_last_out bob alice "$removals"
check_closed_and_sound

echo 'and with others in between'
open_database alice alice
open_database bob bob
run_client alice "$gtm/mumps" -run %XCMD 'set ^a(1)=2'
check_requests_served 'alice, in between' "$client_pid" ''
run_client bob "$gtm/mumps" -run %XCMD 'set ^a(1)=3'
check_requests_served 'bob, in between' "$client_pid" ''
close_database alice
check_requests_served alice "${session_pid[alice]}" ''
close_database bob
check_requests_served bob "${session_pid[bob]}" "$removals"
run_client alice "$gtm/mumps" -run %XCMD 'write ^a(1),!'
check_equal 'both updates are there' 3 "$client_output"
check_closed_and_sound
finish
