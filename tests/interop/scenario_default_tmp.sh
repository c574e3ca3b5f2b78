#!/usr/bin/env bash
# Without $gtm_tmp everything meets in /tmp.
set -euo pipefail
source "$(dirname -- "${BASH_SOURCE[0]}")/world.sh"
enter_world "$@"

create_database 0444
remember_database

run_client bob env -u gtm_tmp "$gtm/mumps" -run %XCMD 'write ^a(7),!'
check_equal 'bob reads' 49 "$client_output"
check_requests_served bob "$client_pid" "$flushes"
check 'the server socket is in /tmp' test -S "/tmp/$(server_socket_name /tmp)"
check 'and nowhere else' test "$(server_socket_name)" = none
check 'the file is byte for byte what it was' database_unchanged
check 'nothing is left behind in /tmp' nothing_left_behind /tmp
finish
