# shellcheck shell=bash
# The world a scenario runs in: private mount, IPC, PID and network namespaces holding a copy of the installed GT.M,
# accounts of its own and, with `--against secshr`, an installed and adopted secshr. All of it vanishes with its first
# process. Network, because the kernel's list of bound socket names is that namespace's: worlds that run at the same
# time use the same names.
#
# A scenario sources this file and calls `enter_world "$@"`: that starts the same script again inside the namespaces
# and returns only there, with everything laid out. Arguments of every scenario:
#   --against secshr|stock   whose gtmsecshr serves (default secshr)
#   --build DIR              the build tree that secshr is installed from (default build/release of this tree)
# Where SECSHR_INTEROP_SUMMARY names a directory, a short record of what was asked goes there (see compare.sh).
# Exit status: 0 all checks held, 1 one did not, 77 the machine cannot run it (1 where SECSHR_TESTS_MUST_RUN=1).

interop=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
against=secshr
build=${interop%/tests/interop}/build/release
installed_gtm=''

# Where all scratch files lie; the other place is for trees that are themselves below /mnt.
scratch=/mnt
[[ $interop != /mnt/* ]] || scratch=/srv
gtm=$scratch/gtm            # the copy of the installation: $gtm_dist
data=$scratch/data          # the database
gtm_tmp=$scratch/tmp        # $gtm_tmp, sticky like /tmp
database=$data/demo.dat
syslog=$scratch/syslog      # what the private /dev/log was told
secshrctl=$scratch/secshrctl  # as built, whoever serves; here even where the build tree is covered later

source "$interop/lib/report.sh"
source "$interop/lib/summary.sh"
source "$interop/lib/wait.sh"
source "$interop/lib/private_system.sh"
source "$interop/lib/accounts.sh"
source "$interop/lib/clients.sh"
source "$interop/lib/database.sh"
source "$interop/lib/server.sh"
source "$interop/lib/requests.sh"
source "$interop/lib/leftovers.sh"
source "$interop/lib/sessions.sh"
source "$interop/lib/last_out.sh"
source "$interop/lib/killed.sh"
source "$interop/lib/leftover_sockets.sh"
source "$interop/lib/critical_section.sh"
source "$interop/lib/raw_client.sh"

cannot_run() {
  printf 'cannot run: %s\n' "$1" >&2
  [[ ${SECSHR_TESTS_MUST_RUN:-} == 1 ]] && exit 1
  exit 77
}

enter_world() {
  local inside=no
  while (($# > 0)); do
    case $1 in
      --against) against=$2 && shift 2 ;;
      --build) build=$2 && shift 2 ;;
      --inside) inside=yes && shift ;;
      *) printf 'usage: %s [--against secshr|stock] [--build DIR]\n' "$0" >&2 && exit 2 ;;
    esac
  done
  [[ $against == secshr || $against == stock ]] || { echo "--against: secshr or stock" >&2 && exit 2; }

  local candidate
  for candidate in /usr/lib/*/fis-gtm/*/libgtmshr.so; do
    [[ -e $candidate ]] && installed_gtm=${candidate%/*}
  done
  [[ $inside == yes ]] || start_inside
  trap 'printf "stopped at %s:%s\n" "${BASH_SOURCE[0]}" "$LINENO" >&2' ERR
  set -E
  # PID 1 of a namespace ignores every signal it has no handler for.
  trap 'exit 130' INT TERM HUP
  cd /
  umask 022
  make_private_system
  lay_out_scratch
  if [[ -e $build/secshrctl ]]; then cp "$build/secshrctl" "$secshrctl"; fi
  if [[ $against == secshr ]]; then install_secshr; fi
  cover_tmp
}

# Runs this script again as the first process of new namespaces, and ends with its exit status.
start_inside() {
  ((EUID == 0)) || cannot_run 'not root'
  [[ -n $installed_gtm ]] || cannot_run 'no GT.M (Debian package fis-gtm)'
  [[ ! -e $installed_gtm/gtmsecshr.secshr-original ]] || cannot_run "$installed_gtm is itself adopted: no stock copy"
  unshare --mount --ipc --pid --net --fork true 2>/dev/null || cannot_run 'no new namespaces'
  # The parent-death signal and --kill-child chain together: however this shell ends, the namespaces end too. In the
  # background, because a trap waits for a foreground child, and unshare itself blocks SIGINT and SIGTERM.
  setpriv --pdeathsig KILL unshare --mount --ipc --pid --net --fork --mount-proc --kill-child \
    bash "$0" --inside --against "$against" --build "$build" <&0 &
  local child=$! status=0
  # shellcheck disable=SC2064  # the id as it is now
  trap "kill -KILL $child 2>/dev/null || :; exit 130" INT TERM HUP
  wait "$child" || status=$?
  exit "$status"
}

lay_out_scratch() {
  write_accounts
  start_syslog
  cp -a "$installed_gtm" "$gtm"
  mkdir -m 1777 "$gtm_tmp" "$scratch/log"
  mkdir "$scratch/out"
  mkdir "$data" && chown alice:ledger "$data" && chmod 2750 "$data"
  local user
  for user in root alice bob carol; do
    mkdir -p "$scratch/home/$user" && chown "$user:" "$scratch/home/$user"
  done
}
