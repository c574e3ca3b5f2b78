#!/usr/bin/env bash
# Debian's fis-gtm as the package manager has it, adopted, reinstalled and restored, in a private copy of this machine's
# file system: an upgrade of the package undoes no adoption and brings no set-user-ID program back, and after a restore
# the package is as it was.
#
#   package_reinstalled.sh --package FILE.deb [--build DIR]    the very package that is installed; the build tree that
#                                                              is installed (default build/release of this tree)
#
# Exit status: 0 all checks held, 1 one did not, 77 the machine cannot run it (1 where SECSHR_TESTS_MUST_RUN=1).
set -euo pipefail

tests=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd -P)
[[ ${1:-} == --package ]] || { sed -n '2,9s/^# \{0,1\}//p' "$0" >&2 && exit 2; }
package=$2 && shift 2
build=${tests%/tests}/build/release
[[ ${1:-} != --build ]] || { build=$2 && shift 2; }

scratch=/mnt
[[ $tests != /mnt/* ]] || scratch=/srv
against='the package manager'  # for report.sh
interop=$tests/interop

source "$tests/interop/lib/summary.sh"
source "$tests/interop/lib/report.sh"
source "$tests/interop/lib/private_system.sh"
source "$tests/packaging/lib/inside.sh"

tell_what_the_server_said() { tail -n 20 "$scratch"/out/*; }

reinstall() {
  dpkg --install "$package" >"$scratch/out/dpkg" 2>&1
}

mode_of() { stat -c %a "$1"; }
# status: what it says of the adoption; whether a broker runs is another matter.
adoption() { secshrctl status --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["installations"][0]["intact"])'; }

survives() {
  local before
  before=$(stat -c '%i %a %s' "$helper")
  check 'an adopted installation is intact' test "$(adoption)" = True
  check 'the package is reinstalled' reinstall
  check_equal 'its wrapper is the very file that it was' "$before" "$(stat -c '%i %a %s' "$helper")"
  check 'and so is the one for UTF-8' test "$helper" -ef "$DIST/utf8/gtmsecshr"
  check 'the installation is intact' test "$(adoption)" = True
  check 'the original is the package'\''s' cmp -s "$original" "$scratch/out/stock"
  check_equal 'and is not set-user-ID' 755 "$(mode_of "$original")"
  check_equal 'no set-user-ID file but the wrapper is for everybody to run' "$helper" \
    "$(find "$DIST" -perm -4001 ! -path '*/utf8/*' -print)"
}

is_as_packaged() {
  check 'the original is in its place' cmp -s "$helper" "$scratch/out/stock"
  check_equal 'with its mode' 4755 "$(mode_of "$helper")"
  check 'also for UTF-8' test "$helper" -ef "$DIST/utf8/gtmsecshr"
  check_equal 'nothing is diverted' '' "$(dpkg-divert --list '*gtmsecshr*')"
  check_equal 'nothing is overridden' '' "$(dpkg-statoverride --list "$DIST/*" || :)"
  check_equal 'nothing of ours is left' '' "$(find "$DIST" -name '*secshr-*')"
  check_equal 'the package is as it should be' '' "$(dpkg --verify "$name")"
}

arguments=(--package "$package" --build "$build")
[[ -f $package ]] || cannot_run "no package ${package:-was fetched}"
[[ ${1:-} == --inside ]] || start_inside dpkg dpkg-divert dpkg-statoverride python3
cd /
umask 022
make_private_system
mkdir "$scratch/out"
cp "$package" "$scratch/package.deb" && package=$scratch/package.deb
[[ -e $build/CMakeCache.txt ]] || { printf 'no build in %s\n' "$build" >&2 && exit 1; }
cmake --install "$build" --prefix /usr >"$scratch/out/install"
cover_tmp

name=$(dpkg-deb --field "$package" Package)
helper=$(dpkg --listfiles "$name" | grep '/gtmsecshr$' | grep -v -e /utf8/ -e gtmsecshrdir)
DIST=${helper%/gtmsecshr}
original=$helper.secshr-original
cp "$helper" "$scratch/out/stock"

printf 'adopted and reinstalled\n'
secshrctl adopt "$DIST" >"$scratch/out/adopt"
survives
check 'it is adopted already' grep -q already <(secshrctl adopt "$DIST")
survives

printf 'restored\n'
check 'it can be restored' secshrctl restore "$DIST"
is_as_packaged
check 'the package is reinstalled' reinstall
is_as_packaged

printf 'the control: without the diversion\n'
secshrctl adopt "$DIST" >"$scratch/out/adopt"
for path in "$helper" "$DIST/utf8/gtmsecshr"; do
  dpkg-divert --quiet --package secshr --no-rename --remove "$path"
  dpkg-statoverride --quiet --remove "$path"
done
check 'the package is reinstalled' reinstall
check 'the wrapper is overwritten' cmp -s "$helper" "$scratch/out/stock"
check 'and status says so' test "$(adoption)" = False
check 'adopt mends it' secshrctl adopt "$DIST"
survives
check 'it can be restored' secshrctl restore "$DIST"
is_as_packaged

keeps_the_administrators() {
  dpkg-statoverride --quiet --add "$@" "$helper"
  secshrctl adopt "$DIST" >"$scratch/out/adopt"
  check "an administrator's $* is kept" grep -qF "$*" <(dpkg-statoverride --list "$helper")
  check 'it can be restored' secshrctl restore "$DIST"
  check 'and it is still there' grep -qF "$*" <(dpkg-statoverride --list "$helper")
  dpkg-statoverride --quiet --remove "$helper"
}
printf 'with a mode of the administrator'\''s\n'
keeps_the_administrators root staff 4750
keeps_the_administrators root staff 755
finish
