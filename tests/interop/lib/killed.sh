# shellcheck shell=bash
# A process that is killed while it has the database open leaves its semaphore sets and its segment behind; somebody
# else cleans up, in one of three ways.

# leave_unclean VALUE: alice sets ^a(1) to VALUE and is killed before it is in the file for certain.
leave_unclean() {
  start_session killed alice "$gtm/mumps" -run %XCMD "set ^a(1)=$1 write \"open \",^a(1),! read told"
  wait_until_said killed '^open '
  kill_session killed
}

# clean_up HOW: bob runs down the region or the file, or opens the database and leaves it; as run_client.
clean_up() {
  case $1 in
    region) run_client bob "$gtm/mupip" rundown -region DEFAULT </dev/null ;;
    file) run_client bob "$gtm/mupip" rundown -file "$database" </dev/null ;;
    open) run_client bob "$gtm/mumps" -run %XCMD 'write ^a(1),!' </dev/null ;;
  esac
}

# clean_up_says HOW VALUE: the line that shows success.
clean_up_says() {
  case $1 in
    region | file) echo '^%GTM-I-MUFILRNDWNSUC' ;;
    open) echo "^$2\$" ;;
  esac
}
