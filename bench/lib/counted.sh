# shellcheck shell=bash
# What is counted, and so is the same on every machine: the system calls of all of secshr's processes together, for one
# request.

are_traced() {
  local pid
  for pid in "$@"; do [[ $(awk '$1 == "TracerPid:" { print $2 }' "/proc/$pid/status") != 0 ]] || return 1; done
}

# calls KIND TIMES: while one client asks so often.
calls() {
  local pids pid options=() tracer
  mapfile -t pids < <(secshr_pids)
  for pid in "${pids[@]}"; do options+=(-p "$pid"); done
  strace -f -c -U calls,name -o "$scratch/out/calls" "${options[@]}" 2>/dev/null &
  tracer=$!
  wait_until 10 are_traced "${pids[@]}"
  load secshr "$1" 1 --times "$2" >"$scratch/out/load"
  kill -INT "$tracer"
  wait "$tracer" || :
  awk '$2 == "total" { print $1 }' "$scratch/out/calls"
}

# What begins and ends with the client is in both, and in neither's difference.
calls_of_one() {
  local few=20 many=120 first second
  second=$(calls "$1" "$many")
  first=$(calls "$1" "$few")
  awk -v calls=$((second - first)) -v requests=$((many - few)) 'BEGIN { printf "%.1f\n", calls / requests }'
}

# is_at_most COUNTED EXPECTED
is_at_most() { awk -v counted="$1" -v expected="$2" 'BEGIN { exit !(counted > 0 && counted <= expected) }'; }

# check_counted: fails where there are more than bench/counted.txt has. On a machine that is busy with something else
# what is known of a client may have become too old meanwhile: so the best of three counts.
check_counted() {
  local kind expected counted attempt failed=0
  socket_of[secshr]=$(new_socket start_secshr)
  printf '%-16s %14s %14s\n' work 'system calls' 'at most'
  while read -r kind expected; do
    for attempt in 1 2 3; do
      load secshr "$kind" 1 --times 20 >"$scratch/out/load"
      counted=$(calls_of_one "$kind")
      if is_at_most "$counted" "$expected"; then break; fi
    done
    printf '%-16s %14s %14s\n' "$kind" "$counted" "$expected"
    is_at_most "$counted" "$expected" || { echo "FAILED: $kind, in each of $attempt attempts" && failed=1; }
  done <"$here/counted.txt"
  return "$failed"
}
