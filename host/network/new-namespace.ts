import { newNamespace, ioctls, perlSystemCalls, tapMakerIoctls } from '@/host/hypervisor/system-call-numbers'
import type { Run } from './kernel'
import { NAMESPACES } from './network-namespace'

/**
 * What `ip netns add`, `sysctl -w` and `ip tuntap add` do, in one process: three are the longest that a pod's start waits for before its VM, and each of them
 * holds up the agent while it is forked. perl-base is on every Debian. Arguments: the namespace's name, a tap ('' for none), its owner, settings as `name=value`.
 *
 * A name that is there already is somebody's, and is left alone. Whatever fails later takes the name back. Sources: iproute2's ipnetns.c and iptuntap.c, linux/if_tun.h.
 */
const script = String.raw`
use strict;
my ($name, $tap, $owner, @settings) = @ARGV;
${perlSystemCalls(['mount', 'umount2', 'unshare'])}
my ($new_network, $set_iff, $set_owner, $set_persist) = (${[newNamespace.network, ioctls.tunSetIff, tapMakerIoctls.setOwner, tapMakerIoctls.setPersist].join(', ')});
my ($bind, $recursive, $shared, $detach) = (0x1000, 0x4000, 0x100000, 2);
my ($exclusive, $create, $invalid) = (2, 0300, 22);
my ($folder, $own, $nothing) = ('${NAMESPACES}', '/proc/self/ns/net', '');
my $path = "$folder/$name";

-d $folder or mkdir($folder, 0755) or -d $folder or die "$folder: $!\n";
my ($lock, $there, $tun);
sysopen($lock, $folder, 0) && flock($lock, $exclusive) or die "$folder: $!\n";
sub share { syscall($sys_mount, $nothing, $folder, $nothing, $shared | $recursive, 0) == 0 }
share() or $! == $invalid && syscall($sys_mount, $folder, $folder, $nothing, $bind | $recursive, 0) == 0 && share() or die "$folder: $!\n";
close($lock);

sysopen(my $file, $path, $create, 0) or die "network namespace $name: $!\n";
close($file);
eval {
  syscall($sys_unshare, $new_network) == 0 or die "network namespace $name: $!\n";
  syscall($sys_mount, $own, $path, $nothing, $bind, 0) == 0 or die "network namespace $name: $!\n";
  for my $setting (@settings) {
    my ($key, $value) = split /=/, $setting, 2;
    my $place = "/proc/sys/$key";
    open($there, '>', $place) && syswrite($there, $value) or die "$key=$value: $!\n";
  }
  if ($tap ne '') {
    open($tun, '+<', '/dev/net/tun') or die "/dev/net/tun: $!\n";
    my $request = pack('a16 s x22', $tap, 0x0002 | 0x1000 | 0x4000); # tap, no packet information, with offload headers
    ioctl($tun, $set_iff, $request) && ioctl($tun, $set_owner, $owner + 0) && ioctl($tun, $set_persist, 1) or die "tap $tap: $!\n";
  }
  1;
} or do {
  my $problem = $@;
  syscall($sys_umount2, $path, $detach);
  unlink($path);
  die $problem;
};
`

/** A tap that a namespace begins with, and the user who may open it. */
export type FirstTap = { name: string; owner: number }

/**
 * Makes a network namespace of this name with these kernel settings (by their names below /proc/sys, with dots) and a tap. Throws ExecError, and then nothing is left of
 * it, unless the process was killed (no exit code), as one that takes too long is: then any part of it may be there.
 */
export async function makeNamespace(run: Run, name: string, settings: Readonly<Record<string, string | number>>, tap: FirstTap | null): Promise<void> {
  await run('perl', ['-we', script, '--', name, tap?.name ?? '', String(tap?.owner ?? 0), ...Object.entries(settings).map(([key, value]) => `${key.replaceAll('.', '/')}=${value}`)])
}
