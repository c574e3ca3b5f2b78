#!/usr/bin/env bash
# Segments of huge pages, which GT.M makes where gtm_hugetlb_shm says so: they lie on another file system than others,
# and are closed and removed like them.
set -euo pipefail
source "$(dirname -- "${BASH_SOURCE[0]}")/world.sh"
source "$interop/lib/huge_pages.sh"
ledger=64210
[[ " $* " == *' --inside '* ]] || hold_huge_pages 64 "$ledger"
enter_world "$@"

# open_with_huge_pages USER: its session has that name, too.
open_with_huge_pages() {
  start_session "$1" "$1" gtm_hugetlb_shm=1 "$gtm/mumps" -run %XCMD 'write "open ",^a(1),! read told'
  wait_until_said "$1" '^open '
  check "the segment of $1 is of huge pages" has_huge_segment "${session_pid[$1]}"
}

echo 'a reader of a read-only database'
create_database 0444
remember_database
open_with_huge_pages bob
close_database bob
check_equal 'bob leaves' 0 "${session_status[bob]}"
check_requests_served bob "${session_pid[bob]}" "$flushes"
check 'the file is byte for byte what it was' database_unchanged
check_closed_and_sound

echo 'alice opens first, bob leaves last'
chmod 0666 "$database"
chmod 2770 "$data"
open_with_huge_pages alice
open_with_huge_pages bob
close_database alice
close_database bob
check_equal 'alice leaves' 0 "${session_status[alice]}"
check_equal 'bob leaves' 0 "${session_status[bob]}"
check_requests_served alice "${session_pid[alice]}" ''
check_requests_served bob "${session_pid[bob]}" "$removals"
check_closed_and_sound
finish
