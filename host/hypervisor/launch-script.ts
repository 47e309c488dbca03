import { maxFileBytes } from './file-size-limit'
import { descriptors } from './machine'
import { ioctls, newNamespace, perlSystemCalls, prctls, resources } from './system-call-numbers'
import { storageCallFilter, systemCallFilter } from './system-calls'

/** Signals that a program dies of: of any other number an exit code is a code, not to be sent (19 would stop the shell for ever). INT, ILL, ABRT, BUS, FPE, KILL, SEGV, PIPE, TERM, SYS. */
const deadly = [2, 4, 6, 7, 8, 9, 11, 13, 15, 31]

/**
 * What stays as QEMU's parent, for a pid namespace begins with a child of the process that made it: a shell (0.14 MB of
 * memory; Perl would take 0.8). It starts the given command, lets go of all descriptors, and ends as that ended, by the
 * same signal too. (`unshare --fork` does the same, but util-linux 2.38 cannot when the signal is SIGKILL.)
 */
export const parentScript = `ulimit -c 0; "$@" <&0 & exec <&- >&- 2>&- 3<&- 4<&- 5<&- 6<&- 7<&- 8<&- 9<&-; wait $!; status=$?; case $status in ${deadly.map((signal) => 128 + signal).join('|')}) kill -$((status - 128)) $$ ;; esac; exit $status`

/**
 * What runs, as root, between the agent and QEMU; Node knows none of these system calls, and perl-base is on every Debian.
 *
 * It starts as the first process of a pid namespace, in the VM's folder, with the host's /proc: there it reads by which
 * pid the host knows it, and prints that. It joins the VM's cgroups, so that all that follows counts against their limits.
 * It enters the pod's network namespace (or an empty one of its own) and opens the tap there, so that QEMU needs neither
 * /dev/net/tun nor a capability. It gives QEMU a file system of its own: /usr and the VM's folder, of /proc its own
 * process alone, of /dev three nodes. It closes what QEMU was not given, and forbids system calls that QEMU never needs
 * (see system-calls.ts). Then it gives root and every capability away, and becomes the given command.
 *
 * A VM that opens volumes in a store on the network goes on, once it has its tap, to the host's namespace of storage: its guest's packets stay in the pod's network, and
 * QEMU itself reaches the store and nothing else.
 *
 * Arguments: network namespace ('' for a new one), namespace of storage ('' for none), tap, descriptor for the tap, node for /dev/kvm ('' for none), the cgroups'
 * files (a line each), user, '1' to die with its parent, command…
 */
export const launchScript = String.raw`
use strict;
my ($netns, $storage, $tap, $descriptor, $kvm, $cgroups, $uid, $dies, @command) = @ARGV;
${perlSystemCalls(['setgroups', 'setresuid', 'setresgid', 'capset', 'dup2', 'pivot_root', 'prctl', 'getrlimit', 'setrlimit', 'mount', 'umount2', 'unshare', 'setns', 'close_range'])}
my ($new_mounts, $new_cgroups, $new_uts, $new_ipc, $new_network) = (${[newNamespace.mounts, newNamespace.cgroups, newNamespace.uts, newNamespace.ipc, newNamespace.network].join(', ')});
my ($set_death_signal, $drop_bounding, $set_no_new_privileges) = (${[prctls.setDeathSignal, prctls.dropBounding, prctls.setNoNewPrivileges].join(', ')});
my ($limit_file_size, $limit_core, $limit_processes, $tun_set_iff) = (${[resources.fileSize, resources.core, resources.processes, ioctls.tunSetIff].join(', ')});
my ($read_only, $no_suid, $no_dev, $no_exec, $remount, $bind, $recursive, $private) = (1, 2, 4, 8, 0x20, 0x1000, 0x4000, 0x40000);
sub call { my ($what, $number, @arguments) = @_; syscall($number, @arguments) >= 0 or die "$what: $!\n" }

sub enter {
  my ($namespace) = @_;
  open(my $handle, '<', $namespace) or die "network namespace $namespace: $!\n";
  call("network namespace $namespace", $sys_setns, fileno($handle), $new_network);
}

defined(my $pid = readlink('/proc/self')) or die "/proc/self: $!\n";
for my $file (split /\n/, $cgroups) { open(my $group, '>', $file) or die "cgroup $file: $!\n"; syswrite($group, '0') or die "cgroup $file: $!\n" }
# A core would hold the tenant's memory; where cores go to a program, the limit on their size counts for nothing.
if (open(my $filter, '>', '/proc/self/coredump_filter')) { syswrite($filter, '0') }

if ($netns eq '') { call('new network namespace', $sys_unshare, $new_network) }
else { enter($netns) }

open(my $tun, '+<', '/dev/net/tun') or die "/dev/net/tun: $!\n";
my $request = pack('a16 s x22', $tap, 0x0002 | 0x1000 | 0x4000); # tap, no packet information, with offload headers
ioctl($tun, $tun_set_iff, $request) or die "tap $tap: $!\n";
if (fileno($tun) == $descriptor) { fcntl($tun, 2, 0) or die "tap $tap: $!\n" }
else { call("tap $tap", $sys_dup2, fileno($tun), $descriptor + 0) }
enter($storage) if $storage ne '';

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
call('new mount namespace', $sys_unshare, $new_mounts | $new_uts | $new_ipc | $new_cgroups);
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
call('umount', $sys_umount2, $here, 2);
chdir('/vm') or die "/vm: $!\n";

# A VM has few threads, and writes no file beyond the size of its scratch disk. How far the agent may let it write later, for a volume, is set now: nobody here
# can raise it afterwards, and QEMU itself is refused to come near it (see system-calls.ts).
my $scratch = '/proc/self/fd/${descriptors.scratch}';
my $bytes = -f $scratch ? -s _ : 0;
my $before = "\0" x 16;
syscall($sys_getrlimit, $limit_file_size, $before) >= 0 or die "limit of file sizes: $!\n";
my (undef, $most) = unpack('QQ', $before);
$most = ${maxFileBytes} if $most > ${maxFileBytes};
my ($no_core, $threads, $file_size) = (pack('QQ', 0, 0), pack('QQ', 512, 512), pack('QQ', $bytes, $most));
call('limit of file sizes', $sys_setrlimit, $limit_file_size, $file_size) if $bytes > 0;
call('limit of cores', $sys_setrlimit, $limit_core, $no_core);
call('limit of threads', $sys_setrlimit, $limit_processes, $threads);

syswrite(STDOUT, "$pid\n") or die "the host does not listen: $!\n";
open(STDOUT, '>', '/dev/null') or die "/dev/null: $!\n";
call('closing descriptors', $sys_close_range, $descriptor + 1, 0xffffffff, 0);
if ($storage ne '') {
${storageCallFilter}
} else {
${systemCallFilter}
}

# Root goes: groups, then what could be regained by a program's file, then the user and with it what it may; nothing brings more.
my $capabilities = pack('L2', 0x20080522, 0);
my $none_of_them = "\0" x 24;
call('groups', $sys_setgroups, 0, 0);
for my $capability (0 .. 63) { syscall($sys_prctl, $drop_bounding, $capability, 0, 0, 0) >= 0 or $capability > 30 && $! == 22 ? last : die "bounding set: $!\n" }
call('group', $sys_setresgid, $uid + 0, $uid + 0, $uid + 0);
call('user', $sys_setresuid, $uid + 0, $uid + 0, $uid + 0);
call('capabilities', $sys_capset, $capabilities, $none_of_them);
call('no new privileges', $sys_prctl, $set_no_new_privileges, 1, 0, 0, 0);
if ($dies) { call('death with the parent', $sys_prctl, $set_death_signal, 9, 0, 0, 0) }
exec { $command[0] } @command or die "$command[0]: $!\n";
`
