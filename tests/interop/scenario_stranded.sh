#!/usr/bin/env bash
# secshrctl stranded, on what GT.M leaves behind: a killed process's database is listed with the command that is safe,
# that command is run by its owner, and nothing is listed any more. Nothing is listed while anybody lives who uses it.
set -euo pipefail
source "$(dirname -- "${BASH_SOURCE[0]}")/world.sh"
enter_world "$@"

create_database 0666
chmod 2770 "$data"

# stranded ARGUMENT…: what it says, and in stranded_status how it ends.
stranded() {
  stranded_status=0
  stranded_output=$("$secshrctl" stranded "$@") || stranded_status=$?
}

nothing_is_stranded() {
  stranded --in "$data"
  [[ $stranded_status == 0 && $stranded_output == 'Nothing is stranded.' ]] || { echo "$stranded_output" && return 1; }
}

ipc_before() { cat /proc/sysvipc/shm /proc/sysvipc/sem; }

check 'nothing is stranded' nothing_is_stranded
open_database user alice
check 'nothing is stranded while alice has it open' nothing_is_stranded
open_database other bob
close_database user
check 'nor when she has left, and bob has not' nothing_is_stranded
close_database other
check 'nor when all have left' nothing_is_stranded

echo "alice's process is killed"
leave_unclean 1001
before=$(ipc_before)
stranded
check_equal 'without a hint it is a finding' 1 "$stranded_status"
check 'of no database' grep -q '^Of no database that was looked at$' <<<"$stranded_output"
check 'that is recognised as a database by its key' grep -q 'it has the key of a database file' <<<"$stranded_output"
check 'and nothing is said to run' not grep -qE 'mupip|ipcrm' <<<"$stranded_output"
stranded --in "$data"
check_equal 'with its directory, too' 1 "$stranded_status"
check 'the database is named' grep -qx "$database" <<<"$stranded_output"
check_equal 'with a segment and two sets' 3 "$(grep -cE '^  (segment|semaphore set) ' <<<"$stranded_output")"
check 'and all of it is the database' not grep -q 'Of no database' <<<"$stranded_output"
check 'as its owner' grep -q '^ *as alice, ' <<<"$stranded_output"
check_equal 'nothing was touched' "$before" "$(ipc_before)"

command=$(sed -n 's/^  run *//p' <<<"$stranded_output")
check_equal 'the command' "mupip rundown -file $database" "$command"
run_client alice sh -c "\$gtm_dist/$command" </dev/null
check_equal 'the command works' 0 "$client_status"
check 'and says so' grep -q '^%GTM-I-MUFILRNDWNSUC' <<<"$client_output"
check 'nothing is stranded any more' nothing_is_stranded
check_closed_and_sound
run_client alice "$gtm/mumps" -run %XCMD 'write ^a(1),!'
check_equal 'the last update is kept' 1001 "$client_output"

echo 'two processes, one of which is killed'
open_database survivor bob
leave_unclean 1002
check 'nothing is stranded while bob has it open' nothing_is_stranded
close_database survivor
finish
