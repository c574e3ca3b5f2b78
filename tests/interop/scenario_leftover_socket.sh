#!/usr/bin/env bash
# A client finds the name of its socket taken in the sticky $gtm_tmp by sockets of others, and takes a suffix. It is
# served, and then the server removes what nobody has bound any more, so that the client has its own name again.
set -euo pipefail
source "$(dirname -- "${BASH_SOURCE[0]}")/world.sh"
enter_world "$@"

create_database 0444
remember_database

# check_served WHO: the client did its work.
check_served() {
  check_equal "$1: the client reads" 49 "$(said client)"
  check_equal "$1: exit status" 0 "${session_status[client]}"
  check_requests_served "$1" "${session_pid[client]}" "$flushes"
  check "$1: the file is byte for byte what it was" database_unchanged
}

# meet_leftovers WHO OWNER SUFFIX…: one with the plain name, and one with each suffix.
meet_leftovers() {
  local who=$1 owner=$2 suffix names
  shift 2
  echo "$who"
  prepare_client
  names=("$client_socket")
  for suffix in "$@"; do names+=("$client_socket$suffix"); done
  for suffix in "${names[@]}"; do leave_socket "$owner" "$suffix"; done
  let_client_run
  check_served "$who"
  check "$who: the leftovers are gone" wait_until 3 gone "${names[@]}"
  if [[ $against == secshr ]]; then
    check_equal "$who: a record of each" "$(printf '%s\n' "${names[@]}" | sort)" \
      "$(leftovers_removed "${session_pid[client]}")"
  fi
  check "$who: nothing is left behind" nothing_left_behind
}

meet_leftovers 'a leftover of alice, no server yet' alice
meet_leftovers 'a leftover of alice' alice
meet_leftovers 'three leftovers of alice' alice a b
meet_leftovers 'a leftover of root' root
# All names but the last one.
meet_leftovers 'twenty-six leftovers' alice {a..y}

# The client itself gives up when all twenty-seven names are taken, whoever serves.
echo 'twenty-seven leftovers'
prepare_client
leave_socket alice "$client_socket"
for suffix in {a..z}; do leave_socket alice "$client_socket$suffix"; done
let_client_run
check 'the client fails' test "${session_status[client]}" != 0
check_requests_served 'twenty-seven leftovers' "${session_pid[client]}" ''
check 'nothing of it is served, so nothing is removed' not gone "$client_socket"
rm "$gtm_tmp/$client_socket"*
check 'nothing else is left behind' nothing_left_behind

echo 'sockets that look alike: of another process, and names that no client has'
prepare_client
other=$(printf 'gtm_secshr%08X' $((session_pid[client] + 1)))
alike=("$other" "${other}a" "${client_socket}A" "${client_socket}aa" "${client_socket}0" "${client_socket}-")
leave_socket alice "$client_socket"
for name in "${alike[@]}"; do leave_socket alice "$name"; done
let_client_run
check_served 'a leftover among others'
check 'the leftover is gone' wait_until 3 gone "$client_socket"
for name in "${alike[@]}"; do check "$name is still there" test -S "$gtm_tmp/$name"; done
(cd "$gtm_tmp" && rm -- "${alike[@]}")
check 'nothing else is left behind' nothing_left_behind

echo 'a socket that alice has bound'
prepare_client
hold_socket holder alice "$client_socket"
let_client_run
check_served 'a live socket of alice'
release_socket holder
check_equal 'nothing was sent to it' 'received 0' "$(said holder | tail -n 1)"
if gone "$client_socket"; then kept=removed; else kept=kept; fi
summarise 'the live socket of alice' "$kept"
if [[ $against == secshr ]]; then
  check_equal 'the live socket is kept' kept "$kept"
  check_equal 'and no record says otherwise' '' "$(leftovers_removed "${session_pid[client]}")"
else
  printf '  differs stock gtmsecshr removes sockets that somebody has bound: here it is %s\n' "$kept"
fi
rm -f "$gtm_tmp/$client_socket"
check 'nothing else is left behind' nothing_left_behind
check 'the database passes mupip integ' passes_integ
finish
