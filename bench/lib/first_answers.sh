# shellcheck shell=bash
# How long a first answer takes where nothing runs: each time the server is ended first.

end_secshr() {
  local pid
  for pid in $(secshr_pids); do kill -KILL "$pid" 2>/dev/null || :; done
  wait_until 10 test -z "$(secshr_pids)"
}

end_stock() {
  local pid
  for pid in $(server_pids); do kill "$pid"; done
  wait_until 10 test -z "$(server_pids)"
}

# first_answer SERVER KIND CLIENTS
first_answer() {
  local wrapper=$adopted/gtmsecshr
  [[ $1 == secshr ]] || wrapper=$gtm/gtmsecshr
  "end_$1"
  run_as bob gtm_dist="${wrapper%/*}" "$programs/first_answer" "$2" --clients "$3" --directory "$gtm_tmp" \
    --server "${socket_of[$1]}" --key "$communication_key" --wrapper "$wrapper" --installation "$adopted" \
    --release "$release"
}

# first_answers WHAT COUNT SERVER KIND CLIENTS: of so many starts, what the last client has waited for.
first_answers() {
  local count=$2 index
  for ((index = 0; index < count; ++index)); do first_answer "${@:3}"; done | sed -E 's/.*max=([0-9.]+) .*/\1/' | sort -n |
    awk -v what="$1" '{ ms[NR] = $1 / 1000 }
      END { printf "%s: median %.1f ms (%.1f-%.1f) of %d\n", what, ms[int((NR + 1) / 2)], ms[1], ms[NR], NR }'
}

compare_first_answers() {
  local release='GT.M V7.0-005 Linux x86_64'
  printf '\n'
  first_answers 'first answer, libsecshr' 50 secshr library 1
  first_answers 'first answer, as stock clients ask, secshr' 5 secshr stock 1
  first_answers 'first answer, as stock clients ask, gtmsecshr' 5 stock stock 1
  first_answers 'two hundred at once, libsecshr' 7 secshr library 200
  first_answers 'two hundred at once, as stock clients ask, secshr' 3 secshr stock 200
  first_answers 'two hundred at once, as stock clients ask, gtmsecshr' 3 stock stock 200
}
