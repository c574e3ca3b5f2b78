# shellcheck shell=bash
# What a scenario saw, short and without ids, pids and times, so that two servers can be compared: one line each,
# `WHO: WHAT`, in $SECSHR_INTEROP_SUMMARY/SCENARIO.SERVER. Without that variable nothing is kept.

# Before the rest of the file system is covered.
bind_summary() {
  [[ -n ${SECSHR_INTEROP_SUMMARY:-} ]] || return 0
  mkdir "$scratch/summary"
  mount --bind "$SECSHR_INTEROP_SUMMARY" "$scratch/summary"
}

summarise() {
  [[ -n ${SECSHR_INTEROP_SUMMARY:-} ]] || return 0
  local scenario
  scenario=$(basename "$0" .sh)
  printf '%s: %s\n' "$1" "${2:-nothing}" >>"$scratch/summary/${scenario#scenario_}.$against"
}
