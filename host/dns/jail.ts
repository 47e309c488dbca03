import { filterProgram, ipv4Sockets, ipv6Sockets, netlinkSockets, perlOf, unixSockets } from '@/host/hypervisor/system-calls'

/** Where a resolver finds its files: a network's folder, read-only. */
export const resolverFolder = '/dns'
/** The accounts of jails (host/images/jail), both ends included: above those of VMs, whom a network's packet filter lets send nothing. */
export const resolverUids = { first: 0x7fff_0000, last: 0x7fff_fffe } as const
export const isResolverUid = (uid: number): boolean => uid >= resolverUids.first && uid <= resolverUids.last

/** Bounds of one resolver: of all its processes together in a control group, and of each. Sizes are bytes. */
export const resolverLimits = { memoryBytes: 128 << 20, addressSpace: 512 << 20, fileBytes: 64 << 10, openFiles: 256, processes: 32 } as const

/** What dnsmasq asks of ioctl: the name, flags, MTU and number of a network device. Source: linux/sockios.h. */
const interfaceQuestions = [0x8910, 0x8913, 0x8921, 0x8933]

/** The filter of system calls that VMs have, but for sockets of the network and netlink, which tells it the addresses of the namespace. */
export const resolverFilter = filterProgram([unixSockets, ipv4Sockets, ipv6Sockets, netlinkSockets], interfaceQuestions)

/** Becomes the command, with the filter. */
const filterScript = String.raw`
my $sys_prctl = 157;
sub call { my ($what, $number, @arguments) = @_; syscall($number, @arguments) >= 0 or die "jail: $what: $!\n" }
${perlOf(resolverFilter)}
exec { $ARGV[0] } @ARGV or die "jail: $ARGV[0]: $!\n";
`

/**
 * Every port is free for all in this namespace: what runs in it beside the resolver are VMs, which may make no such socket. So a resolver never has a capability.
 * It listens at gateways of all subnets, of which some come with a subnet's first pod.
 */
const enterScript = 'cd /proc/sys/net && echo 53 >ipv4/ip_unprivileged_port_start && echo 1 >ipv4/ip_nonlocal_bind && echo 1 >ipv6/ip_nonlocal_bind && exec "$@"'

/** Whose jail: `namespace` is the path of the network's, `folder` what it reads as {@link resolverFolder}, `name` of what it runs. */
export type ResolverJail = { namespace: string; folder: string; uid: number; name: string; command: readonly string[] }

/**
 * The argv that runs a resolver in a network's namespace and in a jail: an account of its own from the first instruction on, no capability, a root of /usr
 * and its folder (read-only), namespaces of its own for processes, mounts, IPC and names. It prints on descriptor 3 who it is, and outlives the agent.
 */
export function jailedResolver({ namespace, folder, uid, command }: ResolverJail): [string, string[]] {
  const { addressSpace, fileBytes, openFiles, processes } = resolverLimits
  return ['nsenter', [
    `--net=${namespace}`, 'sh', '-c', enterScript, 'sh',
    ...['bwrap', '--unshare-pid', '--as-pid-1', '--unshare-ipc', '--unshare-uts', '--new-session', '--info-fd', '3'],
    ...['--perms', '0755', '--dir', '/dev', '--dev-bind', '/dev/null', '/dev/null', '--dev-bind', '/dev/urandom', '/dev/urandom'],
    ...['--ro-bind', '/usr', '/usr', ...['bin', 'sbin', 'lib', 'lib64'].flatMap((name) => ['--symlink', `usr/${name}`, `/${name}`])],
    // It looks for an account of that name even where it has no use for it.
    ...['--perms', '0755', '--dir', '/etc', '--ro-bind', `${folder}/passwd`, '/etc/passwd'],
    ...['--ro-bind', folder, resolverFolder, '--chdir', '/', '--'],
    ...['prlimit', '--core=0', `--as=${addressSpace}`, `--fsize=${fileBytes}`, `--nofile=${openFiles}`, `--nproc=${processes}`, '--'],
    ...['perl', '-e', filterScript, '--'],
    ...['setpriv', '--reuid', String(uid), '--regid', String(uid), '--clear-groups', '--no-new-privs', '--bounding-set=-all', '--inh-caps=-all', '--'],
    ...command,
  ]]
}
