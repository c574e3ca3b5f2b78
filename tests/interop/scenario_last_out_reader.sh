#!/usr/bin/env bash
# A database that bob may only read: alice opens it first, bob leaves it last. He has the header closed as well, before
# the objects that it names are removed.
set -euo pipefail
source "$(dirname -- "${BASH_SOURCE[0]}")/world.sh"
enter_world "$@"

create_database 0644

for round in first second; do
  echo "$round round"
  check_last_out alice bob "flush-header-close $removals"
  check_closed_and_sound
done
check 'bob still may not write' grep -q DBPRIVERR <<<"$(as_user bob "$gtm/mumps" -run %XCMD 'set ^a(1)=0' 2>&1 || :)"
check_closed_and_sound
finish
