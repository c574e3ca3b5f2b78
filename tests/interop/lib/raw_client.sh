# shellcheck shell=bash
# A client of our own making, for requests that no stock client sends: a program of one datagram and its reply.

# The keys of GT.M V7.0-005, which Debian 12 has.
communication_key=0xb54536ab
foreign_key=0xd834e1cf

raw_client='
  use Socket;
  my ($directory, $server, $key, $code, $format, @values) = @ARGV;
  my $own = sprintf("%s/gtm_secshr%08X", $directory, $$);
  socket(my $socket, AF_UNIX, SOCK_DGRAM, 0) or die "socket: $!\n";
  bind($socket, pack_sockaddr_un($own)) or die "bind: $!\n";
  my $datagram = pack("l< L< L< l< Q<", $code, hex($key), 0, $$, 1) . pack($format, @values);
  send($socket, $datagram, 0, pack_sockaddr_un("$directory/$server")) or die "send: $!\n";
  vec(my $readable = "", fileno($socket), 1) = 1;
  my $reply;
  if (!select($readable, undef, undef, 0.5)) { print "no reply" }
  elsif (!defined recv($socket, $reply, 65536, 0)) { die "recv: $!\n" }
  else { print "reply ", unpack("l<", $reply) }
  unlink $own;'

# ask_with KEY CODE FORMAT VALUE…: bob asks; `reply CODE`, or `no reply`. FORMAT is that of perl's pack.
ask_with() { as_user bob perl -e "$raw_client" "$gtm_tmp" "$(server_socket_name)" "$@"; }

# ask CODE NUMBER, ask_file PATH, ask_flush SEMID SHMID SEM_CTIME SHM_CTIME PATH
ask() { ask_with "$communication_key" "$1" 'l<' "$2"; }
ask_file() { ask_with "$communication_key" 4 'Z*' "$1"; }
ask_flush() { ask_with "$communication_key" 6 'l< l< l< x4 q< q< L< Z*' 0 "${@:1:4}" "${#5}" "$5"; }
