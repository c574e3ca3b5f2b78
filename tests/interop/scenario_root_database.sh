#!/usr/bin/env bash
# A database that root owns, for all or for its group, opened by root first and left by bob last: the semaphore sets and
# the segment are root's alone. Stock gtmsecshr removes them. secshr closes the header for bob, who holds the set, and removes nothing that is
# root's alone, unless configured: bob is told so, everybody works on, and one set and one segment stay until root
# removes them.
set -euo pipefail
source "$(dirname -- "${BASH_SOURCE[0]}")/world.sh"
enter_world "$@"

create_database 0666
chmod 2770 "$data"
chown root "$database"

# What bob needs: where he may write, he closes the header himself.
flush_of() { if [[ $1 == 0666 ]]; then echo ''; else echo 'flush-header-close '; fi; }

roots_objects() { ipc_objects | sed -nE 's/^(semaphore set|segment) [0-9]+ (of uid 0)$/\1 \2/p'; }

# leave MODE STATUS REQUESTS REFUSED: root opens, bob leaves last.
leave() {
  chmod "$1" "$database"
  last_out root bob
  summarise "bob leaves a file of mode $1 with status" "${session_status[bob]}"
  check_equal 'root leaves first' 0 "${session_status[root]}"
  check_equal 'bob leaves last' "$2" "${session_status[bob]}"
  check_requests_served "bob, mode $1" "${session_pid[bob]}" "$3" "$4"
  check_equal 'the header has the ids of a closed database' "$closed_ids" "$(ids_as_numbers "$database")"
  run_client bob "$gtm/mumps" -run %XCMD 'write ^a(1),!'
  check_equal 'bob reads it again' '0 1' "$client_status $client_output"
  run_client root "$gtm/mumps" -run %XCMD 'write ^a(1),!' </dev/null
  check_equal 'and so does root' '0 1' "$client_status $client_output"
}

# What secshr leaves, as an administrator gets rid of it.
remove_what_was_left() {
  check_equal "a set and a segment of root's are left" $'semaphore set of uid 0\nsegment of uid 0' "$(roots_objects)"
  local kind option id
  while read -r kind id; do
    option=-s
    if [[ $kind == segment ]]; then option=-m; fi
    ipcrm "$option" "$id"
  done < <(ipc_objects | sed -E 's/^semaphore set/set/; s/ of uid.*//')
}

echo 'as delivered'
for mode in 0666 0644 0444 0640; do
  echo "mode $mode"
  if [[ $against == stock ]]; then
    leave "$mode" 0 "$(flush_of "$mode")$removals" ''
  else
    flush=$(flush_of "$mode")
    leave "$mode" 114 "${flush% }" 'remove-segment:ipc.root'
    remove_what_was_left
  fi
  check_closed_and_sound
done

echo 'where allow_root_objects says that it may'
if [[ $against == secshr ]]; then
  sed -i 's/^#allow_root_objects = false/allow_root_objects = true/' /etc/secshr/secshr.toml
  check 'it is configured' grep -qx 'allow_root_objects = true' /etc/secshr/secshr.toml
  server=$(server_pid)
  check 'a server runs' test -n "$server"
  [[ -z $server ]] || kill -KILL "$server"
fi
for mode in 0666 0644 0444 0640; do
  echo "mode $mode"
  leave "$mode" 0 "$(flush_of "$mode")$removals" ''
  check_closed_and_sound
done
finish
