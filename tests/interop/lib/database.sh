# shellcheck shell=bash
# The database: made by alice, read-only afterwards, and looked at from outside byte by byte.

header_bytes=8192  # the file header; the ids are its bytes 512-535
ids_offset=512
ids_length=24

# create_database MODE: 100 nodes of ^a, closed, then chmod MODE.
create_database() {
  as_user alice sh -eu -c '
    umask 027
    printf "change -segment DEFAULT -file=%s\nexit\n" "$1" | "$gtm_dist/mumps" -run GDE
    "$gtm_dist/mupip" create
    "$gtm_dist/mumps" -run %XCMD "for i=1:1:100 set ^a(i)=i*i"
    chmod "$2" "$1"' sh "$database" "$1" </dev/null >"$scratch/out/create" 2>&1 ||
    { cat "$scratch/out/create" >&2 && return 1; }
}

# check_closed_and_sound: what must hold of a database that everybody has left.
check_closed_and_sound() {
  check_equal 'the header has the ids of a closed database' "$closed_ids" "$(ids_as_numbers "$database")"
  check 'no semaphore set, no segment, no socket file of a client is left' nothing_left_behind
  check 'the database passes mupip integ' passes_integ
}

# What `zwrite ^a` prints for it.
expected_globals() {
  awk 'BEGIN { for (i = 1; i <= 100; i++) n[i] = "^a(" i ")=" i * i; for (i = 1; i <= 100; i++) print n[i] }'
}

# ids FILE: the 24 bytes in hexadecimal.
ids() { od -An -v -tx1 -j "$ids_offset" -N "$ids_length" "$1" | tr -d ' \n'; }

# ids_as_numbers FILE: semid shmid sem_ctime shm_ctime.
ids_as_numbers() {
  echo $(od -An -v -td4 -j "$ids_offset" -N 8 "$1") $(od -An -v -td8 -j $((ids_offset + 8)) -N 16 "$1")
}

closed_ids='-1 -1 0 0'

# remember_database: what it is like while nobody has it open.
remember_database() { cp --preserve=mode,ownership "$database" "$scratch/out/before"; }

database_unchanged() { cmp "$scratch/out/before" "$database"; }

same_owner_and_mode() {
  [[ $(stat -c '%u %g %a' "$scratch/out/before") == "$(stat -c '%u %g %a' "$database")" ]]
}

# The last word on whether the file is sound, by its owner on a writable copy, so that no server is needed to look.
passes_integ() {
  local copy=$scratch/home/alice/checked.dat
  cp "$database" "$copy"
  chown alice: "$copy"
  chmod 0600 "$copy"
  as_user alice "$gtm/mupip" integ -file "$copy" </dev/null >"$scratch/out/integ" 2>&1 &&
    grep -q 'No errors detected by integ' "$scratch/out/integ"
}
