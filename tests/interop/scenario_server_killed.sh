#!/usr/bin/env bash
# A server that is killed leaves its socket behind with nobody listening. The next client starts another server, which
# takes the name over, and is served; no process of the killed one stays.
set -euo pipefail
source "$(dirname -- "${BASH_SOURCE[0]}")/world.sh"
enter_world "$@"

create_database 0444
remember_database

run_client bob "$gtm/mumps" -run %XCMD 'write ^a(7),!'
check_equal 'a client is served' 49 "$client_output"
for turn in first second; do
  old=$(server_pids)
  kill -KILL "$(server_pid)"
  run_client bob "$gtm/mumps" -run %XCMD 'write ^a(7),!'
  check_equal "after the $turn kill a client is served" 49 "$client_output"
  check_requests_served "bob, after the $turn kill" "$client_pid" "$flushes"
  check_equal 'one server' 1 "$(server_count)"
  check_equal 'no process of the killed one' '' "$(comm -12 <(sort <<<"$old") <(server_pids | sort))"
  check 'the file is byte for byte what it was' database_unchanged
  check 'nothing is left behind' nothing_left_behind
  printf '          %s ms\n' "$client_ms"
done
finish
