#!/usr/bin/env bash
# A process of root opens the database first: its semaphore set and its segment then have the owner of the file as owner
# and root as creator, and the other set (ftok) is root's alone. bob leaves last. Stock gtmsecshr removes all three;
# secshr removes nothing that is root's alone, unless configured, and says so. The set that stays harms nobody, and goes
# when root is the last one out.
set -euo pipefail
source "$(dirname -- "${BASH_SOURCE[0]}")/world.sh"
enter_world "$@"

create_database 0666
chmod 2770 "$data"

one_set_of_root_is_left() { [[ $(ipc_objects) == 'semaphore set '*' of uid 0' ]]; }

echo 'as delivered'
if [[ $against == stock ]]; then
  check_last_out root bob "$removals"
else
  check_last_out root bob 'remove-segment remove-semaphore-set' 'remove-semaphore-set:ipc.root'
  check_equal 'the header has the ids of a closed database' "$closed_ids" "$(ids_as_numbers "$database")"
  check "one set of root's is left, and nothing else" one_set_of_root_is_left
  run_client alice "$gtm/mumps" -run %XCMD 'set ^a(1)=5 write ^a(1),!'
  check_equal 'others work as before' '0 5' "$client_status $client_output"
  run_client root "$gtm/mumps" -run %XCMD 'write ^a(1),!' </dev/null
  check_equal 'root reads, and takes the set away' 5 "$client_output"
fi
check_closed_and_sound

echo 'where allow_root_objects says that it may'
if [[ $against == secshr ]]; then
  sed -i 's/^#allow_root_objects = false/allow_root_objects = true/' /etc/secshr/secshr.toml
  check 'it is configured' grep -qx 'allow_root_objects = true' /etc/secshr/secshr.toml
  server=$(server_pid)
  check 'a server runs' test -n "$server"
  [[ -z $server ]] || kill -KILL "$server"
fi
check_last_out root bob "$removals"
check_closed_and_sound
finish
