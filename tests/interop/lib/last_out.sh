# shellcheck shell=bash
# One user opens the database first and so makes the semaphore sets and the segment, another one is the last to leave
# and so has to remove them.

# last_out MAKER LEAVER: afterwards the leaver's session has that name, and made holds what the maker had made.
last_out() {
  open_database "$1" "$1"
  made=$(ipc_objects)
  open_database "$2" "$2"
  close_database "$1"
  close_database "$2"
}

# check_last_out MAKER LEAVER REQUESTS [REFUSED]
check_last_out() {
  last_out "$1" "$2"
  printf '          made: %s\n' "${made//$'\n'/, }"
  check_equal "$1 made two semaphore sets and a segment" 3 "$(wc -l <<<"$made")"
  check_equal "$1 leaves first" 0 "${session_status[$1]}"
  check_equal "$2 leaves last" 0 "${session_status[$2]}"
  check_requests_served "$1" "${session_pid[$1]}" ''
  check_requests_served "$2" "${session_pid[$2]}" "$3" "${4:-}"
}
