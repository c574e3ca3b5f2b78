# shellcheck shell=bash
# What clients and servers must not leave behind: System V IPC objects of this IPC namespace and files in $gtm_tmp.

# ipc_objects: one line each. Stock gtmsecshr keeps one semaphore set of its own, with the server key (0x2e......).
ipc_objects() {
  awk 'FNR > 1 && int($1 / 16777216) != 46 { print "semaphore set", $2, "of uid", $5 }' /proc/sysvipc/sem
  awk 'FNR > 1 { print "segment", $2, "of uid", $8 }' /proc/sysvipc/shm
}

# client_files [DIR]: everything in $gtm_tmp but the server's socket.
client_files() {
  find "${1:-$gtm_tmp}" -mindepth 1 ! -name "$(server_socket_name "$@")" -printf '%p\n'
}

nothing_left_behind() {
  local left
  left=$(ipc_objects && client_files "$@")
  [[ -z $left ]] || { printf '          left behind: %s\n' "$left" && return 1; }
}
