# shellcheck shell=bash
# The only accounts of the world. Stock GT.M takes another permission path for uids without accounts, so all have one:
# alice makes the database, bob shares the supplementary group `ledger` with her, carol shares nothing.

write_accounts() {
  cat >/etc/passwd <<'END'
root:x:0:0:root:/root:/bin/sh
alice:x:64201:64201::/nonexistent:/bin/sh
bob:x:64202:64202::/nonexistent:/bin/sh
carol:x:64203:64203::/nonexistent:/bin/sh
END
  cat >/etc/group <<'END'
root:x:0:
alice:x:64201:
bob:x:64202:
carol:x:64203:
ledger:x:64210:alice,bob
END
  printf 'passwd: files\ngroup: files\n' >/etc/nsswitch.conf
}
