#!/usr/bin/env bash
# Whether the manual page and the completion of secshrctl know its commands and their options, and no others, and whether
# the completion completes.
#
#   documents.sh SECSHRCTL MANUAL COMPLETION
set -euo pipefail
secshrctl=$1 manual=$2 completion=$3
failed=0

# equal WHAT EXPECTED ACTUAL: both are words, in any order.
equal() {
  local difference
  difference=$(diff <(tr -s ' \n' '\n' <<<"$2" | sort -u | sed '/^$/d') <(tr -s ' \n' '\n' <<<"$3" | sort -u | sed '/^$/d')) && return
  printf '%s (< expected, > is there):\n%s\n' "$1" "$difference"
  failed=1
}

commands=$("$secshrctl" --help | sed -n '/^Subcommands:/,/^$/s/^  \([a-z]*\) .*/\1/p')
options_of() { "$secshrctl" "$1" --help | sed -n 's/^  \(-., *\)\{0,1\}\(--[a-z]*\).*/\2/p' | grep -v '^--help$' || :; }

[[ -n $commands ]] || { echo 'no commands are found' && exit 1; }
equal 'commands of the manual page' "$commands" "$(sed -n 's/^\.It Ic \([a-z]*\).*/\1/p' "$manual")"
source "$completion"
equal 'commands of the completion' "$commands" "${!_secshrctl_options[*]}"
for command in $commands; do
  equal "options of $command in the completion" "$(options_of "$command")" "${_secshrctl_options[$command]}"
  # In the text, not only in the synopsis.
  text=$(sed -n "/^\.It Ic $command\b/,/^\.\(It\|El\)/p" "$manual")
  equal "options of $command in its synopsis" "$(options_of "$command")" \
    "$(grep "^\.It Ic $command\b" <<<"$text" | grep -o 'Fl -[a-z]*' | sed 's/Fl -/--/' || :)"
  for option in $(options_of "$command"); do
    [[ $option == --json ]] || grep -q "^\.Fl -${option#--}\b" <<<"$text" || { printf '%s: nothing is said of %s\n' "$command" "$option" && failed=1; }
  done
done

completed() {
  COMP_WORDS=(secshrctl "$@")
  COMP_CWORD=$(($# + 1 - 1))
  compopt() { :; }
  _secshrctl
  printf '%s\n' "${COMPREPLY[@]}"
}
equal 'completion of st' 'start status stop stranded' "$(completed st)"
equal 'completion of lockdown o' 'on off' "$(completed lockdown o)"
equal 'completion of explain shm' 'shm.rw shm.attached' "$(completed explain shm)"
equal 'completion of status --w' '--watch' "$(completed status --w)"
equal 'completion of adopt --profile g' 'gtm generic' "$(completed adopt --profile g)"
equal 'completion of nothing there is' '' "$(completed nonsense x)"

# As its reader formats it, where there is one.
said=
if command -v man >/dev/null; then said=$(man --warnings -E UTF-8 -l -Tutf8 -Z "$manual" 2>&1 >/dev/null || :); fi
[[ -z $said ]] || { printf '%s\n' "$said" && failed=1; }
((failed == 0)) && echo 'the documents are complete'
exit "$failed"
