# shellcheck shell=bash
# Programs that stay: started in the background, told what to do next line by line through a FIFO, so that a scenario
# decides who is first and who is last.

declare -A session_pid=() session_job=() session_input=() session_status=()

# start_session NAME USER [NAME=VALUE]… COMMAND…: as_user; what it prints goes to $scratch/out/NAME.
start_session() {
  local name=$1 user=$2 input
  local assignments=()
  shift 2
  while [[ $1 == *=* ]]; do
    assignments+=("$1") && shift
  done
  rm -f "$scratch/out/$name" "$scratch/out/$name.in" "$scratch/out/$name.pid"
  mkfifo "$scratch/out/$name.in"
  # Both ends, so that neither side waits for the other to open it.
  exec {input}<>"$scratch/out/$name.in"
  session_input[$name]=$input
  # The shell tells its pid, here and not in a file of the user's, and then becomes the program.
  as_session "$user" "${assignments[@]}" sh -c 'echo $$ >&3; exec 3>&-; exec "$@"' sh "$@" \
    <"$scratch/out/$name.in" >"$scratch/out/$name" 2>&1 3>"$scratch/out/$name.pid" &
  session_job[$name]=$!
  wait_until 10 test -s "$scratch/out/$name.pid"
  session_pid[$name]=$(<"$scratch/out/$name.pid")
}

# A program that fails or is killed is no error of the scenario.
as_session() { as_user "$@" || exit $?; }

# tell NAME LINE: what the session reads next.
tell() { printf '%s\n' "$2" >&"${session_input[$1]}"; }

# has_said NAME PATTERN, wait_until_said NAME PATTERN
has_said() { grep -qE "$2" "$scratch/out/$1"; }
wait_until_said() { wait_until 10 has_said "$@" || { said "$1" >&2 && return 1; }; }

# said NAME: all that it printed.
said() { cat "$scratch/out/$1"; }

# end_session NAME: waits until it has ended by itself; its exit status is in session_status.
end_session() {
  session_status[$1]=0
  wait "${session_job[$1]}" || session_status[$1]=$?
  exec {session_input[$1]}>&-
}

# kill_session NAME: with SIGKILL, so that it cleans nothing up.
kill_session() {
  kill -KILL "${session_pid[$1]}"
  end_session "$1"
}

# open_database NAME USER: a process that has the database open until it is told anything.
open_database() {
  start_session "$1" "$2" "$gtm/mumps" -run %XCMD 'write "open ",^a(1),! read told'
  wait_until_said "$1" '^open '
}

# close_database NAME
close_database() {
  tell "$1" leave
  end_session "$1"
}
