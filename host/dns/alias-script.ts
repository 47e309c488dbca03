/**
 * What answers for names that stand for others outside of the network (a Service's externalName): dnsmasq says what such a name stands for, but does not
 * go on and ask for that, as the libc of a pod expects of a resolver. This asks the network's own resolver for the name at the end, and answers with
 * the whole chain. perl-base is on every Debian.
 *
 * Arguments: the port on the loopback at which it listens, the resolver's address and port, and a file with a line a name: the name and what it stands for, one
 * after another. It speaks UDP alone and for the types that programs ask of a host; bytes of strangers are bounded and never followed in circles.
 */
export const aliasScript = String.raw`
use strict;
use Socket;
my ($port, $resolver, $resolver_port, $file) = @ARGV;
my ($most, $seconds, $largest) = (64, 4, 1232);
my ($ipv4, $cname, $ipv6) = (1, 5, 28);
my %chains;
open(my $lines, '<', $file) or die "$file: $!\n";
while (my $line = <$lines>) { chomp $line; my ($name, @chain) = split / /, $line; $chains{$name} = [@chain] }
socket(my $in, AF_INET, SOCK_DGRAM, 0) or die "socket: $!\n";
bind($in, pack_sockaddr_in($port, inet_aton('127.0.0.1'))) or die "port $port: $!\n";
my $to = pack_sockaddr_in($resolver_port, inet_aton($resolver));
my %asked;

sub wire { return join('', map { chr(length($_)) . $_ } split(/\./, $_[0])) . "\0" }
sub record { my ($owner, $type, $ttl, $data) = @_; return $owner . pack('nnNn', $type, 1, $ttl, length($data)) . $data }

# A name at a place of a message, uncompressed, and where it ends. Dies where it is none.
sub name_at {
  my ($message, $at) = @_;
  my ($name, $end) = ('', undef);
  for (0 .. 127) {
    die "short\n" if $at >= length($message);
    my $length = ord(substr($message, $at, 1));
    if (($length & 0xc0) == 0xc0) { die "short\n" if $at + 2 > length($message); $end //= $at + 2; $at = unpack('n', substr($message, $at, 2)) & 0x3fff; next }
    die "label\n" if $length > 63 || $at + 1 + $length > length($message) || length($name) + $length > 254;
    $name .= substr($message, $at, 1 + $length);
    $at += 1 + $length;
    return ($name, $end // $at) if $length == 0;
  }
  die "circle\n";
}

# The chain up to its end, whose own records are added: the first name is the question's.
sub reply {
  my ($asked, $code, @records) = @_;
  my $owner = "\xc0\x0c";
  my @chain = map { my $data = wire($_); my $made = record($owner, $cname, 5, $data); $owner = $data; $made } @{$asked->{chain}};
  my ($body, $count, $flags) = ('', 0, 0x8180 | $code);
  for my $one (@chain, @records) {
    if (12 + length($asked->{question}) + length($body) + length($one) > $largest) { $flags |= 0x0200; last }
    $body .= $one;
    $count += 1;
  }
  send($in, pack('nnnnnn', $asked->{id}, $flags, 1, $count, 0, 0) . $asked->{question} . $body, 0, $asked->{client});
}

sub question {
  my ($client, $message) = @_;
  my ($id, $flags, $questions) = unpack('nnn', $message);
  return if !defined $questions || $flags & 0xf800 || $questions != 1;
  my ($name, $end) = name_at($message, 12);
  return if $end + 4 > length($message);
  my $type = unpack('n', substr($message, $end, 2));
  my @labels;
  for (my $at = 0; (my $length = ord(substr($name, $at, 1))) > 0; $at += 1 + $length) { push @labels, lc substr($name, $at + 1, $length) }
  my $chain = $chains{join('.', @labels)};
  my $asked = { client => $client, id => $id, question => substr($message, 12, $end + 4 - 12), chain => $chain // [] };
  return reply($asked, 3) if !$chain;
  if ($type == $cname) { $asked->{chain} = [$chain->[0]]; return reply($asked, 0) }
  return reply($asked, 0) if $type != $ipv4 && $type != $ipv6;
  return reply({ %$asked, chain => [] }, 2) if keys(%asked) >= $most;
  socket(my $out, AF_INET, SOCK_DGRAM, 0) or return;
  connect($out, $to) or return;
  open(my $random, '<:raw', '/dev/urandom') or return;
  sysread($random, my $bytes, 2) == 2 or return;
  $asked->{own} = unpack('n', $bytes);
  send($out, pack('nnnnnn', $asked->{own}, 0x0100, 1, 0, 0, 0) . wire($chain->[-1]) . pack('nn', $type, 1), 0) or return;
  @$asked{qw(socket type until)} = ($out, $type, time + $seconds);
  $asked{fileno($out)} = $asked;
}

# Says whether it was the answer.
sub answer {
  my ($asked, $message) = @_;
  my ($id, $flags, $questions, $answers) = unpack('nnnn', $message);
  return 0 if !defined $answers || $id != $asked->{own} || !($flags & 0x8000) || $questions != 1;
  my (undef, $at) = name_at($message, 12);
  $at += 4;
  my @records;
  for (1 .. ($answers < 64 ? $answers : 64)) {
    (my $owner, $at) = name_at($message, $at);
    my ($type, $class, $ttl, $length) = unpack('nnNn', substr($message, $at, 10));
    die "short\n" if !defined $length || $at + 10 + $length > length($message);
    my $data = substr($message, $at + 10, $length);
    if ($type == $cname) { ($data) = name_at($message, $at + 10) }
    push @records, record($owner, $type, $ttl, $data) if $class == 1 && ($type == $cname || $type == $asked->{type} && length($data) == ($type == $ipv4 ? 4 : 16));
    $at += 10 + $length;
  }
  reply($asked, $flags & 15, @records);
  return 1;
}

while (1) {
  my $wanted = '';
  vec($wanted, $_, 1) = 1 for fileno($in), keys %asked;
  my $count = select(my $ready = $wanted, undef, undef, 1);
  $ready = '' if $count <= 0;
  if (vec($ready, fileno($in), 1)) { my $client = recv($in, my $message, 512, 0); eval { question($client, $message) } if defined $client }
  for my $descriptor (keys %asked) {
    my $asked = $asked{$descriptor};
    my $over = time > $asked->{until} ? 1 : 0;
    if (vec($ready, $descriptor, 1)) { my $got = recv($asked->{socket}, my $message, 4096, 0); $over = defined $got ? eval { answer($asked, $message) } // 2 : 2 }
    # The resolver takes no question, or its answer is none.
    reply({ %$asked, chain => [] }, 2) if $over > 1;
    delete $asked{$descriptor} if $over;
  }
}
`
