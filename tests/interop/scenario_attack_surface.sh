#!/usr/bin/env bash
# What an attacker would find in a server that has just served a client: whose process it is, what it may do and what is
# mapped and open in it. Of the original all that root has; of secshr a few capabilities, none of them in effect.
set -euo pipefail
source "$(dirname -- "${BASH_SOURCE[0]}")/world.sh"
enter_world "$@"

# in_status PID KEY
in_status() { awk -v key="$2:" '$1 == key { print $2 }' "/proc/$1/status"; }

# capabilities MASK: how many.
capabilities() {
  local mask=$((16#$1)) count=0
  for (( ; mask != 0; mask &= mask - 1)); do count=$((count + 1)); done
  echo "$count"
}

libraries() { awk '$6 ~ /\.so/ { print $6 }' "/proc/$1/maps" | sort -u | wc -l; }
descriptors() { find "/proc/$1/fd" -mindepth 1 | wc -l; }

create_database 0444
run_client bob "$gtm/mumps" -run %XCMD 'write ^a(7),!'
check_equal 'a client was served' 49 "$client_output"

printf '  %-16s %6s %10s %10s %9s %7s %8s %10s %5s\n' process uid permitted effective bounding filter no-new libraries open
uids=0 permitted=0 effective=0 unfiltered=0
for pid in $(server_pids); do
  held=$(capabilities "$(in_status "$pid" CapPrm)") used=$(capabilities "$(in_status "$pid" CapEff)")
  printf '  %-16s %6s %10s %10s %9s %7s %8s %10s %5s\n' "$(in_status "$pid" Name)" "$(in_status "$pid" Uid)" "$held" "$used" \
    "$(capabilities "$(in_status "$pid" CapBnd)")" "$(in_status "$pid" Seccomp)" "$(in_status "$pid" NoNewPrivs)" \
    "$(libraries "$pid")" "$(descriptors "$pid")"
  ((held <= permitted)) || permitted=$held
  ((used <= effective)) || effective=$used
  (($(in_status "$pid" Uid) != 0)) || uids=$((uids + 1))
  (($(in_status "$pid" Seccomp) == 2)) || unfiltered=$((unfiltered + 1))
done
of_root=$(capabilities "$(in_status 1 CapBnd)")
if [[ $against == stock ]]; then
  check_equal 'processes that run as root' 1 "$uids"
  check_equal 'capabilities of it: all of root'"'"'s' "$of_root" "$permitted"
  check_equal 'in effect: all' "$of_root" "$effective"
  check_equal 'processes without a filter' 1 "$unfiltered"
else
  check_equal 'processes that run as root' 0 "$uids"
  check_equal 'capabilities of the one that has most' 4 "$permitted"
  check_equal 'in effect: none' 0 "$effective"
  check_equal 'processes without a filter' 0 "$unfiltered"
fi
finish
