/**
 * What a QEMU that was broken into would try, in the place of QEMU: Perl in its jail, under its user. Prints a line an
 * attempt: its name, a tab, `done`, the error by its name, or `nothing`. Arguments: name=value; `only` names the attempts of a control outside, where the
 * rest would do harm. It begins when its folder was sealed, as QEMU's is once its sockets stand; with `service` it plays what runs in another jail, which has no such folder and no tap.
 */
export const escapeScript = String.raw`
use strict; use warnings; use Socket; use Errno qw(EFAULT);
my %is = map { split /=/, $_, 2 } @ARGV;
my %only = map { $_ => 1 } split /,/, $is{only} // '';
open(my $out, '>&', 2) or die; select($out); $| = 1;
my %names = map { (Errno->can($_)->() => $_) } grep { !/^(EWOULDBLOCK|ENOTSUP|EDEADLOCK)$/ } keys %!;
sub attempt { my ($name, $work) = @_; return if %only && !$only{$name}; $! = 0; my $done = eval { $work->() }; my $error = $! + 0; print "$name\t", $done ? 'done' : $@ ? "died: $@" =~ s/\n//gr : $error == 0 ? 'nothing' : $names{$error} // $error, "\n" }
sub call { my ($number, @arguments) = @_; return syscall($number, @arguments) >= 0 }
sub calls { my ($name, $number, @arguments) = @_; attempt($name, sub { call($number, @arguments) }) }
sub reads { my ($name, $path) = @_; attempt($name, sub { my $file; open($file, '<', $path) && defined sysread($file, my $byte, 1) }) }
sub creates { my ($name, $path) = @_; attempt($name, sub { my $file; open($file, '>', $path) && unlink $path }) }
sub reaches { my ($name, $path) = @_; attempt($name, sub { grep { my $s; socket($s, AF_UNIX, SOCK_STREAM, 0) && connect($s, pack($_, AF_UNIX, $path)) } 'S a*', 'S a108' }) }
sub child { my ($work) = @_; my $pid = fork // return -1; if ($pid == 0) { $work->(); require POSIX; POSIX::_exit(0) } waitpid($pid, 0); return $? }
# Between its new owner and its new mode nobody but root looks into the folder.
sub is_sealed { my @folder = stat('.'); return @folder && $folder[4] == 0 }
unless (%only || $is{service}) { select(undef, undef, undef, 0.01) until is_sealed() }

reads('read the machine\'s passwords', '/etc/shadow');
attempt('list the data folder', sub { opendir(my $dir, $is{data}) });
reads('read a neighbour\'s messages', $is{log});
reads('read a neighbour\'s disk', $is{disk});
reads('read through its own root', '/proc/1/root/etc/passwd');
attempt('list what is above its folder', sub { opendir(my $dir, '/vm/../..') or return 0; my %closed = map { $_ => 1 } qw(. .. bin dev etc lib lib64 proc sbin usr vm); grep { !$closed{$_} } readdir $dir });
attempt('see other processes', sub { opendir(my $dir, '/proc') or return 0; grep { /^\d+$/ && $_ != $$ } readdir $dir });
reads('look at a process of the host', "/proc/$is{pid}/status");
reads('read kernel settings', '/proc/sys/kernel/core_pattern');
reaches('speak to a neighbour\'s QEMU', $is{qmp});
reaches('speak to the agent', "\0$is{abstract}");
reaches('speak to a balancer\'s HAProxy', $is{haproxy});
reads('read a certificate\'s key', $is{key});
attempt('list a resolver\'s folder', sub { opendir(my $dir, $is{resolver}) });
reads('read a resolver\'s names', "$is{resolver}/names.conf");
for my $to (split /,/, $is{addresses}) {
  attempt("connect to $to", sub { my ($host, $port) = split /:/, $to; my $s; socket($s, AF_INET, SOCK_STREAM, 0) && connect($s, pack_sockaddr_in($port, inet_aton($host))) });
  attempt("send to $to", sub { my ($host, $port) = split /:/, $to; my $s; socket($s, AF_INET, SOCK_DGRAM, 0) && send($s, 'x', 0, pack_sockaddr_in($port, inet_aton($host))) });
}
calls("make a socket of family $_", 41, $_ + 0, 2, 0) for 10, 16, 17, 38, 40;
calls('make a raw socket', 41, 2, 3, 1);

calls('become root', 105, 0); calls('take root\'s group', 106, 0); calls('take another group', 116, 0, 0);
my ($none, $tmpfs, $usr, $bytes) = ('none', 'tmpfs', '/usr', "\0" x 256);
calls('mount', 165, $none, $usr, $tmpfs, 0, 0); calls('unmount', 166, $usr, 2); calls('change root', 161, $usr); calls('pivot root', 155, $usr, $usr);
calls('make a user namespace', 272, 0x10000000); calls('make a mount namespace', 272, 0x20000); calls('make a network namespace', 272, 0x40000000);
attempt('start a process in a user namespace', sub { my $pid = syscall(56, 0x10000000 | 17, 0, 0, 0, 0); if ($pid == 0) { require POSIX; POSIX::_exit(0) } waitpid($pid, 0) if $pid > 0; $pid > 0 });
attempt('start one by clone3', sub { my $clone = pack('Q11', 0x10000000, 0, 0, 0, 17, 0, 0, 0, 0, 0, 0); my $pid = syscall(435, $clone, 88); if ($pid == 0) { require POSIX; POSIX::_exit(0) } waitpid($pid, 0) if $pid > 0; $pid > 0 });
attempt('join a namespace', sub { open(my $namespace, '<', '/proc/self/ns/net') or die "$!\n"; call(308, fileno($namespace), 0) });
calls('signal a process of the host', 62, $is{pid} + 0, 0);
calls('trace a process of the host', 101, 16, $is{pid} + 0, 0, 0);
attempt('read a process\'s memory', sub { my $local = pack('P Q', $bytes, 1); my $remote = pack('Q Q', 4096, 1); call(310, $is{pid} + 0, $local, 1, $remote, 1, 0) || $!{EFAULT} });
calls('make a device node', 133, "$is{here}/node", 0x2000 | 0600, 0x103);
my ($user, $key) = ('user', 'key'); calls('use the keyring', 250, 0, -4, 1); calls('add a key', 248, $user, $key, $key, 3, -2);
my ($map, $clock) = (pack('L4 x112', 2, 4, 4, 1), pack('L L x104', 1, 112)); calls('make a BPF map', 321, 0, $map, 72); calls('open performance counters', 298, $clock, 0, -1, -1, 0); calls('use userfaultfd', 323, 0); calls('use io_uring', 425, 4, $bytes);
attempt('open by handle', sub { my ($handle, $mount) = (pack('L l x128', 128, 1), pack('l', 0)); syscall(303, -100, $usr, $handle, $mount, 0); open(my $dir, '<', $usr) or die "$!\n"; call(304, fileno($dir), $handle, 0) });
my ($mounts, $ids) = (pack('L L Q Q', 24, 0, ~0, 0), "\0" x 64); calls('list mounts', 458, $mounts, $ids, 8, 0); calls('hold a process of the host', 434, $is{pid} + 0, 0);
 calls('load a kernel module', 175, $bytes, 1, $none); calls('load another kernel', 246, 0, 0, 0, 0); calls('read the kernel\'s log', 103, 10, $bytes, 0);
calls('set the clock', 227, 0, $bytes); calls('rename the machine', 170, $none, 4); calls('use ports', 172, 3); calls('swap', 167, $usr, 0); calls('watch files of others', 300, 0, 0);
attempt('use calls of another table', sub { child(sub { syscall(0x40000000 + 39) }) == 0 });

creates("write into $_", ($_ eq '/' ? '' : $_) . '/x') for qw(/ /usr /usr/bin /etc /dev /proc /tmp /vm /vm/disks /sys/fs/cgroup), split /,/, $is{own} // '';
attempt('change a program', sub { open(my $file, '>>', '/usr/bin/setpriv') });
attempt('be spared when memory is short', sub { my $file; open($file, '>', '/proc/self/oom_score_adj') && syswrite($file, '-1000') });
my $unlimited = pack('QQ', ~0, ~0);
calls('raise its limit of cores', 160, 4, $unlimited); calls('raise its limit of processes', 160, 6, $unlimited); calls('raise its limit of file sizes', 160, 1, $unlimited);
sub further { my $now = "\0" x 16; syscall(97, 1, $now) >= 0 or return 'unknown'; my ($soft, $most) = unpack('QQ', $now); return $soft < $most ? pack('QQ', $most, $most) : 'no further' }
attempt('write as far as a volume', sub { my $limit = further(); length $limit == 16 && call(160, 1, $limit) });
attempt('write as far as a volume by prlimit', sub { my $limit = further(); length $limit == 16 && call(302, 0, 1, $limit, 0) });
attempt('take precedence', sub { call(141, 0, 0, -10) });
attempt('leave a core', sub { (child(sub { kill SEGV => $$; sleep 5 }) & 128) != 0 });
attempt('grow its disk beyond its size', sub { local $SIG{XFSZ} = 'IGNORE'; open(my $disk, '>>&=', 6) or return 0; my $size = -s $disk; sysseek($disk, $size, 0); my $wrote = syswrite($disk, 'x'); $wrote });
exit 0 if %only;
# As many processes as it is given.
sub crowd { my @children; while (@children < 1000) { my $pid = fork; last unless defined $pid; if ($pid == 0) { sleep 60; exit } push @children, $pid } kill KILL => @children; waitpid($_, 0) for @children; print 'processes', "\t", scalar @children, "\n" }
if ($is{service}) { crowd(); exit 0 }

# What it was given as a tap is a device of the host's, which it may not change.
my ($zero, $one, $name) = (pack('l', 0), pack('l', 1), "\0" x 40);
attempt('ask for its tap\'s name', sub { call(16, 9, 0x800454d2, $name) });
calls('have its packets logged by the kernel', 16, 9, 0x400454c9, 1); calls('make its tap stay', 16, 9, 0x400454cb, 1); calls('make its tap go', 16, 9, 0x400454cb, 0); calls('give its tap away', 16, 9, 0x400454cc, 0);
calls('make another device of its tap', 16, 9, 0x400454cd, 1); calls('take the carrier away', 16, 9, 0x400454e2, $zero); calls('detach its tap', 16, 9, 0x400454d9, pack('a16 s x22', '', 0x400)); calls('open its tap\'s namespace', 16, 9, 0x54e3, 0);
attempt('change its tap\'s MAC', sub { my $request = substr($name, 0, 16) . pack('S H12 x16', 1, '020000000077'); call(16, 9, 0x8924, $request) });
calls('type into a terminal', 16, 0, 0x5412, $one);

# The tap that it has by right: what leaves it has to bear its own addresses.
open(my $tap, '+>&=', 9) or die "tap: $!";
sub mac { pack('H12', $_[0] =~ s/://gr) }
sub frame { my ($from, $address, $to) = @_;
  my $header = pack('C C n n n C C n a4 a4', 0x45, 0, 28 + 4, 1, 0, 64, 17, 0, inet_aton($address), inet_aton($to));
  my $sum = 0; $sum += $_ for unpack('n*', $header); $sum = ($sum & 0xffff) + ($sum >> 16) for 1 .. 2; substr($header, 10, 2) = pack('n', ~$sum & 0xffff);
  return "\0" x 10 . mac($is{gatewaymac}) . mac($from) . pack('n', 0x0800) . $header . pack('n n n n a4', 99, 99, 12, 0, 'test') }
sub arp { my ($from, $address) = @_; return "\0" x 10 . "\xff" x 6 . mac($from) . pack('n n n C C n', 0x0806, 1, 0x0800, 6, 4, 1) . mac($from) . inet_aton($address) . "\0" x 6 . inet_aton($is{gateway}) }
my ($own, $ownmac, $other, $othermac) = @is{qw(address mac other othermac)};
for my $frame (frame($ownmac, $own, $is{neighbour}), frame($ownmac, $other, $is{neighbour}), frame($othermac, $own, $is{neighbour}), frame($othermac, $is{neighbour}, $is{neighbour}), arp($ownmac, $own), arp($ownmac, $other), arp($othermac, $own)) { defined syswrite($tap, $frame) or print "frame\t$!\n" }

crowd();
# And then all the memory that there is.
print "memory\tbegins\n";
my @all; while (1) { push @all, 'x' x (1 << 22) }
`

/** The name of each attempt and what came of it. */
export const attemptsIn = (text: string) => new Map(text.split('\n').filter((line) => line.includes('\t')).map((line) => line.split('\t') as [string, string]))
