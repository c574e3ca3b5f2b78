#!/usr/bin/env bash
# While a reader has a read-only database open, the header holds exactly the ids and creation times of the reader's own
# semaphore set and segment, and not one other byte of the file differs. Seen through the reader's own eyes, from a
# shell that it starts, so that there is nothing to wait for.
set -euo pipefail
source "$(dirname -- "${BASH_SOURCE[0]}")/world.sh"
enter_world "$@"

create_database 0444
remember_database
home=$scratch/home/bob

look="cp $database $home/open.dat; cat /proc/sysvipc/sem >$home/sem; cat /proc/sysvipc/shm >$home/shm"
run_client bob "$gtm/mumps" -run %XCMD "write ^a(3),! zsystem \"$look\""
check_equal 'the reader reads' 9 "$client_output"
check_equal 'exit status' 0 "$client_status"
check_requests_served bob "$client_pid" "$flushes"

bob=$(id -u bob)
# The database's own set has key 0, the other one (ftok) does not.
semaphores=$(awk -v bob="$bob" 'NR > 1 && $1 == 0 && $5 == bob { print $2, $10 }' "$home/sem")
segments=$(awk -v bob="$bob" 'NR > 1 && $1 == 0 && $8 == bob { print $2, $14 }' "$home/shm")
check_equal 'one semaphore set of bob' 1 "$(wc -l <<<"$semaphores")"
check_equal 'one segment of bob' 1 "$(wc -l <<<"$segments")"
read -r semid sem_ctime <<<"$semaphores"
read -r shmid shm_ctime <<<"$segments"
check_equal 'the header names them' "$semid $shmid $sem_ctime $shm_ctime" "$(ids_as_numbers "$home/open.dat")"
check 'and so it is open' test "$closed_ids" != "$(ids_as_numbers "$home/open.dat")"

dd if="$scratch/out/before" of="$home/open.dat" bs=1 skip="$ids_offset" seek="$ids_offset" count="$ids_length" \
  conv=notrunc status=none
check 'no other byte of the open file differs' cmp "$scratch/out/before" "$home/open.dat"
check_equal 'closed ids afterwards' "$closed_ids" "$(ids_as_numbers "$database")"
check 'the file is byte for byte what it was' database_unchanged
check 'nothing is left behind' nothing_left_behind
finish
