#!/bin/sh
# What must hold of the setuid program as built: check_wrapper.sh PROGRAM SOURCE_DIRECTORY OBJECT...
# Complaints go to standard output; the exit status is 1 where there is one.
export LC_ALL=C
program=$1 sources=$2
shift 2
failed=0
complain() {
  echo "$*"
  failed=1
}

[ $# -gt 0 ] || complain "no objects to look at"
undefined=$(nm --undefined-only --no-demangle "$@") || complain "nm failed"
# malloc and its kin, operator new and delete, what allocates a string for its caller, exceptions.
for symbol in $(printf '%s\n' "$undefined" | awk '$1 == "U" || $1 == "w" { print $2 }' |
  grep -E '^(malloc|calloc|realloc|reallocarray|free|cfree|aligned_alloc|memalign|posix_memalign|valloc|strn?dup|(__)?v?asprintf(_chk)?|getline|getdelim|open_memstream|_Zn[wa].*|_Zd[la].*|__cxa_.*|_Unwind_.*|_ZSt[0-9]+__throw.*|_ZNSt.*)$'); do
  complain "allocator symbol: $symbol"
done

headers=$(readelf --wide --file-header --program-headers --dynamic "$program") || complain "readelf failed"
has() { printf '%s\n' "$headers" | grep -Eq "$1"; }
has 'Type: +DYN' || complain "not position independent"
! has ' INTERP ' || complain "asks for an interpreter: not static"
! has '\(NEEDED\)' || complain "needs a shared library"
has ' GNU_RELRO ' || complain "no RELRO"
has 'BIND_NOW|Flags:.* NOW' || complain "RELRO is not full"
has ' GNU_STACK .* RW +0x' || complain "executable stack, or not said"
! has '\((RPATH|RUNPATH)\)' || complain "has an RPATH"
! has ' LOAD .* RWE ' || complain "a segment is writable and executable"

lines=$(cat "$sources"/*.h "$sources"/*.cpp | wc -l)
[ "$lines" -lt 400 ] || complain "too long to read in ten minutes: $lines lines"
exit $failed
