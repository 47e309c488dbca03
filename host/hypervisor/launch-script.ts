/**
 * What runs, as root, between the agent and QEMU; Node knows none of these system calls, and perl-base is on every Debian.
 *
 * It enters the pod's network namespace (or an empty one of its own) and opens the tap there, so that QEMU needs neither
 * /dev/net/tun nor a capability. It gives QEMU a file system of its own: /usr and the VM's folder, of /proc its own
 * process alone, of /dev three nodes. Then it becomes the given command, which takes root away.
 *
 * It starts in the VM's folder. Arguments: network namespace ('' for a new one), tap, descriptor for the tap, node for
 * /dev/kvm ('' for none), command…
 */
export const launchScript = String.raw`
use strict; use warnings;
my ($netns, $tap, $descriptor, $kvm, @command) = @ARGV;
my ($sys_dup2, $sys_pivot_root, $sys_setrlimit, $sys_mount, $sys_umount, $sys_unshare, $sys_setns) = (33, 155, 160, 165, 166, 272, 308);
my ($new_mounts, $new_uts, $new_ipc, $new_network) = (0x20000, 0x4000000, 0x8000000, 0x40000000);
my ($read_only, $no_suid, $no_dev, $no_exec, $remount, $bind, $recursive, $private) = (1, 2, 4, 8, 0x20, 0x1000, 0x4000, 0x40000);
sub call { my ($what, $number, @arguments) = @_; syscall($number, @arguments) >= 0 or die "$what: $!\n" }

if ($netns eq '') { call('new network namespace', $sys_unshare, $new_network) }
else {
  open(my $handle, '<', $netns) or die "network namespace $netns: $!\n";
  call("network namespace $netns", $sys_setns, fileno($handle), $new_network);
}

open(my $tun, '+<', '/dev/net/tun') or die "/dev/net/tun: $!\n";
my $request = pack('a16 s x22', $tap, 0x0002 | 0x1000 | 0x4000); # tap, no packet information, with offload headers
ioctl($tun, 0x400454ca, $request) or die "tap $tap: $!\n";
if (fileno($tun) == $descriptor) { fcntl($tun, 2, 0) or die "tap $tap: $!\n" }
else { call("tap $tap", $sys_dup2, fileno($tun), $descriptor + 0) }

# A root of its own, built on a directory that every machine has, in mounts that nobody else sees.
my $root = '/tmp';
sub fs { my ($source, $target, $type, $flags, $data) = @_; call("mount $target", $sys_mount, $source, $target, $type, $flags, $data) }
sub show {
  my ($source, $target, $flags) = @_;
  my ($none, $place) = ('none', "$root$target");
  fs($source, $place, $none, $bind, $none);
  fs($none, $place, $none, $remount | $bind | $no_suid | $flags, $none);
}
sub touch { my ($path) = @_; open(my $file, '>', $path) or die "$path: $!\n" }
call('new mount namespace', $sys_unshare, $new_mounts | $new_uts | $new_ipc);
my ($none, $top, $here) = ('none', '/', '.');
fs($none, $top, $none, $recursive | $private, $none);
# What may lie below $root is reached from where it is open, not by its path.
my $kvm_node;
if ($kvm ne '') { open($kvm_node, '<', $kvm) or die "$kvm: $!\n" }
my ($tmpfs, $tmpfs_options) = ('tmpfs', 'mode=0755,size=64k');
fs($tmpfs, $root, $tmpfs, $no_suid | $no_dev | $no_exec, $tmpfs_options);
mkdir("$root/$_", 0755) or die "$root/$_: $!\n" for qw(usr etc proc dev vm);
show('/usr', '/usr', $read_only | $no_dev);
for my $link (qw(bin sbin lib lib64)) { -d "/usr/$link" and (symlink("usr/$link", "$root/$link") or die "$root/$link: $!\n") }
if (-e '/etc/ld.so.cache') { touch("$root/etc/ld.so.cache"); show('/etc/ld.so.cache', '/etc/ld.so.cache', $read_only | $no_dev | $no_exec) }
my ($proc, $proc_options) = ('proc', 'hidepid=invisible,subset=pid');
fs($proc, "$root/proc", $proc, $no_suid | $no_dev | $no_exec, $proc_options);
for my $node (qw(null urandom)) { touch("$root/dev/$node"); show("/dev/$node", "/dev/$node", $no_exec) }
if ($kvm ne '') { touch("$root/dev/kvm"); show('/proc/self/fd/' . fileno($kvm_node), '/dev/kvm', $no_exec) }
show($here, '/vm', $no_dev | $no_exec);
fs($none, $root, $none, $remount | $bind | $read_only | $no_suid | $no_dev | $no_exec, $none);
chdir($root) or die "$root: $!\n";
call('pivot_root', $sys_pivot_root, $here, $here);
call('umount', $sys_umount, $here, 2);
chdir('/vm') or die "/vm: $!\n";

# A core would hold the tenant's memory; a VM has few threads.
my ($no_core, $threads) = (pack('QQ', 0, 0), pack('QQ', 512, 512));
call('limit of cores', $sys_setrlimit, 4, $no_core);
call('limit of threads', $sys_setrlimit, 6, $threads);

exec { $command[0] } @command or die "$command[0]: $!\n";
`
