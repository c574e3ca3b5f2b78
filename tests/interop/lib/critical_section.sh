# shellcheck shell=bash
# A process stopped while it holds the critical section: another one that waits to update has it continued, after about
# sixteen seconds. They are of different users and sessions, so that the waiting one may not do that itself.

# process_state PID: one letter, T where it is stopped.
process_state() { awk '$1 == "State:" { print $2 }' "/proc/$1/status"; }

is_stopped() { [[ $(process_state "$1") == T ]]; }
runs() { ! is_stopped "$1"; }

# stop_in_critical_section: alice's dse.
stop_in_critical_section() {
  start_session holder alice setsid "$gtm/dse"
  tell holder 'crit -seize'
  wait_until_said holder '^Seized write critical section'
  kill -STOP "${session_pid[holder]}"
  wait_until 10 is_stopped "${session_pid[holder]}"
}

# wait_for_critical_section VALUE: bob sets ^a(1) to it, and keeps the database open. Succeeds when alice's dse runs
# again; waited_ms is how long that took.
wait_for_critical_section() {
  local start
  start=$(milliseconds)
  start_session waiter bob "$gtm/mumps" -run %XCMD "set ^a(1)=$1 write \"set \",^a(1),! read told"
  wait_until 40 runs "${session_pid[holder]}"
  waited_ms=$(($(milliseconds) - start))
}

# leave_critical_section: alice first, so that bob, whose update goes through now, is the last one out.
leave_critical_section() {
  tell holder 'crit -release'
  tell holder exit
  end_session holder
  wait_until_said waiter '^set '
  close_database waiter
}

# check_critical_section: all of it.
check_critical_section() {
  stop_in_critical_section
  check "alice's stopped process is continued while bob waits" wait_for_critical_section 77
  check 'bob has not got past it' not has_said waiter '^set '
  leave_critical_section
  check_equal "alice's process ends well" 0 "${session_status[holder]}"
  check 'it has released the critical section' has_said holder '^Released write critical section'
  check_equal "bob's process ends well" 0 "${session_status[waiter]}"
  check_requests_served bob "${session_pid[waiter]}" "continue $removals"
  printf '          %s ms\n' "$waited_ms"
}
