# shellcheck shell=bash
# Checks and what came of them. A scenario goes on after a failed check, so that one run tells all; `finish` ends it.

checks_held=0
checks_failed=0

# check WHAT COMMAND…: WHAT is a sentence that holds exactly when COMMAND succeeds.
check() {
  local what=$1
  shift
  if "$@"; then
    checks_held=$((checks_held + 1))
    printf '  ok      %s\n' "$what"
  else
    checks_failed=$((checks_failed + 1))
    printf '  FAILED  %s\n' "$what"
  fi
}

# check_equal WHAT EXPECTED ACTUAL
check_equal() {
  check "$1" test "$2" = "$3"
  [[ $2 == "$3" ]] || printf '          expected: %s\n          actual:   %s\n' "${2//$'\n'/ | }" "${3//$'\n'/ | }"
}

# not COMMAND…: for checks.
not() { ! "$@"; }

finish() {
  printf '%d checks held, %d failed (against %s)\n' "$checks_held" "$checks_failed" "$against"
  if ((checks_failed > 0)); then
    summarise 'the checks' 'FAILED'
    tell_what_the_server_said
    exit 1
  fi
  ((checks_held > 0)) || exit 1
  summarise 'the checks' 'all held'
  exit 0
}

milliseconds() { echo $(($(date +%s%N) / 1000000)); }
