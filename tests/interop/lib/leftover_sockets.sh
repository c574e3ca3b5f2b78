# shellcheck shell=bash
# Sockets of others that have the name which a client is about to bind in $gtm_tmp, which is sticky, so that the client
# cannot unlink them: leftovers that nobody has bound any more, and one that somebody has.

socket_program='
  use Socket;
  $| = 1;
  socket(my $socket, AF_UNIX, SOCK_DGRAM, 0) or die "socket: $!\n";
  bind($socket, pack_sockaddr_un($ARGV[0])) or die "bind: $!\n";'

# leave_socket USER NAME: bound and closed, so nobody's.
leave_socket() { as_user "$1" perl -e "$socket_program" "$gtm_tmp/$2"; }

# hold_socket SESSION USER NAME: bound until release_socket; then says how many datagrams have come.
hold_socket() {
  start_session "$1" "$2" perl -e "$socket_program"'
    print "bound\n";
    <STDIN>;
    my $count = 0;
    $count++ while defined recv($socket, my $datagram, 65536, MSG_DONTWAIT);
    print "received $count\n"' "$gtm_tmp/$3"
  wait_until_said "$1" '^bound$'
}

release_socket() {
  tell "$1" leave
  end_session "$1"
}

# prepare_client: bob's client, whose pid and so whose socket name is known before it runs, in client_socket.
prepare_client() {
  start_session client bob sh -c 'read -r told; exec "$@"' sh "$gtm/mumps" -run %XCMD 'write ^a(7),!'
  client_socket=$(printf 'gtm_secshr%08X' "${session_pid[client]}")
}

# let_client_run: afterwards it has ended.
let_client_run() {
  tell client run
  end_session client
}

# gone NAME…: none of them is in $gtm_tmp.
gone() {
  local name
  for name in "$@"; do
    [[ ! -e $gtm_tmp/$name && ! -L $gtm_tmp/$name ]] || return 1
  done
}
