# shellcheck shell=bash
# The examples, run by users who own nothing of each other's: alice and bob, with the store's group as their own, and
# carol, who has nothing in common with them.

distribution=$scratch/kvstore
tmp=$scratch/tmp        # sticky, like /tmp
store=$scratch/store/store
audit_log=/var/log/secshr/kvstore/gtm_secshr_log

adopt_examples() {
  write_accounts
  mkdir -m 1777 "$tmp"
  mkdir "${store%/*}"
  chown alice:ledger "${store%/*}"
  chmod 2770 "${store%/*}"
  mkdir "$distribution"
  install -m 0755 "$built/cmake/kvstore" "$built"/remove_set* "$distribution"
  # Each request has its line in the log.
  sed -i 's/^#\[log\]$/[log]/; s/^#routine = "summary"$/routine = "lines"/' /etc/secshr/secshr.toml
  secshrctl adopt "$distribution" --profile generic --release 'kvstore 1' --name kvstore >"$scratch/out/adopt"
}

# as USER COMMAND…: in place of the shell that calls it, so that its pid is the command's.
as() {
  local user=$1 group=ledger
  shift
  [[ $user != carol ]] || group=carol
  exec setpriv --reuid "$user" --regid "$group" --clear-groups --inh-caps=-all env -i PATH=/usr/bin:/bin LC_ALL=C \
    secshr_dist="$distribution" secshr_tmp="$tmp" "$@"
}

# kv USER ARGUMENTS…: of the store that is in use.
kv() {
  local user=$1
  shift
  (as "$user" "$distribution/kvstore" "$store" "$@")
}

# check_matches WHAT PART TEXT
check_matches() {
  check "$1" grep -qF -- "$2" <<<"$3"
  [[ $3 == *"$2"* ]] || printf '          it said: %s\n' "$3"
}

# made_by USER MODE: a new semaphore set's id.
made_by() { (as "$1" ipcmk -S 1 -p "$2") | sed 's/.*: //'; }

remaining_sets() { tail -n +2 /proc/sysvipc/sem | wc -l; }
remaining_segments() { tail -n +2 /proc/sysvipc/shm | wc -l; }
# The server's own stays, so that nobody else takes its name.
remaining_sockets() { find "$tmp" -type s ! -name 'secshr2E??????' | wc -l; }
requests_done() { grep -c "req=$1 .*verdict=done" "$audit_log" || :; }

nothing_remains() {
  check_equal "$1: no set, no segment, no socket" '0 0 0' \
    "$(remaining_sets) $(remaining_segments) $(remaining_sockets)"
}

run_remove_set() {
  local program set
  echo 'remove_set'
  for program in remove_set remove_set_with_archive remove_set_static; do
    set=$(made_by alice 0666)
    check_equal "$program: a user removes another user's set" "set $set is gone" \
      "$( (as carol "$distribution/$program" 'kvstore 1' set "$set") 2>&1)"
    set=$(made_by alice 0600)
    check_matches "$program: not one that it may not use, and it says by which rule" \
      'refused by the rule sem.alter:' "$( (as carol "$distribution/$program" 'kvstore 1' set "$set") 2>&1 || :)"
    (as alice "$distribution/$program" 'kvstore 1' set "$set") >"$scratch/out/own"
  done
  nothing_remains 'afterwards'
}

run_kvstore() {
  local wakes sets segments waiting
  echo 'kvstore'
  kv alice put colour green
  check_equal 'what one user puts another one gets' green "$(kv bob get colour)"
  check 'nobody outside of the group' not kv carol get colour 2>"$scratch/out/carol"
  nothing_remains 'when all have left'
  # alice makes set and segment, and bob is the last to leave, who may not remove them himself.
  wakes=$(requests_done wake) sets=$(requests_done remove-semaphore-set) segments=$(requests_done remove-segment)
  kv alice wait first 20 >"$scratch/out/first" 2>"$scratch/out/first.err" &
  waiting=$!
  await_waiting 1
  kv bob wait second 20 >"$scratch/out/second" 2>"$scratch/out/second.err" &
  await_waiting 2
  kv bob put first 1
  wait "$waiting" || :
  # By himself: were she in again, she might be the last.
  kv bob put second 2
  wait
  check_equal 'each is told what it waits for' '1 2' "$(paste -d ' ' "$scratch/out/first" "$scratch/out/second")"
  check 'woken by the other user' test "$(requests_done wake)" -gt "$wakes"
  nothing_remains 'when one who made neither was the last'
  check 'he had the set removed' test "$(requests_done remove-semaphore-set)" -gt "$sets"
  check 'and the segment' test "$(requests_done remove-segment)" -gt "$segments"
}

# await_waiting COUNT: until so many processes hold a place of those who wait, and so will be woken.
await_waiting() {
  wait_until 10 has_waiting "$1" || { echo 'nobody waits' >&2 && return 1; }
}

has_waiting() {
  local set
  set=$(awk 'NR == 2 { print $2 }' /proc/sysvipc/sem)
  [[ -n $set ]] && (($(ipcs -s -i "$set" | awk '$1 > 0 && $2 == 1' | wc -l) == $1))
}
