#!/usr/bin/env bash
# $gtm_dist/utf8 is an installation directory of its own, but its gtmsecshr is the same file: UTF-8 clients and others
# have the same server.
set -euo pipefail
source "$(dirname -- "${BASH_SOURCE[0]}")/world.sh"
enter_world "$@"

create_database 0444
remember_database

icu_library=(/usr/lib/*/libicuio.so.*)
icu=${icu_library[0]##*.so.}
as_user bob mkdir utf8

utf8_client_reads() {
  run_client bob LC_ALL=C.UTF-8 gtm_chset=UTF-8 gtm_icu_version="$icu" gtm_dist="$gtm/utf8" \
    gtmroutines="$scratch/home/bob/utf8 $gtm/utf8/libgtmutil.so" "$gtm/utf8/mumps" -run %XCMD 'write $zchset," ",^a(7),!'
  check_equal 'a UTF-8 client reads' 'UTF-8 49' "$client_output"
  check_requests_served 'UTF-8 client' "$client_pid" "$flushes"
}

other_client_reads() {
  run_client bob "$gtm/mumps" -run %XCMD 'write $zchset," ",^a(7),!'
  check_equal 'another client reads' 'M 49' "$client_output"
  check_requests_served 'other client' "$client_pid" "$flushes"
}

check_equal 'one file under two names' "$(stat -c %d:%i "$gtm/gtmsecshr")" "$(stat -c %d:%i "$gtm/utf8/gtmsecshr")"
# Stock gtmsecshr does not start from Debian's utf8/: it finds utf8/gtmsecshrdir with mode 0755 and refuses.
if [[ $against == secshr ]]; then utf8_client_reads; fi
other_client_reads
first_server=$(server_pid)
check 'a server runs' test -n "$first_server"
utf8_client_reads
check_equal 'the same server' "$first_server" "$(server_pid)"
check 'the file is byte for byte what it was' database_unchanged
check 'nothing is left behind' nothing_left_behind
finish
