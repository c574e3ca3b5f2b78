# shellcheck shell=bash
# Waiting for what another process does: looked at often, never for longer than said.

# wait_until SECONDS COMMAND…: until COMMAND succeeds; fails when it has not by then.
wait_until() {
  local deadline=$((SECONDS + $1))
  shift
  until "$@"; do
    ((SECONDS <= deadline)) || return 1
    sleep 0.02
  done
}
