#!/usr/bin/env bash
# What bob may not have by his own permissions, asked for in so many datagrams: stock gtmsecshr does nearly all of it,
# secshr none. And what is refused, or an error, by either.
set -euo pipefail
source "$(dirname -- "${BASH_SOURCE[0]}")/world.sh"
enter_world "$@"

create_database 0644
start_server bob
check 'a server runs' wait_until 3 has_server_socket

# asked WHAT STOCK SECSHR REPLY: what each of them answers.
asked() {
  local expected=$2
  [[ $against == stock ]] || expected=$3
  check_equal "$1: $expected" "$expected" "$4"
  summarise "$1" "$4"
}

# still WHAT COMMAND…: it is there as before, if secshr serves.
still() {
  if "${@:2}"; then summarise "$1" 'still there'; else summarise "$1" 'gone'; fi
  [[ $against == stock ]] || check "$1 is still there" "${@:2}"
}

semaphore_set_exists() { awk -v id="$1" 'FNR > 1 && $2 == id { found = 1 } END { exit !found }' /proc/sysvipc/sem; }
segment_exists() { awk -v id="$1" 'FNR > 1 && $2 == id { found = 1 } END { exit !found }' /proc/sysvipc/shm; }
process_exists() { [[ -d /proc/$1 ]]; }

echo 'private objects of alice, of no database'
semid=$(as_user alice perl -e 'print semget(0, 1, 01600)')
asked "alice's private semaphore set" 'reply 0' 'reply 1' "$(ask 2 "$semid")"
still "alice's private semaphore set" semaphore_set_exists "$semid"
shmid=$(as_user alice perl -e 'print shmget(0, 4096, 01600)')
asked "alice's private segment" 'reply 0' 'reply 1' "$(ask 3 "$shmid")"
still "alice's private segment" segment_exists "$shmid"
shmid=$(as_user alice perl -e 'print shmget(0, 4096, 01644)')
asked 'a segment that bob may only read' 'reply 0' 'reply 1' "$(ask 3 "$shmid")"
still 'a segment that bob may only read' segment_exists "$shmid"

echo "a process that is none of GT.M's"
start_session sleeper alice sleep 50
asked 'continue it' 'reply 0' 'reply 1' "$(ask 5 "${session_pid[sleeper]}")"
asked 'wake it' 'no reply' 'reply 1' "$(ask 1 "${session_pid[sleeper]}")"
sleep 0.1
still 'the process' process_exists "${session_pid[sleeper]}"

echo 'a segment in use'
before=$(ipc_objects)
open_database alice alice
open_database bob bob
shmid=$(ids_as_numbers "$database" | cut -d ' ' -f 2)
asked 'a segment with two attaches' 'reply 16' 'reply 16' "$(ask 3 "$shmid")"
check 'it is still there' segment_exists "$shmid"
close_database bob
asked 'a segment with one attach' 'reply 0' 'reply 16' "$(ask 3 "$shmid")"
# Stock gtmsecshr marks it for removal, and alice's process cannot leave in order.
close_database alice
summarise "alice, who was attached, leaves with status" "${session_status[alice]}"
if [[ $against == secshr ]]; then
  check_equal 'alice, who was attached, leaves in order' 0 "${session_status[alice]}"
  check_equal 'and no object of the database is left' "$before" "$(ipc_objects)"
fi

echo 'what is not there'
asked 'a semaphore set that does not exist' 'reply 22' 'reply 22' "$(ask 2 99999)"
asked 'a segment that does not exist' 'reply 22' 'reply 22' "$(ask 3 99999)"
asked 'a process that does not exist' 'reply 0' 'reply 0' "$(ask 5 99999)"
asked 'flush a file that does not exist' 'reply 2' 'reply 2' "$(ask_flush -1 -1 0 0 "$data/nothing")"

echo 'files that are no databases'
: >"$scratch/home/alice/file"
chown alice: "$scratch/home/alice/file"
asked 'remove a file of alice' 'no reply' 'reply 1' "$(ask_file "$scratch/home/alice/file")"
still 'the file of alice' test -e "$scratch/home/alice/file"
asked 'flush a directory' 'reply 21' 'reply 1' "$(ask_flush -1 -1 0 0 "$data")"
asked 'flush a file that is no database' 'reply 150372554' 'reply 1' "$(ask_flush -1 -1 0 0 /etc/passwd)"

echo 'requests that nobody knows'
asked 'a request of another release' 'reply 32769' 'reply 32769' "$(ask_with "$foreign_key" 2 'l<' 1)"
asked 'request 7' 'no reply' 'reply 32768' "$(ask 7 1)"

summarise_syslog W
check 'the server is still there' test -n "$(server_pid)"
finish
