#!/usr/bin/env bash
# secshrctl key says what GT.M's own utility says and what the server's socket is called; secshrctl reap leaves that
# socket while it is served, and afterwards where an adopted installation's next broker is to find it.
set -euo pipefail
source "$(dirname -- "${BASH_SOURCE[0]}")/world.sh"
enter_world "$@"

# keys_by_gtm FILE…: `mupip ftok`, which prints "FILE  ::  NUMBER  [ 0xHEX ]".
keys_by_gtm() {
  local file
  for file in "$@"; do
    as_user alice "$gtm/mupip" ftok -only -id=46 "$file" 2>&1 |
      sed -nE 's/^.* :: +([0-9]+) +\[ (0x[0-9a-f]+) \]$/\2 (\1)/p'
  done
}
keys_by_secshr() { "$secshrctl" key "$gtm" | sed -nE 's/^  server key +//p'; }

helpers=("$gtm/gtmsecshr")
[[ $against == stock ]] || helpers+=("$gtm/gtmsecshr.secshr-original")
expected=$(keys_by_gtm "${helpers[@]}")
check_equal 'GT.M says a key for each helper' "${#helpers[@]}" "$(grep -cE '^0x2e[0-9a-f]{6} \([0-9]+\)$' <<<"$expected")"
check_equal 'and secshrctl says the same' "$expected" "$(keys_by_secshr)"

# The stock one is said to have started a moment before it has its socket.
start_server alice
check 'a server starts' wait_until 5 has_server_socket
name=$("$secshrctl" key "$gtm" | sed -nE 's/^  server socket +//p' | head -n 1)
check_equal 'the server has that socket' "$name" "$(server_socket_name)"

# reap ARGUMENT…: in reap_output and reap_status.
reap() {
  reap_status=0
  reap_output=$("$secshrctl" reap "$@" "$gtm_tmp") || reap_status=$?
}
reap --do
check_equal 'nothing is left over while it is served' 0 "$reap_status"
check 'since somebody is bound to it' grep -q "leaves  *$name  *somebody is bound to it" <<<"$reap_output"

for pid in $(server_pids); do kill -KILL "$pid" 2>/dev/null || :; done
no_server() { [[ -z $(server_pids) ]]; }
has_server_process() { ! no_server; }
has_that_socket() { [[ $name == "$(server_socket_name)" ]]; }
check 'the server is killed' wait_until 5 no_server
touch -h -d '1 hour ago' "$gtm_tmp/$name"
reap
if [[ $against == secshr ]]; then
  check_equal 'nothing is left over' 0 "$reap_status"
  check 'since the next broker takes it' grep -q "leaves  *$name  *keeps an adopted" <<<"$reap_output"
else
  check_equal 'its socket is left over' 1 "$reap_status"
  check 'and would be removed' grep -q "would remove  *$name " <<<"$reap_output"
  reap --do
  check_equal 'and is removed' 0 "$reap_status"
  check 'for good' test ! -e "$gtm_tmp/$name"
fi
start_server alice
check 'another server starts' wait_until 5 has_server_process
check 'and takes the same name' wait_until 5 has_that_socket
finish
