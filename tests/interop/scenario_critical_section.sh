#!/usr/bin/env bash
# alice's dse holds the critical section, in a session of its own, and is stopped. bob, who waits to update, has it
# continued after some sixteen seconds; then it goes on, and so does he.
set -euo pipefail
source "$(dirname -- "${BASH_SOURCE[0]}")/world.sh"
enter_world "$@"

create_database 0666
chmod 2770 "$data"

check_critical_section
run_client alice "$gtm/mumps" -run %XCMD 'write ^a(1),!'
check_equal "bob's update is there" 77 "$client_output"
check_closed_and_sound
finish
