# shellcheck shell=bash
# Rounds of a measurement, and their table.

# summary: lines `ROUND SERVER rate=… p50=… p99=… …` become one row of the table: the medians, and of each round's
# ratio the median, lowest and highest.
summary() {
  awk -v what="$1" '
    function value(key,   i) {
      for (i = 3; i <= NF; i++) if (index($i, key "=") == 1) return substr($i, length(key) + 2)
    }
    function sorted(list, count,   i, j, swap) {
      for (i = 2; i <= count; i++) for (j = i; j > 1 && list[j - 1] > list[j]; j--) {
        swap = list[j]; list[j] = list[j - 1]; list[j - 1] = swap
      }
    }
    function median(list, count) { sorted(list, count); return list[int((count + 1) / 2)] }
    function spread(key, against,   i, count, list) {
      count = 0
      for (i = 1; i <= rounds; i++) if (got[i, against, key] > 0) list[++count] = got[i, "secshr", key] / got[i, against, key]
      if (count == 0) return "-"
      middle = median(list, count)
      return sprintf("%.2f (%.2f-%.2f)", middle, list[1], list[count])
    }
    function middle_of(server, key,   i, list) {
      for (i = 1; i <= rounds; i++) list[i] = got[i, server, key] + 0
      return median(list, rounds)
    }
    {
      if ($1 > rounds) rounds = $1
      got[$1, $2, "rate"] = value("rate"); got[$1, $2, "p99"] = value("p99"); got[$1, $2, "p50"] = value("p50")
    }
    END {
      printf "| %s | %.0f | %.0f | %.0f | %s | %s | %s | %s |\n", what, middle_of("floor", "rate"),
        middle_of("stock", "rate"), middle_of("secshr", "rate"), spread("rate", "floor"), spread("rate", "stock"),
        spread("p99", "floor"), spread("p99", "stock")
    }'
}

heading_shown=''
show_heading() {
  [[ -z $heading_shown ]] || return 0
  heading_shown=1
  echo '| work | floor /s | gtmsecshr /s | secshr /s | rate, of the floor | rate, of gtmsecshr | p99, of the floor | p99, of gtmsecshr |'
  echo '|---|---|---|---|---|---|---|---|'
}

# compare WHAT KIND CLIENTS
compare() {
  local round server order=(floor stock secshr)
  show_heading
  for ((round = 1; round <= rounds; ++round)); do
    for server in "${order[@]}"; do
      echo "$round $server $(load "$server" "$2" "$3" --milliseconds $((seconds * 1000)))"
    done
    order=("${order[@]:1}" "${order[0]}")
  done | summary "$1"
}

# The proportional share of all of its processes' memory.
report_memory() {
  local pid
  for pid in $(secshr_pids); do cat "/proc/$pid/smaps_rollup"; done |
    awk '/^Pss:/ { sum += $2; n++ } END { printf "\nsecshr: %.1f MiB in %d processes (sum of PSS)\n", sum / 1024, n }'
}

# grown WHAT: the rate now, in pairs with what it was before.
rate_of_continue() { load secshr continue 4 --milliseconds $((seconds * 1000)) | sed -E 's/^rate=([0-9.]+) .*/\1/'; }

# growth WHAT BEFORE AFTER: rounds of the rate without and with it; BEFORE and AFTER make and remove it.
growth() {
  local round without with
  for ((round = 1; round <= rounds; ++round)); do
    without=$(rate_of_continue)
    "$2" >&2
    with=$(rate_of_continue)
    "$3" >&2
    echo "$without $with"
  done | awk -v what="$1" '
    { ratio[NR] = $2 / $1 }
    END {
      for (i = 2; i <= NR; i++) for (j = i; j > 1 && ratio[j - 1] > ratio[j]; j--) {
        swap = ratio[j]; ratio[j] = ratio[j - 1]; ratio[j - 1] = swap
      }
      printf "with %s: %.2f (%.2f-%.2f) of the rate without\n", what, ratio[int((NR + 1) / 2)], ratio[1], ratio[NR]
    }'
}

make_files() { perl -e 'for (1 .. 100_000) { open my $file, ">", "$ARGV[0]/file$_" or die }' "$gtm_tmp"; }
remove_files() { perl -e 'for (1 .. 100_000) { unlink "$ARGV[0]/file$_" or die }' "$gtm_tmp"; }
make_sets() { perl -e 'for (1 .. 10_000) { semget(0, 1, 0600) // die "semget: $!" }'; }
remove_sets() { ipcs -s | awk '$3 == "root" && $5 == 1 { print $2 }' | xargs -r -n 500 sh -c 'for id; do ipcrm -s "$id"; done' sh; }
start_clients() {
  load secshr continue 1000 --times 1 --stay >"$scratch/out/clients" &
  clients_pid=$!
  wait_until 20 test "$(find "$gtm_tmp" -name 'gtm_secshr0*' | wc -l)" -ge 1000 || :
}
end_clients() { kill "$clients_pid" && wait "$clients_pid" || :; }

compare_growth() {
  printf '\n'
  growth '100 000 files in $gtm_tmp' make_files remove_files
  growth '10 000 semaphore sets' make_sets remove_sets
  growth '1 000 live clients' start_clients end_clients
}
