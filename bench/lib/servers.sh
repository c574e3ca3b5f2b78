# shellcheck shell=bash
# The three servers, each with a socket of its own in $gtm_tmp, and the programs of the load.

adopted=$scratch/adopted
programs=$scratch/bench
declare -A socket_of

# run_as USER COMMAND…: without the time limit of the scenarios.
run_as() {
  local user=$1
  shift
  setpriv --reuid "$user" --regid "$user" --init-groups --inh-caps=-all env -i PATH=/usr/bin:/bin LC_ALL=C \
    gtm_tmp="$gtm_tmp" "$@"
}

lay_out_servers() {
  cp -a "$installed_gtm" "$adopted"
  mkdir "$programs"
  install -m 0755 "$build/bench/load" "$build/bench/floor" "$build/bench/first_answer" "$programs"
  # Part of the installation, so that its processes may be continued.
  install -m 0755 "$build/bench/load" "$adopted/load"
  cmake --install "$build" --prefix /usr >"$scratch/out/install"
  # As installed, but for the limits of how much one user is served: they are looked at, and never reached.
  sed -Ei 's/^#(\[restrict\])$/\1/; s/^#(requests_per_second(_per_uid)?) = .*/\1 = 1000000/' /etc/secshr/secshr.toml
  secshrctl adopt "$adopted" --name bench >"$scratch/out/adopt"
  as_user alice sh -eu -c '
    printf "change -segment DEFAULT -file=%s\nexit\n" "$1" | "$gtm_dist/mumps" -run GDE
    "$gtm_dist/mupip" create' sh "$database" </dev/null >"$scratch/out/create" 2>&1
  local index
  # Bob may read each, and write none.
  for ((index = 0; index < 16; ++index)); do install -m 0444 "$database" "$gtm_tmp/database$index"; done
}

# new_socket COMMAND…: the server socket that is there once COMMAND has ended, or, of stock, a moment later.
new_socket() {
  local before
  before=$(server_sockets)
  "$@" >&2
  wait_until 5 has_other_sockets "$before"
  comm -13 <(echo "$before") <(server_sockets)
}

server_sockets() { find "$gtm_tmp" -name 'gtm_secshr2E*' | sort; }
has_other_sockets() { [[ $(server_sockets) != "$1" ]]; }

start_secshr() { run_as alice "$adopted/gtmsecshr"; }
start_stock() { run_as alice gtm_dist="$gtm" "$gtm/gtmsecshr"; }

start_servers() {
  "$programs/floor" "$gtm_tmp/floor" &
  socket_of[floor]=$gtm_tmp/floor
  wait_until 5 test -S "$gtm_tmp/floor"
  socket_of[stock]=$(new_socket start_stock)
  socket_of[secshr]=$(new_socket start_secshr)
}

secshr_pids() {
  against=secshr
  server_pids
  against=stock
}

# load SERVER KIND CLIENTS OPTION…: what the load has measured, as key=value pairs.
load() {
  local server=$1 kind=$2 clients=$3
  shift 3
  run_as bob "$adopted/load" "$kind" --server "${socket_of[$server]}" --key "$communication_key" \
    --directory "$gtm_tmp" --databases "$gtm_tmp/database" --clients "$clients" "$@"
}
