# shellcheck shell=bash
# The private half of the file system: what is written to /etc, /usr and /var goes to memory, /run, /tmp and /dev are
# new, and /dev/log is heard by a listener of our own. The machine's own trees are never written.

make_private_system() {
  mount --make-rprivate /
  mount -t tmpfs -o mode=0755 scratch "$scratch"
  bind_summary
  local tree
  for tree in etc usr var; do
    mkdir -p "$scratch/overlay/$tree/upper" "$scratch/overlay/$tree/work"
    mount -t overlay -o "lowerdir=/$tree,upperdir=$scratch/overlay/$tree/upper,workdir=$scratch/overlay/$tree/work" \
      "private-$tree" "/$tree"
  done
  mount -t tmpfs -o mode=0755 private-run /run
  # What a machine with secshr of its own has in there is not this world's.
  rm -rf /etc/secshr /var/log/secshr
  private_devices
}

# The usual devices and an empty place for /dev/log.
private_devices() {
  local new=$scratch/dev name
  mkdir "$new" && mkdir -m 1777 "$new/shm"
  for name in null zero full random urandom tty; do
    [[ -e /dev/$name ]] || continue
    : >"$new/$name"
    mount --bind "/dev/$name" "$new/$name"
  done
  ln -s /proc/self/fd "$new/fd"
  ln -s fd/0 "$new/stdin"
  ln -s fd/1 "$new/stdout"
  ln -s fd/2 "$new/stderr"
  mount --rbind "$new" /dev
}

# Last, because the build tree or this very tree may lie below /tmp.
cover_tmp() {
  mount -t tmpfs -o mode=1777 private-tmp /tmp
}

start_syslog() {
  : >"$syslog"
  perl "$interop/syslog_listener.pl" /dev/log >>"$syslog" &
  local deadline=$((SECONDS + 10))
  until [[ -S /dev/log ]]; do
    ((SECONDS < deadline)) || { echo 'no /dev/log' >&2 && return 1; }
    sleep 0.01
  done
}
