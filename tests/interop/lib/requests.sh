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

# flushes_served PID: what was done to the header of the database for that client, in order: `open` and `close`.
flushes_served() {
  if [[ $against == stock ]]; then
    { grep -F "[client pid $1] database fileheader ($database) updated for " "$syslog" || :; } |
      sed -E 's/.* updated for (open|close) .*/\1/'
  else
    audit_where pid="$1" obj="$database" verdict=done errno=0 | audit_values req | sed 's/^flush-header-//'
  fi | paste -sd ' '
}

# check_flushes_served PID EXPECTED. Records come a moment after the reply: wait for them, then see that there are no
# others.
check_flushes_served() {
  local pid=$1 expected=$2 deadline=$((SECONDS + 3))
  until [[ $(flushes_served "$pid") == "$expected" ]] || ((SECONDS > deadline)); do sleep 0.02; done
  check_equal "header flushes recorded for pid $pid: ${expected:-none}" "$expected" "$(flushes_served "$pid")"
  [[ $against == secshr ]] || return 0
  check_equal 'and nothing else was asked by it' "$(wc -w <<<"$expected")" "$(audit_where pid="$pid" | wc -l)"
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
    function row(pid, user, program, request, object, verdict, rule, errno, us) {
      printf "%7s  %-6s %-8s %-18s %-19s %-8s %-8s %5s %7s\n", pid, user, program, request, object, verdict, rule, errno, us
    }
    BEGIN { row("pid", "user", "program", "request", "object", "verdict", "rule", "errno", "us") }
    FILENAME == "/etc/passwd" { name[$3] = $1; next }
    {
      read_fields()
      if (!("pid" in field)) next
      row(field["pid"], name[field["uid"]], field["comm"], field["req"], field["obj"], field["verdict"], field["rule"],
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
