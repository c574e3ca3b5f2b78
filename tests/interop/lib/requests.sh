# shellcheck shell=bash
# What the server says it was asked and did: secshr in its audit log, stock gtmsecshr in syslog.

# Reads a line of `key=value` pairs, values in quotes where they need it, into field[].
audit_reader='
  function read_fields(   rest, key, value) {
    split("", field)
    rest = $0
    while (match(rest, /^[a-z]+=("([^"\\]|\\.)*"|[^ ]*) ?/)) {
      value = substr(rest, 1, RLENGTH)
      rest = substr(rest, RLENGTH + 1)
      key = substr(value, 1, index(value, "=") - 1)
      value = substr(value, length(key) + 2)
      sub(/ $/, "", value)
      gsub(/^"|"$/, "", value)
      field[key] = value
    }
  }'

# audit_where KEY=VALUE…: the lines in which each key has that value, or, with KEY!=VALUE, another one.
audit_where() {
  [[ -e $audit_log ]] || return 0
  awk "$audit_reader"'
    BEGIN {
      for (i = 1; i < ARGC - 1; i++) {
        at = index(ARGV[i], "=")
        unlike[i] = substr(ARGV[i], at - 1, 1) == "!"
        key[i] = substr(ARGV[i], 1, at - 1 - unlike[i])
        wanted[i] = substr(ARGV[i], at + 1)
        ARGV[i] = ""
      }
      pairs = i - 1
    }
    {
      read_fields()
      for (i = 1; i <= pairs; i++) if ((field[key[i]] == wanted[i]) == unlike[i]) next
      print
    }' "$@" "$audit_log"
}

# audit_values KEY: of the audit lines on standard input.
audit_values() { awk -v key="$1" "$audit_reader"'{ read_fields(); print field[key] }'; }

# The words for requests are those of the audit log; these two sequences come up again and again.
flushes='flush-header-open flush-header-close'
removals='remove-segment remove-semaphore-set remove-semaphore-set'

# requests_served PID: what was done for that client, in order. A header flush counts only for the database. Leftovers
# are not in it: nobody asks for their removal, and it comes when the client has its reply (see leftovers_removed).
requests_served() {
  if [[ $against == stock ]]; then
    sed -nE "/GTM-SECSHR\[[0-9]+\]: .*\[client pid $1\] /{
      s|.*database fileheader \($database\) updated for (open\|close) .*|flush-header-\1|p
      s/.*Semaphore \([0-9]+\) removed .*/remove-semaphore-set/p
      s/.*Shared memory segment \([0-9]+\) removed, .*/remove-segment/p
      s/.*GTMSECSHRREMFILE.*/remove-file/p
    }" "$syslog"
  else
    audit_where pid="$1" req!=remove-leftover verdict=done errno=0 | awk -v database="$database" "$audit_reader"'
      { read_fields(); print field["req"] (field["req"] ~ /^flush/ && field["obj"] != database ? "-elsewhere" : "") }'
  fi | paste -sd ' '
}

# requests_refused PID: the same for what was not done, each with the rule. Stock gtmsecshr does what it is asked.
requests_refused() {
  [[ $against == secshr ]] || return 0
  { audit_where pid="$1" req!=remove-leftover verdict!=done
    audit_where pid="$1" req!=remove-leftover verdict=done errno!=0; } |
    awk "$audit_reader"'{ read_fields(); print field["req"] ":" field["rule"] }' | paste -sd ' '
}

# recorded REQUESTS: those that the server leaves a record of. Stock gtmsecshr has none for `continue`: there a scenario
# sees the effect alone.
recorded() {
  if [[ $against == stock ]]; then
    tr ' ' '\n' <<<"$1" | { grep -vx continue || :; } | paste -sd ' '
  else
    echo "$1"
  fi
}

# check_requests_served WHO PID EXPECTED [REFUSED]. Records come a moment after the reply: wait for them, then see that
# there are no others.
check_requests_served() {
  local who=$1 pid=$2 expected refused=${4:-}
  expected=$(recorded "$3")
  wait_until 3 served_so_far "$pid" "$expected" || :
  check_equal "requests recorded for $who: ${expected:-none}" "$expected" "$(requests_served "$pid")"
  if [[ $against == secshr ]]; then
    check_equal "requests refused to $who: ${refused:-none}" "$refused" "$(requests_refused "$pid")"
  fi
  summarise "$who" "$(requests_served "$pid")"
  [[ -z $(requests_refused "$pid") ]] || summarise "$who, refused" "$(requests_refused "$pid")"
}

served_so_far() { [[ $(requests_served "$1") == "$2" ]]; }

# leftovers_removed PID: the names of the sockets that the server removed because of that client.
leftovers_removed() {
  audit_where pid="$1" req=remove-leftover verdict=done errno=0 | audit_values obj | sed 's|.*/||' | sort
}

# Of all clients together: something was opened, all of it was closed, and nothing was refused.
check_all_served() {
  local opened closed
  if [[ $against == stock ]]; then
    opened=$(grep -c 'updated for open' "$syslog" || :)
    closed=$(grep -c 'updated for close' "$syslog" || :)
  else
    check_equal 'no request was refused' '' "$(audit_where pid!= verdict!=done)"
    opened=$(audit_where req=flush-header-open | wc -l)
    closed=$(audit_where req=flush-header-close | wc -l)
  fi
  check 'something was asked' test "$opened" -gt 0
  check_equal 'as many closed as opened' "$opened" "$closed"
}

# requests_table: one row for each request.
requests_table() {
  if [[ $against == stock ]]; then
    # Stock gtmsecshr records neither who asked, but for the pid, nor what it refused.
    printf '%7s  %s\n' pid request
    sed -nE 's/.*\[client pid ([0-9]+)\] (.*) -- generated from .*/\1 \2/p' "$syslog" |
      while read -r pid what; do printf '%7s  %s\n' "$pid" "$what"; done
    return
  fi
  awk -F: "$audit_reader"'
    function row(pid, user, program, request, object, owner, verdict, rule, errno, us) {
      printf "%7s  %-6s %-8s %-20s %-20s %-6s %-8s %-8s %5s %7s\n", pid, user, program, request, object, owner, verdict,
        rule, errno, us
    }
    BEGIN { row("pid", "user", "program", "request", "object", "owner", "verdict", "rule", "errno", "us") }
    FILENAME == "/etc/passwd" { name[$3] = $1; next }
    {
      read_fields()
      if (!("pid" in field)) next
      row(field["pid"], name[field["uid"]], field["comm"], field["req"], field["obj"],
          field["owner"] in name ? name[field["owner"]] : field["owner"], field["verdict"], field["rule"],
          field["errno"], field["us"])
    }' /etc/passwd "$audit_log"
}

requests_as_recorded() {
  if [[ $against == stock ]]; then
    grep -F GTM-SECSHR "$syslog"
  else
    cat "$audit_log"
  fi
}

# summarise_syslog SEVERITIES: which messages of those severities the server sent, each once.
summarise_syslog() {
  local severity mnemonic
  while IFS=- read -r _ severity mnemonic; do
    summarise "$mnemonic" "severity $severity"
  done < <(grep -F 'GTM-SECSHR[' "$syslog" | grep -oE '%[A-Z]+-['"$1"']-GTMSECSHR[A-Z]+' | sort -u)
}
