/**
 * What runs first inside of a jail that may reach a registry: its network namespace has nothing but a loopback of its own.
 * It listens there, and carries each connection to a socket of the agent (registry/egress.ts), which decides where it goes.
 * Node cannot listen in another network namespace; perl-base is on every Debian.
 *
 * Arguments: account number of the forwarders (0 to keep that of the caller), number of listeners, for each its address, port
 * and the path of the agent's socket; then the command that it becomes. The forwarders end with the jail.
 */
export const forwardScript = String.raw`
use strict; use warnings; use Socket;
my ($uid, $count, @rest) = @ARGV;
$SIG{PIPE} = 'IGNORE';

sub carry {
  my ($from, $to) = @_;
  while (sysread($from, my $bytes, 1 << 17)) {
    for (my $done = 0; $done < length($bytes);) {
      my $written = syswrite($to, $bytes, length($bytes) - $done, $done);
      if (!$written) { shutdown($from, 2); shutdown($to, 2); exit 0 }
      $done += $written;
    }
  }
  shutdown($to, 1);
  exit 0;
}

for (1 .. $count) {
  my ($address, $port, $path) = splice(@rest, 0, 3);
  my $family = index($address, ':') < 0 ? AF_INET : AF_INET6;
  my $packed = Socket::inet_pton($family, $address) or die "jail: $address is no address\n";
  socket(my $listener, $family, SOCK_STREAM, 0) or die "jail: socket: $!\n";
  bind($listener, $family == AF_INET ? pack_sockaddr_in($port, $packed) : Socket::pack_sockaddr_in6($port, $packed)) or die "jail: $address:$port: $!\n";
  listen($listener, 64) or die "jail: $address:$port: $!\n";
  my $forwarder = fork() // die "jail: fork: $!\n";
  next if $forwarder;
  if ($uid) { $) = "$uid $uid"; $( = $uid; ($<, $>) = ($uid, $uid); $> == $uid && $< == $uid or die "jail: account $uid: $!\n" }
  $SIG{CHLD} = 'IGNORE';
  while (1) {
    accept(my $client, $listener) or next;
    my $carrier = fork();
    if (!defined $carrier || $carrier) { close($client); next }
    socket(my $agent, AF_UNIX, SOCK_STREAM, 0) or exit 1;
    connect($agent, pack_sockaddr_un($path)) or exit 1;
    if (fork() // exit 1) { carry($client, $agent) } else { carry($agent, $client) }
  }
}
exec { $rest[0] } @rest or die "jail: $rest[0]: $!\n";
`
