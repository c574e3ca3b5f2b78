#!/usr/bin/env bash
# With a server running, a client's own system calls tell who served it: each request goes to the server's socket in one
# sendto, each reply comes back with code 0, and the client starts no other process (no wrapper). strace runs as root and
# follows this one process alone, so that a setuid wrapper, if there were one, would still be setuid.
set -euo pipefail
source "$(dirname -- "${BASH_SOURCE[0]}")/world.sh"
enter_world "$@"

command -v strace >/dev/null || cannot_run 'no strace'
create_database 0444
remember_database
trace=$scratch/out/trace

# hex TEXT, hex_i32 NUMBER: as strace -xx prints them.
hex() { printf '%s' "$1" | od -An -v -tx1 | sed 's/ /\\x/g' | tr -d '\n'; }
hex_i32() {
  printf '\\x%02x\\x%02x\\x%02x\\x%02x' $(($1 & 255)) $(($1 >> 8 & 255)) $(($1 >> 16 & 255)) $(($1 >> 24 & 255))
}

# calls NAME-PATTERN: the matching lines.
calls() { grep -E "^($1)\(" "$trace" || :; }

start_status=0
start_server bob || start_status=$?
check_equal 'the wrapper reports a server' 0 "$start_status"
# Stock exits before it has bound its socket (clients sleep half a second for it); secshr's exit says that it serves.
if [[ $against == stock ]]; then wait_until 3 has_server_socket; fi
server=$(server_socket_name)
check 'the server has its socket' test "$server" != none

tracer=(strace -o "$trace" -xx -s 8192 -e 'trace=execve,socket,bind,sendto,recvfrom,sendmsg,recvmsg,fork,vfork,clone,clone3')
run_client bob "$gtm/mumps" -run %XCMD 'write ^a(7),!'
tracer=()

check_equal 'the client reads' 49 "$client_output"
check 'the trace is the client'"'"'s' grep -q '^execve.*= 0' "$trace"
check_equal 'two requests' 2 "$(calls sendto | wc -l)"
check_equal 'both sent, whole, to the server'"'"'s socket' 2 \
  "$(calls sendto | grep -F "sun_path=\"$(hex "$gtm_tmp/$server")\"" | grep -Ec "= $((61 + ${#database}))\$" || :)"
# code, key, flag, pid: 4 bytes each, of which strace prints 4 characters each.
check_equal 'both are header flushes asked by this very process' 2 \
  "$(calls sendto | sed 's/^sendto([0-9]*, "\(.\{16\}\).\{32\}\(.\{16\}\).*/\1 \2/' |
    grep -cxF "$(hex_i32 6) $(hex_i32 "$client_pid")" || :)"
check_equal 'two replies' 2 "$(calls recvfrom | wc -l)"
check_equal 'both with code 0' 2 "$(calls recvfrom | grep -Ec '^recvfrom\([0-9]+, "(\\x00){4}.*= 24$' || :)"
check_equal 'no other process is started' '' "$(calls 'fork|vfork|clone|clone3')"
check_requests_served bob "$client_pid" "$flushes"
check_equal 'one server, of the program under test' 1 "$(server_count)"
check 'the file is byte for byte what it was' database_unchanged
check 'nothing is left behind' nothing_left_behind
finish
