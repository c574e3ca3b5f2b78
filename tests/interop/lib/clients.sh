# shellcheck shell=bash
# Running GT.M's programs as one of the users.

# What a client runs under, between root and the change of user; scenario_strace.sh puts strace here.
tracer=()

# as_user USER [NAME=VALUE]… COMMAND…: in that user's home, with that user's groups and a GT.M environment. Later
# assignments replace earlier ones. The time limit is above GT.M's own five attempts of 5 s.
as_user() {
  local user=$1 home=$scratch/home/$1
  shift
  (
    cd "$home"
    timeout -k 5 60 "${tracer[@]}" setpriv --reuid "$user" --regid "$user" --init-groups --inh-caps=-all env -i \
      PATH=/usr/bin:/bin HOME="$home" TERM=dumb LC_ALL=C \
      gtm_dist="$gtm" gtmgbldir="$data/demo.gld" gtmroutines="$home $gtm/libgtmutil.so" \
      gtm_tmp="$gtm_tmp" gtm_log="$scratch/log" "$@"
  )
}

# run_client USER [NAME=VALUE]… COMMAND…: as_user, with what came of it in client_pid, client_status, client_ms and
# client_output (both streams).
run_client() {
  local user=$1 start
  local assignments=()
  shift
  while [[ $1 == *=* ]]; do
    assignments+=("$1") && shift
  done
  start=$(milliseconds)
  client_status=0
  # The shell tells its pid and then becomes the program.
  client_output=$(as_user "$user" "${assignments[@]}" sh -c 'echo $$ >"$HOME/pid"; exec "$@"' sh "$@" 2>&1) ||
    client_status=$?
  client_ms=$(($(milliseconds) - start))
  client_pid=$(<"$scratch/home/$user/pid")
}
