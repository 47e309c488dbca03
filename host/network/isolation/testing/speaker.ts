import { spawn, type ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'

/**
 * A pod that speaks, in perl, which is on every Debian: it says its name to who connects (TCP) or asks (UDP) at one of its ports, and tries what it is
 * told on its standard input. Echo and timestamp requests that come in are told too, since the kernel answers them, not the pod.
 */
const script = String.raw`
use strict; use warnings; use Socket qw(:all); use Fcntl; use Errno qw(EINPROGRESS);
$| = 1; $SIG{PIPE} = 'IGNORE';
my ($name, @ports) = @ARGV;
my %on; # by file number: [socket, when readable, when writable]
sub watch { my ($socket, $read, $write) = @_; fcntl($socket, F_SETFL, O_NONBLOCK); $on{fileno $socket} = [$socket, $read, $write] }
sub drop { my ($socket) = @_; delete $on{fileno $socket}; close $socket }
sub place { my ($address, $port) = @_; $address =~ /:/ ? (AF_INET6, pack_sockaddr_in6($port, inet_pton(AF_INET6, $address))) : (AF_INET, pack_sockaddr_in($port, inet_pton(AF_INET, $address))) }
sub sum16 { my ($bytes) = @_; my $sum = 0; $sum += $_ for unpack('n*', length($bytes) % 2 ? $bytes . "\0" : $bytes); $sum = ($sum & 0xffff) + ($sum >> 16) while $sum >> 16; ~$sum & 0xffff }
for my $port (@ports) {
  for my $type (SOCK_STREAM, SOCK_DGRAM) {
    socket(my $server, AF_INET6, $type, 0) or die "socket: $!\n";
    setsockopt($server, SOL_SOCKET, SO_REUSEADDR, 1); setsockopt($server, IPPROTO_IPV6, IPV6_V6ONLY, 0);
    bind($server, pack_sockaddr_in6($port, inet_pton(AF_INET6, '::'))) or die "port $port: $!\n";
    if ($type == SOCK_STREAM) { listen($server, 64); watch($server, sub { if (accept(my $client, $server)) { syswrite($client, "$name\n"); serve($client) } }) }
    else { watch($server, sub { my $from = recv($server, my $text, 2000, 0); if (defined $from) { print "seen $1\n" if $text =~ /^probe (\d+)/; send($server, "$name\n", 0, $from) } }) }
  }
}
# A connection stays and answers what it is sent.
sub serve { my ($client) = @_; watch($client, sub { my $n = sysread($client, my $text, 65536); if ($n) { syswrite($client, $text) } else { drop($client) } }) }
my %raw;
for ([AF_INET, 1, 8, 0], [AF_INET, 1, 13, 14], [AF_INET6, 58, 128, 129]) {
  my ($family, $protocol, $request, $answer) = @$_;
  next if $raw{"$family"} and push @{$raw{"$family"}[1]}, [$request, $answer];
  socket(my $socket, $family, SOCK_RAW, $protocol) or die "raw socket: $!\n";
  $raw{"$family"} = [$socket, [[$request, $answer]]];
  watch($socket, sub {
    my $from = recv($socket, my $packet, 2000, 0); return unless defined $from;
    $packet = substr($packet, 4 * (ord($packet) & 15)) if $family == AF_INET;
    # The identifier may be translated on the way, the sequence number is not.
    my ($type, undef, undef, undef, $id) = unpack('C C n n n', $packet);
    for (@{$raw{"$family"}[1]}) { print "seen $id\n" if $type == $$_[0]; print "answer $id\n" if $type == $$_[1] }
  });
}
my %open; # connections that stay, by id
sub try_tcp { my ($id, $address, $port, $stay) = @_;
  my ($family, $to) = place($address, $port);
  socket(my $socket, $family, SOCK_STREAM, 0); fcntl($socket, F_SETFL, O_NONBLOCK);
  my $ended = sub { print "refused $id\n"; drop($socket) };
  connect($socket, $to) or $!{EINPROGRESS} or do { print "refused $id\n"; return };
  my $named = 0;
  watch($socket, sub {
    my $n = sysread($socket, my $text, 65536);
    return $ended->() unless $n;
    if (!$named) { $named = 1; chomp $text; print "answer $id $text\n"; if ($stay) { $open{$id} = $socket } else { drop($socket) } }
    else { print "echo $id $text\n" }
  });
}
sub try_udp { my ($id, $address, $port, $stay) = @_;
  my ($family, $to) = place($address, $port);
  my $socket = $open{$id};
  if (!$socket) {
    socket($socket, $family, SOCK_DGRAM, 0); connect($socket, $to);
    watch($socket, sub { my $n = sysread($socket, my $text, 2000); if ($n) { chomp $text; print "answer $id $text\n" } else { print "refused $id\n" } });
    $open{$id} = $socket if $stay;
  }
  syswrite($socket, "probe $id");
}
sub try_icmp { my ($id, $address, $type) = @_;
  my ($family, $to) = place($address, 0);
  my $rest = pack('n n', $id, $id) . ($type == 13 ? pack('N3', 0, 0, 0) : 'hypernetes');
  my $message = pack('C C n', $type, 0, 0) . $rest;
  # The kernel itself sums up ICMPv6.
  substr($message, 2, 2) = pack('n', sum16($message)) if $family == AF_INET;
  send($raw{"$family"}[0], $message, 0, $to);
}
my $buffer = '';
fcntl(STDIN, F_SETFL, O_NONBLOCK);
print "ready\n";
while (1) {
  my ($r, $w) = ('', '');
  vec($r, 0, 1) = 1;
  vec($r, $_, 1) = 1 for keys %on;
  select($r, undef, undef, undef);
  if (vec($r, 0, 1)) {
    my $n = sysread(STDIN, my $text, 65536); exit if defined $n and $n == 0; $buffer .= $text if $n;
    while ($buffer =~ s/^(.*)\n//) {
      my ($what, $id, @rest) = split / /, $1;
      if ($what eq 'tcp') { try_tcp($id, @rest) } elsif ($what eq 'udp') { try_udp($id, @rest) } elsif ($what eq 'icmp') { try_icmp($id, @rest) }
      elsif ($what eq 'write') { syswrite($open{$id}, $rest[0]) if $open{$id} } elsif ($what eq 'sync') { print "synced $id\n" }
    }
  }
  for my $number (keys %on) { my $entry = $on{$number} or next; $$entry[1]->() if vec($r, $number, 1) }
}
`

/** `id`: at most 65535. */
export type Trial = { id: number; protocol: 'tcp' | 'udp' | 'icmp'; address: string; /** A port, or the type of the message. */ number: number; /** The connection is kept, to be written to later. */ stays?: boolean }
/** What came of trials: who answered them (ICMP: nobody says a name), who saw them arrive, and what came back on connections that stay. */
export type Heard = { answers: Map<number, string[]>; refused: Set<number>; echoes: Map<number, string> }

/** One pod's voice, in its namespace. */
export class Speaker {
  readonly heard: Heard = { answers: new Map(), refused: new Set(), echoes: new Map() }
  /** Requests that arrived here. */
  readonly seen = new Set<number>()
  private readonly waiting = new Set<() => void>()
  private over: string | undefined
  private synced = 0
  private readonly child: ChildProcess

  private constructor(namespace: string, readonly name: string, ports: readonly number[]) {
    this.child = spawn('nsenter', [`--net=/run/netns/${namespace}`, 'perl', '-e', script, '--', name, ...ports.map(String)], { stdio: ['pipe', 'pipe', 'inherit'] })
    this.child.stdin?.on('error', () => {})
    this.child.once('exit', (code, signal) => {
      this.over = `${name} ended with ${signal ?? `code ${code}`}`
      this.wake()
    })
    createInterface({ input: this.child.stdout! }).on('line', (line) => {
      this.take(line)
      this.wake()
    })
  }

  static async start(namespace: string, name: string, ports: readonly number[]): Promise<Speaker> {
    const speaker = new Speaker(namespace, name, ports)
    await speaker.until(() => speaker.synced < 0)
    return speaker
  }

  /** Resolves when all trials are sent: what is not stopped on the way arrives. */
  async send(trials: readonly Trial[]): Promise<void> {
    this.say(trials.map(({ id, protocol, address, number, stays = false }) => `${protocol} ${id} ${address} ${number} ${stays ? 1 : 0}`))
    await this.sync()
  }

  /** Writes to a connection that stays. */
  write(id: number, text: string): void {
    this.say([`write ${id} ${text}`])
  }

  private count = 0
  /** Waits until what was said before is done, and what had come is told. */
  async sync(): Promise<void> {
    const mine = ++this.count
    this.say([`sync ${mine}`])
    await this.until(() => this.synced >= mine)
  }

  /** Resolves once a condition on what was heard holds; rejects where it does not in time. */
  async until(holds: () => boolean, timeoutMs = 60_000): Promise<void> {
    const deadline = performance.now() + timeoutMs
    while (!holds()) {
      if (this.over !== undefined) throw new Error(this.over)
      const left = deadline - performance.now()
      if (left <= 0) throw new Error(`${this.name} did not hear it in ${timeoutMs / 1000} s`)
      await new Promise<void>((resolve) => {
        const wake = () => {
          clearTimeout(timer)
          this.waiting.delete(wake)
          resolve()
        }
        const timer = setTimeout(wake, left)
        this.waiting.add(wake)
      })
    }
  }

  stop(): Promise<void> {
    if (this.over !== undefined) return Promise.resolve()
    const ended = new Promise<void>((resolve) => this.child.once('close', () => resolve()))
    this.child.kill('SIGKILL')
    return ended
  }

  private wake(): void {
    for (const wake of [...this.waiting]) wake()
  }

  private say(lines: readonly string[]): void {
    this.child.stdin?.write(lines.map((line) => `${line}\n`).join(''))
  }

  private take(line: string): void {
    const [what, number = '', text = ''] = line.split(' ')
    const id = Number(number)
    if (what === 'ready') this.synced = -1
    else if (what === 'synced') this.synced = id
    else if (what === 'seen') this.seen.add(id)
    else if (what === 'answer') this.heard.answers.set(id, [...this.heard.answers.get(id) ?? [], text])
    else if (what === 'refused') this.heard.refused.add(id)
    else if (what === 'echo') this.heard.echoes.set(id, (this.heard.echoes.get(id) ?? '') + text)
  }
}
