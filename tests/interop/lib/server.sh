# shellcheck shell=bash
# The server under test: stock gtmsecshr as it came with the copy, or secshr installed and adopted.

audit_log=/var/log/secshr/demo/gtm_secshr_log

# With the configuration as it is installed, but for what is only summed up there: here each request has its line.
install_secshr() {
  [[ -e $build/CMakeCache.txt ]] || { printf 'no build in %s\n' "$build" >&2 && exit 1; }
  cmake --install "$build" --prefix /usr >"$scratch/out/install"
  sed -i 's/^#\[log\]$/[log]/; s/^#routine = "summary"$/routine = "lines"/' /etc/secshr/secshr.toml
  secshrctl adopt "$gtm" --name demo >"$scratch/out/adopt"
}

# server_socket_name [DIR]: the socket that clients send to: `gtm_secshr` and the server key, which begins with 2E.
server_socket_name() {
  local name
  for name in "${1:-$gtm_tmp}"/gtm_secshr2E??????; do
    [[ -S $name ]] && basename "$name" && return
  done
  echo none
}

has_server_socket() { [[ $(server_socket_name) != none ]]; }

# The program whose process serves.
server_program() {
  if [[ $against == secshr ]]; then
    echo /usr/libexec/secshr/secshrd
  else
    echo "$gtm/gtmsecshrdir/gtmsecshr"
  fi
}

server_pids() {
  local program entry
  program=$(server_program)
  for entry in /proc/[0-9]*; do
    if [[ $(readlink "$entry/exe" 2>/dev/null) == "$program" ]]; then echo "${entry#/proc/}"; fi
  done | sort -n
}

# The process that has been there longest: looker and writer are its children.
server_pid() { server_pids | head -n 1; }

# How many servers there are, not counting the helpers of one.
server_count() {
  if [[ $against == stock ]]; then
    server_pids | wc -l
  else
    local pid count=0 broker_uid
    broker_uid=$(sed -nE 's/^broker_uid *= *([0-9]+).*/\1/p' /etc/secshr/secshr.toml)
    for pid in $(server_pids); do
      # Its recorders have its uid, too, and names of their own.
      if [[ $(awk '$1 == "Name:" || $1 == "Uid:" { print $2 }' "/proc/$pid/status" 2>/dev/null) == "secshrd"$'\n'"$broker_uid" ]]; then
        count=$((count + 1))
      fi
    done
    echo "$count"
  fi
}

# start_server USER: as a client of that user would, through the wrapper.
start_server() { as_user "$1" "$gtm/gtmsecshr"; }

tell_what_the_server_said() {
  local log
  for log in "$syslog" "$audit_log"; do
    [[ -s $log ]] || continue
    printf -- '--- %s\n' "$log"
    tail -n 40 "$log"
  done
}
