#!/usr/bin/env bash
# Whose permission counts: the client's own, by the kernel's word. Mode 0440 lets bob in through a supplementary group
# alone; carol, who is in no such group, gets nowhere, also where she names the file directly.
set -euo pipefail
source "$(dirname -- "${BASH_SOURCE[0]}")/world.sh"
enter_world "$@"

create_database 0440
remember_database

echo 'bob, through a supplementary group'
run_client bob "$gtm/mumps" -run %XCMD 'write ^a(7),!'
check_equal 'bob reads' 49 "$client_output"
check_requests_served bob "$client_pid" "$flushes"
check 'the file is byte for byte what it was' database_unchanged
check 'nothing is left behind' nothing_left_behind

echo 'alice, who owns the file and may not write it either'
run_client alice "$gtm/mumps" -run %XCMD 'write ^a(7),!'
check_equal 'alice reads' 49 "$client_output"
check_requests_served alice "$client_pid" "$flushes"
check 'the file is byte for byte what it was' database_unchanged
check 'nothing is left behind' nothing_left_behind

echo 'carol, whom nothing lets in'
chmod 2755 "$data"
chmod 0644 "$data/demo.gld"
run_client carol "$gtm/mumps" -run %XCMD 'write ^a(7),!'
check 'carol does not read' test "$client_status" != 0
check_requests_served 'carol, who may not' "$client_pid" ''
run_client carol "$gtm/mupip" integ -file "$database"
check 'carol does not check the file' test "$client_status" != 0
check_requests_served 'carol, who may not, directly' "$client_pid" ''
check 'the file is byte for byte what it was' database_unchanged
check 'nothing is left behind' nothing_left_behind

echo 'carol, once the file is for everybody'
chmod 0444 "$database"
run_client carol "$gtm/mumps" -run %XCMD 'write ^a(7),!'
check_equal 'carol reads' 49 "$client_output"
check_requests_served 'carol, who may' "$client_pid" "$flushes"
check 'the file is byte for byte what it was' database_unchanged
check 'nothing is left behind' nothing_left_behind
finish
