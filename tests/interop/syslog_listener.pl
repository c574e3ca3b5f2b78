# A syslog daemon as small as can be: prints each datagram that comes to the socket named by the argument as one line.
use strict;
use warnings;
use Socket;

my $path = shift // die "usage: syslog_listener.pl SOCKET\n";
my $made = "$path.new";
$| = 1;
socket(my $socket, AF_UNIX, SOCK_DGRAM, 0) or die "socket: $!\n";
bind($socket, pack_sockaddr_un($made)) or die "bind: $!\n";
chmod 0666, $made or die "chmod: $!\n";
# Under its name only when ready, so that whoever waits for the name finds it served.
rename $made, $path or die "rename: $!\n";
while (defined recv($socket, my $line, 65536, 0)) {
    $line =~ s/[\0\n]+\z//;
    $line =~ s/[[:cntrl:]]/?/g;
    print "$line\n";
}
