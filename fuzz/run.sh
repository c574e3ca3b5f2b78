#!/usr/bin/env bash
# Every fuzz target, or one, for so long; then which lines the committed corpora reach, by coverage.txt.
#   fuzz/run.sh SECONDS [TARGET]     called by ./run, as its `fuzz` and as a step of its `test`
# What is found goes to build/fuzz/found/, new inputs go to build/fuzz/corpus/; the committed corpora are only read.
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."
seconds=$1 wanted=${2:-*}
wanted=${wanted#fuzz_}
found=build/fuzz/found
logs=build/fuzz/logs
coverage=build/fuzz/coverage

build() {
  cmake --preset fuzz -DSECSHR_WERROR=ON
  cmake --build --preset fuzz --target "$1"
}

# fuzz_one NAME SECONDS: one line; status 1 where something was found.
fuzz_one() {
  local name=$1 log=$logs/$1 status=0 count rate options
  mkdir -p "build/fuzz/corpus/$name"
  options=("-max_total_time=$2" -timeout=10 -print_final_stats=1 "-artifact_prefix=$found/$name-")
  if [[ -e fuzz/$name.dict ]]; then options+=("-dict=fuzz/$name.dict"); else options+=(-dict=fuzz/protocol.dict); fi
  # The lines that these inputs reach are nobody's business.
  LLVM_PROFILE_FILE=/dev/null "build/fuzz/fuzz/fuzz_$name" "${options[@]}" "build/fuzz/corpus/$name" "fuzz/corpus/$name" \
    >"$log" 2>&1 </dev/null || status=1
  count=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
  rate=$(sed -n 's/^stat::average_exec_per_sec: *//p' "$log")
  printf '%-20s %12s executions %9s a second  %s\n' "$name" "${count:-?}" "${rate:-?}" \
    "$( ((status == 0)) && echo 'nothing found' || echo FOUND)"
  ((status == 0)) || { tail -n 40 "$log" && return 1; }
}

# As many at a time as there are processors.
fuzz_all() {
  export -f fuzz_one
  export found logs
  printf '%s\n' "$@" | xargs -P "$(nproc)" -I NAME bash -c "set -euo pipefail; fuzz_one NAME $seconds"
}

# reach NAME: the target runs each input of its corpus once and counts the lines.
reach() {
  local inputs
  mapfile -t inputs < <(find "fuzz/corpus/$1" -type f | LC_ALL=C sort)
  ((${#inputs[@]} > 0)) || { printf 'fuzz: no corpus of %s\n' "$1" >&2 && return 1; }
  LLVM_PROFILE_FILE=$coverage/$1.profraw "build/fuzz/fuzz/fuzz_$1" -timeout=60 "${inputs[@]}" >"$logs/reach-$1" 2>&1 </dev/null ||
    { tail -n 40 "$logs/reach-$1" && return 1; }
}

# A source and its lines, in all and reached, of each that is in a target.
reached_lines() {
  local name objects=()
  llvm-profdata-19 merge -sparse -o "$coverage/all.profdata" "$coverage"/*.profraw
  for name in "$@"; do objects+=(-object "build/fuzz/fuzz/fuzz_$name"); done
  # What it warns of are functions of the targets themselves, which have the same name in each.
  llvm-cov-19 export -format=lcov -summary-only -instr-profile="$coverage/all.profdata" "${objects[@]:1}" 2>"$logs/llvm-cov" |
    awk -F: -v root="$PWD/" '
      $1 == "SF" { source = index($2, root) == 1 ? substr($2, length(root) + 1) : $2 }
      $1 == "LF" { all = $2 }
      $1 == "LH" { reached = $2 }
      $1 == "end_of_record" { print source, all, reached }'
}

# What there must be of each unit; status 1 where there is less.
check_coverage() {
  local least sources target
  rm -rf "$coverage"
  mkdir -p "$coverage"
  local name
  for name in "$@"; do reach "$name"; done
  reached_lines "$@" >"$coverage/lines"
  printf '\nlines reached by the committed corpora\n'
  local status=0
  while read -r least sources target; do
    if [[ -n $target && ! -x build/fuzz/fuzz/fuzz_$target ]]; then
      printf '%-40s    no target %s\n' "$sources" "$target"
      continue
    fi
    awk -v least="$least" -v sources="$sources" '
      index($1, sources) == 1 { all += $2; reached += $3 }
      END {
        share = all > 0 ? 100 * reached / all : 0
        enough = share >= least && all > 0
        printf "%-40s %6d of %6d  %5.1f %%  %s\n", sources, reached, all, share, enough ? "" : "less than " least " %: FAILED"
        exit !enough
      }' "$coverage/lines" || status=1
  done < <(grep -v '^#' fuzz/coverage.txt)
  return "$status"
}

mkdir -p "$logs" "$found"
if [[ $wanted == '*' ]]; then target=fuzz_programs; else target=fuzz_$wanted; fi
[[ $wanted == '*' || -e fuzz/fuzz_$wanted.cpp ]] || { printf 'fuzz: no target called %s\n' "$wanted" >&2 && exit 1; }
build "$target" >build/fuzz/build.log 2>&1 </dev/null || { cat build/fuzz/build.log && exit 1; }
mapfile -t names < <(find build/fuzz/fuzz -maxdepth 1 -type f -perm -u+x -name "fuzz_$wanted" -printf '%f\n' | sed 's/^fuzz_//' | LC_ALL=C sort)
# Of targets that are no more, programs may still be there.
for index in "${!names[@]}"; do [[ -e fuzz/fuzz_${names[index]}.cpp ]] || unset "names[index]"; done
status=0
printf '%d seconds each, %d at a time\n' "$seconds" "$(nproc)"
fuzz_all "${names[@]}" || status=1
[[ $wanted != '*' ]] || check_coverage "${names[@]}" || status=1
exit "$status"
