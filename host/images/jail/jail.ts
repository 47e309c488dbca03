import { existsSync } from 'node:fs'
import { isIPv4 } from 'node:net'
import { filterProgram, ipv4Sockets, ipv6Sockets, perlOf, unixSockets } from '@/host/hypervisor/system-calls'
import { forwardScript } from './forward-script'

/** A file or folder of the host and where the jail has it. */
export type Bind = { source: string; place: string }

/** Where the jail's loopback listens, and the socket inside of the jail to which each connection there is carried. */
export type JailListener = { address: string; port: number; socket: string }

/** What a program that reads a stranger's bytes may have. Sizes are bytes. */
export type Jail = {
  /** Its account: see {@link jailUid}. */
  uid: number
  /** What it sees beside /usr, read-only. What is not there is left out. */
  readOnly?: readonly Bind[]
  /** Its group, where that is not the account's own: what is bound may be readable, or writable, by that alone. Nothing else on the machine belongs to it. */
  group?: number
  /** The one place in which it can write; its owner must be `uid`. */
  writable?: Bind
  /** Its only ways out. */
  listeners?: readonly JailListener[]
  limits: JailLimits
}

/** `addressSpace` and `fileBytes` are of one process and one file; `memoryBytes` of all together, where there are control groups (see group.ts). */
export type JailLimits = { memoryBytes: number; addressSpace: number; fileBytes: number; openFiles: number; processes: number; cpuSeconds: number }

/** Above every account of VMs (host/pods/uid-pool.ts) and below 0x7fffffff. */
const [firstUid, uids] = [0x7fff_0000, 0xfff0]
// Agents side by side on one machine begin elsewhere.
let next = (process.pid * 61) % uids

export const isRoot = process.getuid?.() === 0

/** Accounts of jails that run for as long as they like, also longer than the agent that made them. */
const reserved = new Set<number>()

/** Nobody else is given this account until it is released. */
export const reserveJailUid = (uid: number): void => void reserved.add(uid)
export const releaseJailUid = (uid: number): void => void reserved.delete(uid)

/** An account that no other jail of these days has: neither signals nor limits of processes reach from one pull to another. 0 without root: the caller's own then. */
export function jailUid(): number {
  if (!isRoot) return 0
  do next = (next + 1) % uids
  while (reserved.has(firstUid + next))
  return firstUid + next
}

/**
 * The calls that a jail may make are a VM's (host/hypervisor/system-calls.ts): no namespaces, in which its account would be root and
 * reach far more of the kernel, and no sockets that lead out of a network namespace (VSOCK). bubblewrap's own --disable-userns needs a user namespace
 * in which there is one account alone.
 */
const scripts = [[unixSockets], [unixSockets, ipv4Sockets, ipv6Sockets]].map((families) => String.raw`
my $sys_prctl = 157;
sub call { my ($what, $number, @arguments) = @_; syscall($number, @arguments) >= 0 or die "jail: $what: $!\n" }
${perlOf(filterProgram(families))}
${forwardScript}`)

const bind = (flag: string, { source, place }: Bind): string[] => [flag, source, place]

/** Descends into a parent's folder only as its owner, who is root: bubblewrap's own default of 0700 keeps the account out of it. */
const parents = (places: readonly string[]): string[] => {
  const all = new Set(places.flatMap((place) => place.split('/').slice(1, -1).map((_, i, parts) => `/${parts.slice(0, i + 1).join('/')}`)))
  return [...all].sort().flatMap((folder) => ['--perms', '0755', '--dir', folder])
}

/** A listener as the forwarder takes it: family, struct sockaddr_in or sockaddr_in6 (of this machine's byte order, then the network's), path. */
function sockaddr({ address, port, socket }: JailListener): [string, string, string] {
  const isV4 = isIPv4(address)
  const made = Buffer.alloc(isV4 ? 16 : 28)
  const family = isV4 ? 2 : 10
  made.writeUInt16LE(family, 0)
  made.writeUInt16BE(port, 2)
  if (isV4) address.split('.').forEach((octet, i) => made.writeUInt8(Number(octet), 4 + i))
  // Of IPv6 there is one address on a loopback: ::1.
  else made.writeUInt8(1, 23)
  return [String(family), made.toString('hex'), socket]
}

/**
 * The argv that runs `command` in a jail: namespaces of its own for network, processes, mounts, IPC and names; a root
 * with /usr and what is bound; an account of its own without capabilities or new privileges; a filter of system calls; bounded memory, files,
 * processes and time. It ends with whoever started it.
 */
export function jailed({ uid, group = uid, readOnly = [], writable, listeners = [], limits }: Jail, command: readonly string[]): [string, string[]] {
  const seen = readOnly.filter(({ source }) => existsSync(source))
  const places = [...seen, ...(writable ? [writable] : [])].map(({ place }) => place)
  const drop = uid === 0 ? [] : ['setpriv', '--reuid', String(uid), '--regid', String(group), '--clear-groups', '--no-new-privs', '--bounding-set=-all', '--inh-caps=-all', '--']
  const inner = [...drop, ...command]
  return ['bwrap', [
    ...['--unshare-net', '--unshare-pid', '--unshare-ipc', '--unshare-uts', '--die-with-parent', '--new-session'],
    ...['--perms', '0755', '--dir', '/dev', '--dev-bind', '/dev/null', '/dev/null', '--dev-bind', '/dev/urandom', '/dev/urandom'],
    ...['--ro-bind', '/usr', '/usr', ...['bin', 'sbin', 'lib', 'lib64'].flatMap((name) => ['--symlink', `usr/${name}`, `/${name}`])],
    ...parents(places),
    ...seen.flatMap((one) => bind('--ro-bind', one)),
    ...(writable ? bind('--bind', writable) : []),
    ...['--chdir', writable?.place ?? '/', '--'],
    ...['prlimit', '--core=0', `--as=${limits.addressSpace}`, `--fsize=${limits.fileBytes}`, `--nofile=${limits.openFiles}`, `--nproc=${limits.processes}`, `--cpu=${limits.cpuSeconds}`, '--'],
    ...['perl', '-e', scripts[listeners.length === 0 ? 0 : 1] ?? '', '--', String(uid), String(listeners.length), ...listeners.flatMap(sockaddr), ...inner],
  ]]
}
