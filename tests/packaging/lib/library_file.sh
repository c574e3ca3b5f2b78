# shellcheck shell=bash
# What the library shows, needs and is protected by: of the files as they are installed.

dynamic_entries() { readelf -dW "$1" | sed -n "s/.*($2).*\[\(.*\)\]/\1/p" | sort | tr '\n' ' '; }

# Of the shared one without its version's name, which is a symbol of its own.
shown_symbols() { nm -D --defined-only "$1" | awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }'; }
global_symbols() { nm -g --defined-only "$1" 2>/dev/null | awk 'NF == 3 { print $3 }'; }

# All functions that the header declares, by their names.
declared_functions() { sed -n 's/^[a-z].* \**\(secshr_[a-z_]*\)(.*;.*/\1/p' /usr/include/secshr.h | sort; }

look_at_library() {
  local archive shared
  shared=$(realpath "$(pkg-config --variable=libdir secshr)/libsecshr.so")
  archive=${shared%/*}/libsecshr.a
  echo 'the library'
  check_equal 'its SONAME has the version of its interface' 'libsecshr.so.0 ' "$(dynamic_entries "$shared" SONAME)"
  check_equal 'it needs the C library and its loader only' 'ld-linux-x86-64.so.2 libc.so.6 ' \
    "$(dynamic_entries "$shared" NEEDED)"
  check_equal 'it looks for them nowhere else' '' "$(dynamic_entries "$shared" 'R.*PATH')"
  check_equal 'it shows the functions of its header and nothing else' "$(declared_functions)" \
    "$(shown_symbols "$shared" | sort)"
  check 'and these are some' test "$(declared_functions | wc -l)" -gt 5
  check_equal 'its archive defines nothing that is not named after it' '' \
    "$(global_symbols "$archive" | grep -Ev '^(secshr_|libsecshr_|_Z[A-Za-z]*[0-9]*N?K?6secshr|DW\.ref\.)' |
      grep -Ev '^_ZN?[A-Z]*K?(St|9__gnu_cxx)' || :)"
  check 'what is relocated is read-only afterwards' has_segment "$shared" GNU_RELRO
  check 'all of it at the start' grep -q BIND_NOW <(readelf -dW "$shared")
  check_equal 'its stack is not executable' 'RW' "$(readelf -lW "$shared" | awk '$1 == "GNU_STACK" { print $7 }')"
  check 'no segment is both written to and executed' not grep -q 'LOAD.*RWE' <(readelf -lW "$shared")
}

has_segment() { grep -q "$2" <(readelf -lW "$1"); }
