/**
 * Reads, for each network namespace named on standard input, what tells whether anything was changed in it: the generation of its packet
 * filter (nftables counts its transactions), and its links, queues, addresses, routes, rules of routing, permanent neighbours, those that it answers for and static entries of bridges without what changes by itself (counters,
 * carriers, ages). A line each: `name generation record…`, records in hexadecimal digits; only the name where it leads to no namespace. An empty
 * name is the namespace it runs in; it comes first. One process for all: a process of `nft` and `ip` for each would cost a hundred times as much. Node has no netlink sockets;
 * perl-base is on every Debian.
 *
 * Argument: the number of the system call setns. Sources: linux/netlink.h, linux/rtnetlink.h, linux/netfilter/nf_tables.h.
 */
export const fingerprintScript = String.raw`
use strict; use warnings;
my $setns = 0 + $ARGV[0];

sub attributes {
  my ($bytes) = @_;
  my %all;
  while (length($bytes) >= 4) {
    my ($length, $type) = unpack('S S', $bytes);
    last if $length < 4 || $length > length($bytes);
    $all{$type & 0x3fff} = substr($bytes, 4, $length - 4);
    my $step = ($length + 3) & ~3;
    $bytes = $step < length($bytes) ? substr($bytes, $step) : '';
  }
  return \%all;
}

# All messages of an answer, as [type, payload]; of a dump up to its end.
sub ask {
  my ($socket, $type, $flags, $payload) = @_;
  send($socket, pack('L S S L L', 16 + length($payload), $type, $flags, 1, 0) . $payload, 0) // die "send: $!\n";
  my @all;
  while (1) {
    defined(recv($socket, my $bytes, 1 << 20, 0)) or die "recv: $!\n";
    while (length($bytes) >= 16) {
      my ($length, $kind) = unpack('L S', $bytes);
      last if $length < 16 || $length > length($bytes);
      if ($kind == 2) { my $error = unpack('l', substr($bytes, 16, 4)); die "netlink: error $error\n" if $error; return \@all }
      return \@all if $kind == 3;
      push @all, [$kind, substr($bytes, 16, $length - 16)];
      my $step = ($length + 3) & ~3;
      $bytes = $step < length($bytes) ? substr($bytes, $step) : '';
    }
    return \@all unless $flags & 0x300;
  }
}

sub records {
  my ($socket) = @_;
  my @records;
  my $add = sub { push @records, unpack('H*', join('', map { defined $_ ? pack('S/a*', $_) : pack('S', 0xffff) } @_)) };
  # Links, without their statistics: up or not, MTU, address and name.
  for (@{ask($socket, 18, 0x301, pack('C x S l L L', 0, 0, 0, 0, 0) . pack('S S L', 8, 29, 8))}) {
    my (undef, undef, $index, $flags) = unpack('C x S l L', $_->[1]);
    my $has = attributes(substr($_->[1], 16));
    $add->('l', pack('l C', $index, $flags & 1), @$has{3, 1, 4, 10});
  }
  for (@{ask($socket, 22, 0x301, pack('C C C C L', 0, 0, 0, 0, 0))}) {
    my ($family, $length, undef, undef, $index) = unpack('C C C C L', $_->[1]);
    my $has = attributes(substr($_->[1], 8));
    $add->('a', pack('C C L', $family, $length, $index), @$has{1, 2});
  }
  for (@{ask($socket, 26, 0x301, pack('C C C C C C C C L', (0) x 9))}) {
    my ($family, $to, $from, $tos, $table, $protocol, $scope, $type) = unpack('C8', $_->[1]);
    my $has = attributes(substr($_->[1], 12));
    $add->('r', pack('C8', $family, $to, $from, $tos, $table, $protocol, $scope, $type), @$has{1, 4, 5, 6});
  }
  for (@{ask($socket, 30, 0x301, pack('C x3 l S C C', (0) x 5))}) {
    my ($family, $index, $state) = unpack('C x3 l S', $_->[1]);
    next unless $state & 0x80;
    my $has = attributes(substr($_->[1], 12));
    $add->('n', pack('C l', $family, $index), @$has{1, 2});
  }
  # Whom the namespace answers for: the flag is NTF_PROXY.
  for (@{ask($socket, 30, 0x301, pack('C x3 l S C C', 0, 0, 0, 8, 0))}) {
    my ($family, $index) = unpack('C x3 l', $_->[1]);
    $add->('o', pack('C l', $family, $index), attributes(substr($_->[1], 12))->{1});
  }
  # Bridges: what they were told, not what they learned.
  for (@{ask($socket, 30, 0x301, pack('C x3 l S C C', 7, 0, 0, 0, 0))}) {
    my (undef, $index, $state) = unpack('C x3 l S', $_->[1]);
    my $has = attributes(substr($_->[1], 12));
    next unless $state & 0xc0 && defined $has->{9};
    $add->('f', pack('l', $index), @$has{2, 9});
  }
  # Where to look for routes, without the three that are everywhere.
  for (@{ask($socket, 34, 0x301, pack('C C C C C C C C L', (0) x 9))}) {
    my ($family, undef, $from, undef, $table, undef, undef, $action) = unpack('C8', $_->[1]);
    my $has = attributes(substr($_->[1], 12));
    $add->('p', pack('C4', $family, $from, $table, $action), @$has{2, 6, 10, 14, 15});
  }
  # Queues, without their statistics and references: kind and options.
  for (@{ask($socket, 38, 0x301, pack('C x3 l L L L', (0) x 5))}) {
    my (undef, $index, $handle, $parent) = unpack('C x3 l L L', $_->[1]);
    my $has = attributes(substr($_->[1], 20));
    $add->('q', pack('l L L', $index, $handle, $parent), @$has{1, 2});
  }
  return sort @records;
}

while (my $name = <STDIN>) {
  chomp $name;
  if ($name ne '') {
    my $namespace;
    if (!open($namespace, '<', "/run/netns/$name") || syscall($setns, fileno($namespace), 0x40000000) != 0) { print "$name\n"; next }
  }
  socket(my $filter, 16, 3, 12) or die "socket: $!\n";
  my $generation = 0;
  for (@{ask($filter, (10 << 8) | 16, 1, pack('C C n', 0, 0, 0))}) { $generation = unpack('N', attributes(substr($_->[1], 4))->{1} // next) }
  socket(my $routes, 16, 3, 0) or die "socket: $!\n";
  print join(' ', $name, $generation, records($routes)), "\n";
}
`
