#!/usr/bin/env bash
# A replicated database: alice's source server makes a journal pool, which is a segment, a set of five members and one
# whose key begins with 0x2c. Once it is killed and bob runs everything down, and once bob shuts it down.
set -euo pipefail
source "$(dirname -- "${BASH_SOURCE[0]}")/world.sh"
enter_world "$@"

replication=(gtm_repl_instance="$data/instance.repl" gtm_repl_instname=A)

replicate_database() {
  as_user alice "${replication[@]}" sh -eu -c '
    "$gtm_dist/mupip" set -journal="enable,on,before,file=$1.mjl" -region DEFAULT
    "$gtm_dist/mupip" set -replication=on -region DEFAULT
    "$gtm_dist/mupip" replicate -instance_create -name=A' sh "$database" </dev/null >"$scratch/out/replicate" 2>&1 ||
    { cat "$scratch/out/replicate" >&2 && return 1; }
  share_files
}

# What alice makes is for her group as well.
share_files() { chmod 0666 "$data"/*; }

source_servers() { pgrep -u alice -x mupip; }
no_source_server() { not source_servers >"$scratch/out/servers"; }

# Sets of five members are journal pools'.
has_journal_pool() { awk 'FNR > 1 && $4 == 5 { found = 1 } END { exit !found }' /proc/sysvipc/sem; }
has_instance_set() { awk 'FNR > 1 && int($1 / 16777216) == 44 { found = 1 } END { exit !found }' /proc/sysvipc/sem; }

start_source() {
  as_user alice "${replication[@]}" "$gtm/mupip" replicate -source -start -passive -instsecondary=B \
    -log="$data/source.log" -propagateprimary </dev/null >"$scratch/out/source" 2>&1 ||
    { cat "$scratch/out/source" >&2 && return 1; }
  wait_until 10 source_is_ready
  share_files
  check 'the journal pool has a set of five members' has_journal_pool
  check "and the instance's key begins with 0x2c" has_instance_set
  check_equal "alice's source server made four semaphore sets and two segments" 6 "$(ipc_objects | wc -l)"
}
source_is_ready() { has_journal_pool && [[ $(ipc_objects | wc -l) == 6 ]]; }

create_database 0666
chmod 2770 "$data"
replicate_database

echo "alice's source server is killed, and bob runs down"
start_source
kill -KILL $(source_servers)
wait_until 10 no_source_server
check_equal 'all of it is left' 6 "$(ipc_objects | wc -l)"
run_client bob "${replication[@]}" "$gtm/mupip" rundown -region '*' </dev/null
check_equal 'exit status' 0 "$client_status"
check 'bob is told that the journal pool is gone' grep -q '^%GTM-I-MUJPOOLRNDWNSUC' <<<"$client_output"
check 'and that the database is' grep -q '^%GTM-I-MUFILRNDWNSUC' <<<"$client_output"
check_requests_served 'bob, rundown' "$client_pid" "$removals $removals"
check_closed_and_sound

echo "bob shuts alice's source server down"
start_source
run_client bob "${replication[@]}" "$gtm/mupip" replicate -source -shutdown -timeout=0 </dev/null
check_equal 'exit status' 0 "$client_status"
check 'bob is told that the journal pool is gone' grep -q 'Journal pool semaphore removed' <<<"$client_output"
check_requests_served 'bob, shutdown' "$client_pid" "$removals"
check 'the source server has ended' wait_until 10 no_source_server
check_closed_and_sound
finish
