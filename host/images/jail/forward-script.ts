/**
 * What runs first inside of a jail that may reach a registry: its network namespace has nothing but a loopback of its own.
 * It listens there, and carries each connection to a socket of the agent (registry/egress.ts), which decides where it goes.
 * Node cannot listen in another network namespace; perl-base is on every Debian.
 *
 * Arguments: account number of the forwarders (0 to keep that of the caller), number of listeners, for each its family, its
 * struct sockaddr in hexadecimal digits and the path of the agent's socket; then the command that it becomes. The forwarders
 * end with the jail. It loads no module: that would take as long as all the rest of the jail.
 */
export const forwardScript = String.raw`
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
  my ($family, $address, $path) = splice(@rest, 0, 3);
  socket(my $listener, $family, 1, 0) or die "jail: socket: $!\n";
  bind($listener, pack('H*', $address)) or die "jail: $address: $!\n";
  listen($listener, 64) or die "jail: $address: $!\n";
  my $forwarder = fork() // die "jail: fork: $!\n";
  next if $forwarder;
  if ($uid) { $) = "$uid $uid"; $( = $uid; ($<, $>) = ($uid, $uid); $> == $uid && $< == $uid or die "jail: account $uid: $!\n" }
  $SIG{CHLD} = 'IGNORE';
  while (1) {
    accept(my $client, $listener) or next;
    my $carrier = fork();
    if (!defined $carrier || $carrier) { close($client); next }
    socket(my $agent, 1, 1, 0) or exit 1;
    connect($agent, pack('S a108', 1, $path)) or exit 1;
    if (fork() // exit 1) { carry($client, $agent) } else { carry($agent, $client) }
  }
}
exec { $rest[0] } @rest or die "jail: $rest[0]: $!\n";
`
