import { filterProgram, ipv4Sockets, ipv6Sockets, perlOf, unixSockets } from '@/host/hypervisor/system-calls'
import { balancerFolder, runFolder } from './places'

/**
 * Bounds of one balancer, old processes of reloads included: a connection under way has two buffers of 16 KiB, an idle one some kilobytes. Sizes are bytes. `openFiles`: two of
 * each connection, at most 100,000 of them.
 */
export const haproxyLimits = { memoryBytes: 1 << 30, processes: 24, openFiles: 210_000 } as const

/** The filter of system calls that VMs have, but for sockets of the internet. */
export const haproxyFilter = filterProgram([unixSockets, ipv4Sockets, ipv6Sockets])

/** Becomes the command, with the filter. */
const filterScript = String.raw`
my $sys_prctl = 157;
sub call { my ($what, $number, @arguments) = @_; syscall($number, @arguments) >= 0 or die "jail: $what: $!\n" }
${perlOf(haproxyFilter)}
exec { $ARGV[0] } @ARGV or die "jail: $ARGV[0]: $!\n";
`

/**
 * Every port is free for all in a balancer's namespace, in which nothing else runs: so HAProxy never has a capability. How many files it may open is set while there are some; where
 * this machine gives root itself no more than it has, HAProxy says so if it needs more.
 */
const enterScript = `echo 0 >/proc/sys/net/ipv4/ip_unprivileged_port_start || exit; prlimit --pid $$ --nofile=1024:${haproxyLimits.openFiles} 2>/dev/null; exec "$@"`

/** `files` is the folder that it reads as {@link balancerFolder}; in its folder `run` alone it makes something, its sockets. */
export type HaproxyJail = { files: string; uid: number }

/** The argv of a command in a jail: an account of its own, no capability, a root of /usr and its own files, namespaces of its own for processes, mounts, IPC and names; no file and no core. */
function jailed({ files, uid }: HaproxyJail, options: readonly string[], command: readonly string[]): string[] {
  const { processes } = haproxyLimits
  return [
    ...['bwrap', '--unshare-pid', '--as-pid-1', '--unshare-ipc', '--unshare-uts', '--new-session', ...options],
    ...['--perms', '0755', '--dir', '/dev', '--dev-bind', '/dev/null', '/dev/null', '--dev-bind', '/dev/urandom', '/dev/urandom'],
    ...['--ro-bind', '/usr', '/usr', ...['bin', 'sbin', 'lib', 'lib64'].flatMap((name) => ['--symlink', `usr/${name}`, `/${name}`])],
    ...['--ro-bind', files, balancerFolder, '--bind', `${files}/${runFolder}`, `${balancerFolder}/${runFolder}`, '--chdir', '/', '--'],
    ...['prlimit', '--core=0', '--fsize=0', `--nproc=${processes}`, '--'],
    ...['perl', '-e', filterScript, '--'],
    ...['setpriv', '--reuid', String(uid), '--regid', String(uid), '--clear-groups', '--no-new-privs', '--bounding-set=-all', '--inh-caps=-all', '--'],
    ...command,
  ]
}

/** The argv that runs HAProxy in a network namespace. It prints on descriptor 3 who it is, and outlives the agent. */
export const jailedHaproxy = (namespace: string, jail: HaproxyJail, command: readonly string[]): [string, string[]] => ['nsenter', [`--net=${namespace}`, 'sh', '-c', enterScript, 'sh', ...jailed(jail, ['--info-fd', '3'], command)]]

/** The argv of a command that reads the files and ends, without a network. */
export function jailedCheck(jail: HaproxyJail, command: readonly string[]): [string, string[]] {
  const [program = '', ...args] = jailed(jail, ['--unshare-net', '--die-with-parent'], command)
  return [program, args]
}
