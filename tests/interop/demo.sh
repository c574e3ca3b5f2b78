#!/usr/bin/env bash
# The main job on real input: four GT.M programs of one user open a database of another user that they may only read,
# and somebody must write the IPC ids into its header and take them out again. Shows what was asked, by whom, and what
# came of it, and that nothing else changed.
set -euo pipefail
source "$(dirname -- "${BASH_SOURCE[0]}")/world.sh"
enter_world "$@"

headline() { printf '\n== %s\n' "$1"; }

headline 'The installation'
printf '%s\n' "$(as_user alice "$gtm/mumps" -run %XCMD 'write $zversion,!' </dev/null), a root-owned copy in $gtm"
if [[ $against == secshr ]]; then
  cat "$scratch/out/adopt"
  check 'the wrapper in it is ours' cmp /usr/libexec/secshr/gtmsecshr "$gtm/gtmsecshr"
  check 'the original is kept' cmp "$installed_gtm/gtmsecshr" "$gtm/gtmsecshr.secshr-original"
fi

headline 'The database: made by alice, then for reading only'
create_database 0444
remember_database
ls -l "$database"
printf 'header bytes 512-535: %s (semid shmid and their times: %s)\n' "$(ids "$database")" "$(ids_as_numbers "$database")"

headline 'What bob does with it'
printf '%-34s %7s %6s %8s  %s\n' program pid exit ms 'what it printed'
client_rows=()

# bob_runs SHOWN PATTERN COMMAND…: succeeds when COMMAND does and prints a line that matches PATTERN.
bob_runs() {
  local shown=$1 pattern=$2 said
  shift 2
  run_client bob "$@"
  said=$(grep -m 1 -E "$pattern" <<<"$client_output" || :)
  printf '%-34s %7s %6s %8s  %s\n' "$shown" "$client_pid" "$client_status" "$client_ms" "$said"
  [[ -n $said ]] || printf '%s\n' "$client_output"
  client_rows+=("$shown|$client_pid|$client_status|$said")
}
bob_runs "mumps -run %XCMD 'zwrite ^a'" '^\^a\(100\)=10000$' "$gtm/mumps" -run %XCMD 'zwrite ^a' </dev/null
bob_runs 'dse' '^File .*/demo.dat' "$gtm/dse" <<<$'dump -fileheader\nexit'
bob_runs 'mupip integ -region DEFAULT' '^No errors' "$gtm/mupip" integ -region DEFAULT </dev/null
bob_runs 'mupip integ -file' '^No errors' "$gtm/mupip" integ -file "$database" </dev/null

headline 'What was asked of the server, by whom, and what came of it'
requests_table
headline 'The same as the server recorded it'
requests_as_recorded

headline 'What must hold'
for row in "${client_rows[@]}"; do
  IFS='|' read -r shown pid status said <<<"$row"
  check "$shown: did its work" test "$status" = 0 -a -n "$said"
  check_flushes_served "$pid" 'open close'
done
check_equal 'header bytes 512-535 are those of a closed database' "$closed_ids" "$(ids_as_numbers "$database")"
check 'header and file are byte for byte what they were' database_unchanged
check 'owner and mode are what they were' same_owner_and_mode
check 'no semaphore set, no segment, no socket file of a client is left' nothing_left_behind
check 'the database passes mupip integ' passes_integ
if [[ $against == secshr ]]; then
  check 'secshrctl status finds nothing amiss' secshrctl status
  check 'secshrctl restore puts the original back' secshrctl restore "$gtm"
  check 'it is the installed one, byte for byte' cmp "$installed_gtm/gtmsecshr" "$gtm/gtmsecshr"
fi
printf '\n'
finish
