# shellcheck shell=bash
# Processes of the store that are killed wherever they are: what they said is there, and what they left goes.

rounds=60  # of each user

# What a user's processes were told is in USER.told, a line in USER.killed is one that was killed, one in USER.failed
# one that ended otherwise than it should.
add_and_be_killed() {
  local user=$1 round pid status
  RANDOM=$2
  for ((round = 0; round < rounds; ++round)); do
    (as "$user" "$distribution/kvstore" "$store" add total $((RANDOM % 1000 + 1))) >>"$scratch/out/$user.told" &
    pid=$!
    sleep "0.$(printf '%03d' $((RANDOM % 16 + 2)))"
    kill -KILL "$pid" || :  # it may be done
    status=0
    wait "$pid" || status=$?
    note "$user" "$status"
  done
} 2>>"$scratch/out/$1.err"

note() {
  case $2 in
    0) ;;
    137) echo "$2" >>"$scratch/out/$1.killed" ;;
    *) echo "$2" >>"$scratch/out/$1.failed" ;;
  esac
}

# Each number was told once: no change went into another.
nothing_is_lost() {
  local told total killed
  told=$(cat "$scratch"/out/*.told)
  killed=$(cat "$scratch"/out/*.killed | wc -l)
  total=$(kv alice get total)
  check_equal "$1, $killed of them killed: all others succeeded" '' "$(cat "$scratch"/out/*.failed)"
  check_equal 'no number was told twice' '' "$(sort <<<"$told" | uniq -d)"
  check "the last that was told ($(sort -n <<<"$told" | tail -n 1)) is in the store ($total)" \
    test "$(sort -n <<<"$told" | tail -n 1)" -le "$total"
  check "which has no more beyond the $(wc -l <<<"$told") that were told than one of each that was killed" \
    test "$total" -le $(($(wc -l <<<"$told") + killed))
  nothing_remains 'afterwards'
}

another_store() {
  store=$scratch/store/$1
  rm -f "$scratch"/out/*.{told,killed,failed,err}
  : | tee "$scratch"/out/{alice,bob}.{told,killed,failed}
}

kill_stores_at_random() {
  local seed=$RANDOM
  printf 'kvstore, killed at random (seed %d)\n' "$seed"
  another_store random
  add_and_be_killed alice "$seed" &
  add_and_be_killed bob $((seed + 1)) &
  wait
  check 'processes of both users were killed' test -s "$scratch/out/alice.killed" -a -s "$scratch/out/bob.killed"
  nothing_is_lost "$((2 * rounds)) processes"
}

# killed_at USER CALL NUMBER: that user's process, killed as it enters this call for that time, if it does.
killed_at() {
  local status=0
  (as "$1" strace -qqq -o /dev/null -e "trace=$2" -e "inject=$2:signal=KILL:when=$3" \
    "$distribution/kvstore" "$store" add total 1) >>"$scratch/out/$1.told" || status=$?
  note "$1" "$status"
  return "$status"
} 2>>"$scratch/out/$1.err"

# One that has been killed is gone when this returns.
kill_server() {
  local entry
  for entry in /proc/[0-9]*; do
    [[ $(readlink "$entry/exe") != /usr/libexec/secshr/secshrd ]] || kill -KILL "${entry#/proc/}" || :
  done
  wait_until 10 not pidof /usr/libexec/secshr/secshrd
} >/dev/null 2>&1

# What alice does to find and remove what bob left when he was killed, to add, and to leave: each of her calls. One that
# she does more often with each number that the file has is tried some times only.
kill_store_at_each_call() {
  local call number most
  printf 'kvstore, killed at each system call\n'
  another_store calls
  for call in flock shmget semget shmctl semctl semtimedop shmat pread64 pwrite64 fdatasync write shmdt \
    socket bind sendto poll recvmsg connect unlink close clone3 waitid; do
    [[ $call == pread64 ]] && most=3 || most=50
    for ((number = 1; number <= most; ++number)); do
      [[ $call != clone* && $call != waitid ]] || kill_server  # so that she runs the wrapper
      killed_at bob shmdt 1 && note bob 'was not killed'
      # Not killed: she does it less often.
      killed_at alice "$call" "$number" && break
      kv bob add total 1 >>"$scratch/out/bob.told" 2>>"$scratch/out/bob.err" || note bob 'not served'
    done
    check "$call: $((number - 1)) times" test "$number" -gt 1 -a "$number" -lt 50
  done
  nothing_is_lost "the processes"
}
