/**
 * What runs, as root, between the agent and QEMU: it enters the pod's network namespace (or an empty one of its own),
 * opens the tap there and hands it on as a descriptor, so that QEMU needs neither /dev/net/tun nor a capability; where
 * asked, it puts a node of /dev/kvm that the VM's user may open over the machine's own, in a mount namespace that nobody
 * else sees. Then it becomes the given command. Node knows none of these system calls; perl-base is on every Debian.
 *
 * Arguments: network namespace ('' for a new one), tap, descriptor for the tap, node for /dev/kvm ('' for none), command…
 */
export const launchScript = String.raw`
use strict; use warnings;
my ($netns, $tap, $descriptor, $kvm, @command) = @ARGV;
my ($sys_mount, $sys_setrlimit, $sys_unshare, $sys_setns) = (165, 160, 272, 308);
my ($clone_newns, $clone_newnet) = (0x20000, 0x40000000);
sub call { my ($what, $number, @arguments) = @_; syscall($number, @arguments) >= 0 or die "$what: $!\n" }

if ($netns eq '') { call('new network namespace', $sys_unshare, $clone_newnet) }
else {
  open(my $handle, '<', $netns) or die "network namespace $netns: $!\n";
  call("network namespace $netns", $sys_setns, fileno($handle), $clone_newnet);
}

open(my $tun, '+<', '/dev/net/tun') or die "/dev/net/tun: $!\n";
my $request = pack('a16 s x22', $tap, 0x0002 | 0x1000 | 0x4000); # tap, no packet information, with offload headers
ioctl($tun, 0x400454ca, $request) or die "tap $tap: $!\n";
if (fileno($tun) == $descriptor) { fcntl($tun, 2, 0) or die "tap $tap: $!\n" }
else { call("tap $tap", 33, fileno($tun), $descriptor + 0) }

if ($kvm ne '') {
  my ($none, $root, $device) = ('none', '/', '/dev/kvm');
  call('new mount namespace', $sys_unshare, $clone_newns);
  call('private mounts', $sys_mount, $none, $root, 0, 0x4000 | 0x40000, 0);
  call('/dev/kvm', $sys_mount, $kvm, $device, 0, 0x1000, 0);
}

# A core would hold the tenant's memory; a VM has few threads.
my ($no_core, $threads) = (pack('QQ', 0, 0), pack('QQ', 512, 512));
call('limit of cores', $sys_setrlimit, 4, $no_core);
call('limit of threads', $sys_setrlimit, 6, $threads);

exec { $command[0] } @command or die "$command[0]: $!\n";
`
