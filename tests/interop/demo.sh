#!/usr/bin/env bash
# The main job on real input: GT.M programs of two users who share a database. Whatever one of them needs done to what
# the other owns is asked of the server. Shows what was asked, by whom, and what came of it, and that nothing else
# changed and nothing is left behind.
#   demo.sh [--against secshr|stock] [--build DIR] [--crit]
#     --crit   also the critical section, which takes GT.M a quarter of a minute to ask for
set -euo pipefail
arguments=()
for argument; do
  if [[ $argument == --crit ]]; then export SECSHR_DEMO_CRIT=1; else arguments+=("$argument"); fi
done
source "$(dirname -- "${BASH_SOURCE[0]}")/world.sh"
enter_world "${arguments[@]}"

headline() { printf '\n== %s\n' "$1"; }

table_head() { printf '%-34s %7s %6s %8s  %s\n' program pid exit ms 'what it printed'; }

# show_client SHOWN PATTERN REQUESTS: the row of what run_client has just run. Its work is done when it exits with 0 and
# has printed a line that matches PATTERN. Checked later, so that the table stays one.
client_rows=()
show_client() {
  local said
  said=$(grep -m 1 -E "$2" <<<"$client_output" || :)
  printf '%-34s %7s %6s %8s  %s\n' "$1" "$client_pid" "$client_status" "$client_ms" "$said"
  [[ -n $said ]] || printf '%s\n' "$client_output"
  client_rows+=("$1|$client_pid|$client_status|$said|$3")
}

# bob_runs SHOWN PATTERN COMMAND…: with the two flushes that every reader needs.
bob_runs() {
  run_client bob "${@:3}"
  show_client "$1" "$2" "$flushes"
}

check_clients() {
  local row shown pid status said requests
  for row in "${client_rows[@]}"; do
    IFS='|' read -r shown pid status said requests <<<"$row"
    check "$shown: did its work" test "$status" = 0 -a -n "$said"
    check_requests_served "$shown" "$pid" "$requests"
  done
  client_rows=()
}

headline 'The installation'
printf '%s\n' "$(as_user alice "$gtm/mumps" -run %XCMD 'write $zversion,!' </dev/null), a root-owned copy in $gtm"
if [[ $against == secshr ]]; then
  cat "$scratch/out/adopt"
  check 'the wrapper in it is ours' cmp /usr/libexec/secshr/gtmsecshr "$gtm/gtmsecshr"
  check 'the original is kept' cmp "$installed_gtm/gtmsecshr" "$gtm/gtmsecshr.secshr-original"
fi

headline 'A database that alice made, for reading only (0444): what bob does with it'
create_database 0444
remember_database
ls -l "$database"
printf 'header bytes 512-535: %s (semid shmid and their times: %s)\n' "$(ids "$database")" "$(ids_as_numbers "$database")"
table_head
bob_runs "mumps -run %XCMD 'zwrite ^a'" '^\^a\(100\)=10000$' "$gtm/mumps" -run %XCMD 'zwrite ^a' </dev/null
bob_runs 'dse' '^File .*/demo.dat' "$gtm/dse" <<<$'dump -fileheader\nexit'
bob_runs 'mupip integ -region DEFAULT' '^No errors' "$gtm/mupip" integ -region DEFAULT </dev/null
bob_runs 'mupip integ -file' '^No errors' "$gtm/mupip" integ -file "$database" </dev/null
check_clients
check 'header and file are byte for byte what they were' database_unchanged
check 'owner and mode are what they were' same_owner_and_mode
check_closed_and_sound

headline 'bob finds the name of his socket taken by leftovers of alice, which the sticky directory keeps for her'
prepare_client
leave_socket alice "$client_socket"
leave_socket alice "${client_socket}a"
find "$gtm_tmp" -type s -printf '  %f of %u\n' | sort
let_client_run
check_equal 'he reads all the same' '49 0' "$(said client) ${session_status[client]}"
check_requests_served 'bob, past the leftovers' "${session_pid[client]}" "$flushes"
check 'the leftovers are gone' wait_until 3 gone "$client_socket" "${client_socket}a"
check_closed_and_sound

headline 'bob may only read (0644): alice opens first and makes the objects, bob is the last one out'
chmod 0644 "$database"
check_last_out alice bob "flush-header-close $removals"
check_closed_and_sound

headline 'Both may write (0666): the same'
chmod 0666 "$database"
chmod 2770 "$data"
check_last_out alice bob "$removals"
check_closed_and_sound

headline "alice's process is killed while it has the database open: bob cleans up, in three ways"
value=1000
for how in region file open; do
  value=$((value + 1))
  leave_unclean "$value"
  left=$(ipc_objects)
  printf 'left by the killed process %s: %s\n' "${session_pid[killed]}" "${left//$'\n'/, }"
  clean_up "$how"
  case $how in
    region | file) shown="mupip rundown -$how" ;;
    open) shown="mumps -run %XCMD 'write ^a(1)'" ;;
  esac
  table_head
  show_client "$shown" "$(clean_up_says "$how" "$value")" "$removals"
  check_clients
  check_closed_and_sound
done
run_client alice "$gtm/mumps" -run %XCMD 'write ^a(1),!'
check_equal 'what the killed process had set is kept' "$value" "$client_output"

if [[ -n ${SECSHR_DEMO_CRIT:-} ]]; then
  headline "alice's dse holds the critical section and is stopped; bob waits to update (a quarter of a minute)"
  check_critical_section
  check_closed_and_sound
fi

headline 'What was asked of the server, by whom, and what came of it'
requests_table
headline 'The same as the server recorded it'
requests_as_recorded
if [[ $against == secshr ]]; then
  headline 'What monitoring finds in syslog'
  grep -F 'GTM-SECSHR[' "$syslog" || :
fi

# Warnings are about the machine that the demo runs on.
finds_no_error() {
  secshrctl doctor || (($? == 1)) || return
  not grep -q '^error' <(secshrctl doctor || :)
}

headline 'In the end'
check_equal 'the file belongs to whom it did' "$(stat -c '%u %g' "$scratch/out/before")" \
  "$(stat -c '%u %g' "$database")"
check_closed_and_sound
if [[ $against == secshr ]]; then
  headline 'What an administrator sees'
  check 'secshrctl status finds nothing amiss' secshrctl status
  check 'secshrctl audit sums up who asked what' secshrctl audit --summary
  check 'secshrctl doctor looks at everything, and finds no error' finds_no_error
  secshrctl metrics >"$scratch/out/metrics"
  check 'secshrctl metrics has the counters' grep -q '^secshr_requests_total{.*outcome="done"} [1-9]' "$scratch/out/metrics"
  check 'secshrctl key knows the server'\''s name' grep -qF "$(secshrctl status --json | sed -n 's/.*"server_socket": "\(.*\)".*/\1/p')" <(secshrctl key "$gtm")
  check 'secshrctl stranded has no database of alice'\''s' secshrctl stranded --in "${database%/*}"
  check 'secshrctl reap has nothing to remove' secshrctl reap
  check 'secshrctl restore puts the original back' secshrctl restore "$gtm"
  check 'it is the installed one, byte for byte' cmp "$installed_gtm/gtmsecshr" "$gtm/gtmsecshr"
fi
printf '\n'
finish
