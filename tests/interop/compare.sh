#!/usr/bin/env bash
# Runs every scenario with both servers and shows, client by client, what each of them did for it: ids, pids and times
# left out. Every difference is either one that is listed here, with its reason, or a fault of ours.
#   compare.sh [--build DIR] [SCENARIO]…
# Exit status: 0 no other difference and every check held, 1 otherwise, 77 the machine cannot run the scenarios.
set -euo pipefail
interop=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)

# SCENARIO | WHO | what stock did | what secshr did | why that is right. `-`: nothing of it recorded.
expected_differences() {
  cat <<'END'
critical_section|bob|remove-segment remove-semaphore-set remove-semaphore-set|continue remove-segment remove-semaphore-set remove-semaphore-set|stock continues without a record; that it did is a check of the scenario
leftover_socket|the live socket of alice|removed|kept|the rule: only a socket that nobody has bound any more
not_for_bob|alice's private semaphore set|reply 0|reply 1|the rule (sem.alter): bob may not alter it
not_for_bob|alice's private semaphore set (2)|gone|still there|the same
not_for_bob|alice's private segment|reply 0|reply 1|the rule (shm.rw): bob may not read and write it
not_for_bob|alice's private segment (2)|gone|still there|the same
not_for_bob|a segment that bob may only read|reply 0|reply 1|the rule (shm.rw): bob may not write it
not_for_bob|a segment that bob may only read (2)|gone|still there|the same
not_for_bob|continue it|reply 0|reply 1|the rule (proc.install): the process does not run the installation
not_for_bob|wake it|no reply|reply 1|secshr serves wake, but here the rule (proc.install) forbids it
not_for_bob|a segment with one attach|reply 0|reply 16|the rule (shm.attached): somebody uses it
not_for_bob|alice, who was attached, leaves with status|114|0|the same: stock pulled it from under her
not_for_bob|remove a file of alice|no reply|reply 1|secshr serves this request, but here the rule (sock.name) forbids it
not_for_bob|GTMSECSHRSRVFIL|-|severity W|the same: what is not done is said, too
not_for_bob|flush a directory|reply 21|reply 1|the rule (hdr.type): not a database
not_for_bob|flush a file that is no database|reply 150372554|reply 1|the rule (hdr.type): not a database
not_for_bob|request 7|no reply|reply 32768|an answer, so that nobody waits for one
root_database|bob leaves a file of mode 0666 with status|0|114|the rule: what is root's alone stays, unless allow_root_objects; stock removes it
root_database|bob, mode 0666|remove-segment remove-semaphore-set remove-semaphore-set|nothing|the same
root_database|bob, mode 0666, refused|-|remove-segment:ipc.root|the same, as a record
root_database|bob leaves a file of mode 0644 with status|0|114|the same
root_database|bob, mode 0644|flush-header-close remove-segment remove-semaphore-set remove-semaphore-set|flush-header-close|the same
root_database|bob, mode 0644, refused|-|remove-segment:ipc.root|the same, as a record
root_database|bob leaves a file of mode 0444 with status|0|114|the same
root_database|bob, mode 0444|flush-header-close remove-segment remove-semaphore-set remove-semaphore-set|flush-header-close|the same
root_database|bob, mode 0444, refused|-|remove-segment:ipc.root|the same, as a record
root_database|bob leaves a file of mode 0640 with status|0|114|the same
root_database|bob, mode 0640|flush-header-close remove-segment remove-semaphore-set remove-semaphore-set|flush-header-close|the same
root_database|bob, mode 0640, refused|-|remove-segment:ipc.root|the same, as a record
root_first|bob|remove-segment remove-semaphore-set remove-semaphore-set|remove-segment remove-semaphore-set|the rule: what is root's alone stays, unless allow_root_objects
root_first|bob, refused|-|remove-semaphore-set:ipc.root|the same, as a record
syslog|GTMSECSHRREMFILE|-|severity I|stock removes leftovers without a record
syslog|GTMSECSHRSTART|severity W|-|a start while a server runs is no failure
two_directories|alice|nothing|flush-header-open flush-header-close|stock serves the one directory that it was started with
two_directories|alice (2)|nothing|flush-header-open flush-header-close|the same
two_directories|alice reads|%GTM-E-DBFILERR %GTM-E-GTMSECSHRSRVF|49|the same, as alice sees it
two_directories|alice reads (2)|%GTM-E-DBFILERR %GTM-E-GTMSECSHRSRVF|49|the same
utf8|UTF-8 client (2)|-|flush-header-open flush-header-close|stock does not start from Debian's utf8/, so it is asked once less
END
}

build=${interop%/tests/interop}/build/release
if [[ ${1:-} == --build ]]; then build=$2 && shift 2; fi
scenarios=("$@")
if ((${#scenarios[@]} == 0)); then
  for script in "$interop"/scenario_*.sh; do
    script=${script##*/scenario_}
    scenarios+=("${script%.sh}")
  done
fi

results=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || :; rm -rf "$results"' EXIT
trap 'exit 130' INT TERM HUP
export SECSHR_INTEROP_SUMMARY=$results/summary
mkdir "$SECSHR_INTEROP_SUMMARY"

# run_both SCENARIO: at the same time, each in its own world.
run_both() {
  local server job=() status
  for server in stock secshr; do
    "$interop/scenario_$1.sh" --against "$server" --build "$build" >"$results/$1.$server" 2>&1 </dev/null &
    job+=($!)
  done
  for server in stock secshr; do
    status=0
    wait "${job[0]}" || status=$?
    job=("${job[@]:1}")
    if ((status == 77)); then cat "$results/$1.$server" >&2 && exit 77; fi
    if ((status != 0)); then
      failed=1
      printf '%s against %s, exit status %s:\n' "$1" "$server" "$status"
      grep -A 2 -E '^  FAILED|^stopped|^cannot' "$results/$1.$server" || tail -n 5 "$results/$1.$server"
    fi
  done
}

# rows SCENARIO: one for each client, in the order of the stock server's, with the verdict. Somebody's second line, and
# any later one, has a number.
rows() {
  local server
  for server in stock secshr; do touch "$SECSHR_INTEROP_SUMMARY/$1.$server"; done
  expected_differences | awk -v scenario="$1" -v given=- '
    function at(text, separator) { return index(text, separator) }
    BEGIN { row = "%-17s %-44s %-15s %s\n" }
    FILENAME == given {
      split($0, part, "|")
      if (part[1] == scenario) why[part[2] "|" part[3] "|" part[4]] = part[5]
      next
    }
    {
      who = substr($0, 1, at($0, ": ") - 1)
      count = ++seen[FILENAME, who]
      if (count > 1) who = who " (" count ")"
      if (!(who in known)) order[++clients] = who
      known[who] = 1
      what[FILENAME == ARGV[2] ? "stock" : "secshr", who] = substr($0, at($0, ": ") + 2)
    }
    function of(server, who) { return (server, who) in what ? what[server, who] : "-" }
    END {
      for (i = 1; i <= clients; i++) {
        who = order[i]
        key = who "|" of("stock", who) "|" of("secshr", who)
        if (of("stock", who) == of("secshr", who)) {
          printf row, scenario, who, "same", of("stock", who)
          continue
        }
        if (!(key in why)) unexpected = 1
        printf row, scenario, who, key in why ? "differs: right" : "DIFFERS: FAULT", "stock:  " of("stock", who)
        printf row, "", "", "", "secshr: " of("secshr", who)
        if (key in why) printf row, "", "", "", "why:    " why[key]
      }
      exit unexpected
    }' - "$SECSHR_INTEROP_SUMMARY/$1.stock" "$SECSHR_INTEROP_SUMMARY/$1.secshr"
}

failed=0
for scenario in "${scenarios[@]}"; do
  run_both "$scenario"
  rows "$scenario" || failed=1
done
if ((failed)); then
  echo 'There are differences or failures that nobody expects.'
else
  echo 'No difference but those that are listed with their reason.'
fi
exit "$failed"
