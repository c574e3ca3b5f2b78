# shellcheck shell=bash
# Huge pages for stock GT.M's segments. They and who may use them are settings of the whole machine, whatever the
# namespace: held by one scenario at a time, and given back when all of its processes have ended, however they end.

huge_page_pool=/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages
huge_page_group=/proc/sys/vm/hugetlb_shm_group

# hold_huge_pages COUNT GID: that many more than the machine has set aside, for members of that group. Before
# enter_world, whose processes inherit the pipe: the keeper waits until nobody holds its other end.
hold_huge_pages() {
  local pages group
  [[ -w $huge_page_pool && -w $huge_page_group ]] || cannot_run 'no huge pages'
  exec {huge_page_turn}<"$huge_page_pool"
  flock "$huge_page_turn"
  pages=$(<"$huge_page_pool")
  group=$(<"$huge_page_group")
  # A process of its own kin, so that what ends this one and its children does not end it.
  # shellcheck disable=SC2034  # held, and never used
  exec {huge_page_holders}> >(exec setsid --fork sh -c 'cat; echo "$2" >"$1"; echo "$4" >"$3"' keeper \
    "$huge_page_pool" "$pages" "$huge_page_group" "$group" >/dev/null 2>&1)
  echo "$2" >"$huge_page_group"
  echo $((pages + $1)) >"$huge_page_pool"
  (($(<"$huge_page_pool") >= pages + $1)) || cannot_run 'the machine has no huge pages to give'
}

# has_huge_segment PID: among its mappings is a segment of huge pages.
has_huge_segment() {
  awk '/ \/SYSV/ { segment = 1; next } /^[0-9a-f]+-/ { segment = 0 } segment && /^KernelPageSize: *2048 kB/ { found = 1 }
    END { exit !found }' "/proc/$1/smaps"
}
