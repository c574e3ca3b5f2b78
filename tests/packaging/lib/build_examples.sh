# shellcheck shell=bash
# The header alone and the examples, built in a directory of their own by an ordinary user's means.

built=$scratch/built
warnings=(-pedantic -Wall -Wextra -Wconversion -Wshadow -Werror)

compiles() {
  local compiler=$1 standard=$2 language=$3
  "$compiler" "-std=$standard" "${warnings[@]}" -x "$language" -fsyntax-only /usr/include/secshr.h
}

build_examples() {
  local examples=/usr/share/doc/secshr/examples flags standard
  read -ra flags <<<"$(pkg-config --cflags --libs secshr)"
  echo 'building'
  mkdir "$built"
  for standard in c99 c11 c17; do check "the header is $standard" compiles cc "$standard" c; done
  for standard in c++98 c++17 c++23; do check "the header is $standard" compiles c++ "$standard" c++; done
  check 'pkg-config and cc build an example' cc -std=c99 "${warnings[@]}" -o "$built/remove_set" \
    "$examples/remove_set.c" "${flags[@]}"
  check_equal 'which needs the library by its SONAME' 'libc.so.6 libsecshr.so.0 ' \
    "$(dynamic_entries "$built/remove_set" NEEDED)"
  manual_example >"$scratch/manual_example.c"
  check 'the example of the manual is a program' cc -std=c99 "${warnings[@]}" -o "$scratch/manual_example" \
    "$scratch/manual_example.c" "${flags[@]}"
  # What the archive needs besides, as pkg-config has it.
  read -ra flags <<<"$(pkg-config --static --libs secshr | sed 's/-lsecshr/-l:libsecshr.a/')"
  check 'so it is linked with the archive' cc -std=c99 "${warnings[@]}" -o "$built/remove_set_with_archive" \
    "$examples/remove_set.c" "${flags[@]}"
  check 'which then needs no library of ours' not grep -q secshr \
    <(dynamic_entries "$built/remove_set_with_archive" NEEDED)
  check 'and so with nothing shared at all' cc -std=c99 "${warnings[@]}" -static -o "$built/remove_set_static" \
    "$examples/remove_set.c" "${flags[@]}"
  check 'CMake finds the package and builds all examples' built_by_cmake "$examples"
  check 'and its archive too' builds_with_archive
}

# The literal text below EXAMPLES.
manual_example() {
  sed -n '/^\.Sh EXAMPLES/,/^\.Sh SEE/p' /usr/share/man/man3/secshr.3 | sed -n '/^\.Bd/,/^\.Ed/p' | grep -v '^\.' |
    sed 's/\\e/\\/g'
}

built_by_cmake() {
  CFLAGS=${warnings[*]} cmake -S "$1" -B "$built/cmake" -G Ninja >"$scratch/out/cmake" 2>&1 &&
    cmake --build "$built/cmake" >>"$scratch/out/cmake" 2>&1 || { cat "$scratch/out/cmake" && return 1; }
}

# A program in C alone, which knows nothing of the C++ that is in the archive.
builds_with_archive() {
  local project=$scratch/with_archive
  mkdir "$project"
  cat >"$project/CMakeLists.txt" <<'CMAKE'
cmake_minimum_required(VERSION 3.16)
project(with_archive LANGUAGES C)
find_package(secshr REQUIRED)
add_executable(with_archive /usr/share/doc/secshr/examples/remove_set.c)
target_link_libraries(with_archive PRIVATE secshr::secshr_static)
CMAKE
  cmake -S "$project" -B "$project/build" -G Ninja >"$scratch/out/with_archive" 2>&1 &&
    cmake --build "$project/build" >>"$scratch/out/with_archive" 2>&1 ||
    { cat "$scratch/out/with_archive" && return 1; }
}
