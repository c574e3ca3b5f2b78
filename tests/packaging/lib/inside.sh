# shellcheck shell=bash
# A world of its own for the rest of a script: namespaces in which nothing of the machine is written.

cannot_run() {
  printf 'cannot run: %s\n' "$1" >&2
  [[ ${SECSHR_TESTS_MUST_RUN:-} == 1 ]] && exit 1
  exit 77
}

# start_inside PROGRAM…: runs this script again, with its own arguments (in `arguments`), as the first process of new namespaces, and ends with its exit status. However this shell ends,
# they end too; in the background, because a trap waits for a foreground child, and unshare itself blocks signals.
start_inside() {
  ((EUID == 0)) || cannot_run 'not root'
  local program
  for program in cmake "$@"; do
    command -v "$program" >/dev/null || cannot_run "no $program"
  done
  unshare --mount --ipc --pid --net --fork true 2>/dev/null || cannot_run 'no new namespaces'
  setpriv --pdeathsig KILL unshare --mount --ipc --pid --net --fork --mount-proc --kill-child \
    bash "$0" "${arguments[@]}" --inside <&0 &
  local child=$! status=0
  # shellcheck disable=SC2064  # the id as it is now
  trap "kill -KILL $child 2>/dev/null || :; exit 130" INT TERM HUP
  wait "$child" || status=$?
  exit "$status"
}
