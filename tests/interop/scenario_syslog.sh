#!/usr/bin/env bash
# What monitoring looks for in syslog: the messages of stock gtmsecshr, with its ident and priority (user.info) and,
# where a line says what was done, its words, from either server.
set -euo pipefail
source "$(dirname -- "${BASH_SOURCE[0]}")/world.sh"
enter_world "$@"

create_database 0644

# logged PATTERN: a line of the server's with that message.
logged() { grep -qE "^<14>.*GTM-SECSHR\[[0-9]+\]: %GTM-$1" "$syslog"; }
check_logged() { check "logged: $1" wait_until 3 logged "$1"; }

echo 'start'
start_server bob
check_logged 'I-GTMSECSHRDMNSTARTED, .*GT\.M V7\.0-005 Linux x86_64'

echo 'a start while one runs'
wait_until 3 has_server_socket
start_server bob
check_logged "I-GTMSECSHRTMPPATH, .*$gtm_tmp"

echo 'requests'
last_out alice bob
pid=${session_pid[bob]}
check_requests_served bob "$pid" "flush-header-close $removals"
check_logged "I-GTMSECSHRUPDDBHDR, \[client pid $pid\] database fileheader \($database\) updated for close"
check_logged "I-GTMSECSHRREMSHM, \[client pid $pid\] Shared memory segment \([0-9]+\) removed, nattch = 0"
check_logged "I-GTMSECSHRREMSEM, \[client pid $pid\] Semaphore \([0-9]+\) removed"
chmod 0444 "$database"
run_client bob "$gtm/mumps" -run %XCMD 'write ^a(7),!'
check_requests_served bob "$client_pid" "$flushes"
check_logged "I-GTMSECSHRUPDDBHDR, \[client pid $client_pid\] database fileheader \($database\) updated for open"
check_logged "I-GTMSECSHRUPDDBHDR, \[client pid $client_pid\] database fileheader \($database\) updated for close"

echo 'a leftover socket'
prepare_client
leave_socket alice "$client_socket"
let_client_run
check 'it is gone' wait_until 3 gone "$client_socket"
# Stock gtmsecshr does not mention these.
if [[ $against == secshr ]]; then
  check_logged "I-GTMSECSHRREMFILE, \[client pid ${session_pid[client]}\] .*$client_socket"
fi

echo 'shut-down'
kill -TERM "$(server_pid)"
check_logged 'I-GTMSECSHRSHUTDN, '

check_equal 'nothing under that ident has another priority' '' \
  "$(grep -F 'GTM-SECSHR[' "$syslog" | grep -v '^<14>' || :)"
check 'nothing is left behind' nothing_left_behind
summarise_syslog A-Z
finish
