#!/usr/bin/env bash
# bob has the server started with one $gtm_tmp; alice needs it with another. Stock gtmsecshr serves the directory that it
# was started with and no other: a start finds that one runs, and nobody ever answers alice. secshr serves both.
set -euo pipefail
source "$(dirname -- "${BASH_SOURCE[0]}")/world.sh"
enter_world "$@"

create_database 0444
remember_database
other_tmp=$scratch/other-tmp
mkdir -m 1777 "$other_tmp"

# read_from USER DIR: what came of it is in client_…
read_from() { run_client "$1" gtm_tmp="$2" "$gtm/mumps" -run %XCMD 'write ^a(7),!'; }

bob_is_served() {
  read_from bob "$gtm_tmp"
  check_equal 'bob reads' 49 "$client_output"
  check_requests_served bob "$client_pid" "$flushes"
  check 'nothing of his is left behind' nothing_left_behind
}

one_server() { [[ $(server_count) == 1 ]]; }

echo 'bob has it started'
bob_is_served

for turn in first second; do
  echo "alice in another directory, the $turn time"
  read_from alice "$other_tmp"
  if [[ $against == stock ]]; then
    check 'GT.M gives up: GTMSECSHRSRVF' grep -q '^%GTM-E-GTMSECSHRSRVF' <<<"$client_output"
    check_requests_served alice "$client_pid" ''
    check 'no server socket there' test "$(server_socket_name "$other_tmp")" = none
    summarise 'alice reads' "$(grep -oE '^%GTM-E-[A-Z]+' <<<"$client_output" | sort -u | paste -sd ' ')"
  else
    check_equal 'alice reads' 49 "$client_output"
    check_requests_served alice "$client_pid" "$flushes"
    check_equal 'a server socket of the same name' "$(server_socket_name)" "$(server_socket_name "$other_tmp")"
    check 'nothing of hers is left behind' nothing_left_behind "$other_tmp"
    summarise 'alice reads' "$client_output"
  fi
  printf '          %s ms\n' "$client_ms"

  echo 'bob goes on being served'
  bob_is_served
  # One that was relieved may still be about to end.
  check 'one server' wait_until 8 one_server
done

check 'the file is byte for byte what it was' database_unchanged
finish
