#!/usr/bin/env bash
# A database of mode 0444: whoever may only read it has the server write the IPC ids into the header when opening, and
# take them out when closing. The first client finds no server and starts it, the others are served by the same one.
set -euo pipefail
source "$(dirname -- "${BASH_SOURCE[0]}")/world.sh"
enter_world "$@"

create_database 0444
remember_database

# served WHAT: the checks that every client of this scenario must pass.
served() {
  check_equal "$1: exit status" 0 "$client_status"
  check_requests_served "$1" "$client_pid" "$flushes"
  check "$1: the file is byte for byte what it was" database_unchanged
  check "$1: nothing is left behind" nothing_left_behind
  printf '          %s ms\n' "$client_ms"
}

echo 'a first reader, who starts the server'
check_equal 'no server yet' 0 "$(server_count)"
run_client bob "$gtm/mumps" -run %XCMD 'zwrite ^a'
check_equal 'the reader sees every node' "$(expected_globals)" "$client_output"
served 'first reader'
first_server=$(server_pid)
check 'a server runs' test -n "$first_server"

echo 'a second reader'
run_client bob "$gtm/mumps" -run %XCMD 'zwrite ^a'
check_equal 'the reader sees every node' "$(expected_globals)" "$client_output"
served 'second reader'

echo 'a reader whose socket nobody else may use (umask 077)'
run_client bob sh -c 'umask 077; exec "$@"' sh "$gtm/mumps" -run %XCMD 'zwrite ^a'
check_equal 'the reader sees every node' "$(expected_globals)" "$client_output"
served 'reader with umask 077'

echo 'dse'
run_client bob "$gtm/dse" <<<$'dump -fileheader\nexit'
check 'dse shows the header' grep -q '^File .*'"$database" <<<"$client_output"
served 'dse'

echo 'mupip integ -region'
run_client bob "$gtm/mupip" integ -region DEFAULT
check 'integ finds no errors' grep -q 'No errors detected by integ' <<<"$client_output"
served 'integ -region'

echo 'a refused update'
run_client bob "$gtm/mumps" -run %XCMD 'set ^a(1)=0'
check 'GT.M refuses to update a file that the user may only read' grep -q 'DBPRIVERR' <<<"$client_output"
check 'the file is byte for byte what it was' database_unchanged
check 'nothing is left behind' nothing_left_behind

check_equal 'the same server all along' "$first_server" "$(server_pid)"
check 'owner and mode of the file are the same' same_owner_and_mode
check 'the database passes mupip integ' passes_integ
finish
