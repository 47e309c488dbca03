import { ioctls, kvmIoctl, newestCall, newNamespace, prctls, seccompFilterMode, systemCalls, unusedCalls, type SystemCall } from './system-call-numbers'

/** Answers of the filter. Source: linux/seccomp.h. */
const allow = 0x7fff0000
const killProcess = 0x80000000
const errno = (number: number) => 0x00050000 | number
const [notPermitted, noSuchCall, noSuchFamily] = [errno(1), errno(38), errno(97)]

/**
 * System calls that QEMU never needs: root's own, those that reach into other processes, and those through
 * which kernels are broken most. QEMU's sandbox forbids some of them too, once it has come so far.
 */
const refused: readonly SystemCall[] = [
  ...['ptrace', 'process_vm_readv', 'process_vm_writev', 'kcmp', 'pidfd_open', 'pidfd_getfd', 'pidfd_send_signal', 'process_madvise', 'process_mrelease', 'migrate_pages', 'move_pages'] as const,
  ...['mount', 'umount2', 'pivot_root', 'chroot', 'open_tree', 'open_tree_attr', 'move_mount', 'fsopen', 'fsconfig', 'fsmount', 'fspick', 'mount_setattr', 'statmount', 'listmount'] as const,
  ...['unshare', 'setns', 'mknod', 'mknodat', 'name_to_handle_at', 'open_by_handle_at', 'file_setattr'] as const,
  ...['bpf', 'perf_event_open', 'userfaultfd', 'add_key', 'request_key', 'keyctl', 'fanotify_init', 'fanotify_mark', 'syslog', 'memfd_secret', 'uprobe', 'uretprobe', 'lsm_get_self_attr', 'lsm_set_self_attr', 'lsm_list_modules'] as const,
  ...['kexec_load', 'kexec_file_load', 'init_module', 'finit_module', 'delete_module', 'reboot', 'swapon', 'swapoff', 'acct', 'quotactl', 'quotactl_fd'] as const,
  ...['settimeofday', 'adjtimex', 'clock_settime', 'clock_adjtime', 'sethostname', 'setdomainname', 'iopl', 'ioperm', 'modify_ldt', 'vhangup'] as const,
]

/** Calls whose absence every program is prepared for: threads are then made by `clone`, whose flags can be looked at. */
const absent: readonly SystemCall[] = ['clone3', 'io_uring_setup', 'io_uring_enter', 'io_uring_register']

/**
 * All that QEMU asks of a descriptor, KVM's apart (7.2 by its traced calls; 10 was not tried): its tap's offloads and headers, what the descriptor is. The tap's
 * device is not its to change: who owns it, whether it stays, its address, its carrier, its messages in the kernel's log.
 */
const { tunSetIff: _, ...allowedIoctls } = ioctls

const newNamespaces = Object.values(newNamespace).reduce((all, flag) => all | flag, 0)
/** Families of sockets. Source: bits/socket.h. */
export const [unixSockets, ipv4Sockets, ipv6Sockets, netlinkSockets] = [1, 2, 10, 16] as const
/** Kinds of sockets, as socket(2) takes them in its second argument; the other bits of it are flags. Source: bits/socket_type.h. */
const streamSocket = 1
const socketKind = 0xf
/** Offsets in struct seccomp_data; of an argument its lower half, which is all that the calls looked at here take but for addresses. */
const [atNumber, atArchitecture, atFirstArgument, atSecondArgument, atThirdArgument] = [0, 4, 16, 24, 32]
const x86_64 = 0xc000003e
const x32Bit = 0x40000000

/** Codes of classic BPF: load a word, answer, jump where equal, at least, or any bit is set; keep some bits. Source: linux/bpf_common.h. */
export const bpf = { loadWord: 0x20, answer: 0x06, ifEqual: 0x15, ifAtLeast: 0x35, ifAnyBit: 0x45, and: 0x54 } as const

type Instruction = readonly [code: number, ifTrue: number, ifFalse: number, k: number]
const load = (offset: number): Instruction => [bpf.loadWord, 0, 0, offset]
const keep = (bits: number): Instruction => [bpf.and, 0, 0, bits]
const answer = (value: number): Instruction => [bpf.answer, 0, 0, value]
/** Goes on with the next instructions only if the number is so. */
const ifEqual = (k: number, ...then: Instruction[]): Instruction[] => [[bpf.ifEqual, 0, then.length, k], ...then]
const unlessEqual = (k: number, ...then: Instruction[]): Instruction[] => [[bpf.ifEqual, then.length, 0, k], ...then]
const ifAtLeast = (k: number, ...then: Instruction[]): Instruction[] => [[bpf.ifAtLeast, 0, then.length, k], ...then]
const unlessAtLeast = (k: number, ...then: Instruction[]): Instruction[] => [[bpf.ifAtLeast, then.length, 0, k], ...then]
const ifAnyBit = (k: number, ...then: Instruction[]): Instruction[] => [[bpf.ifAnyBit, 0, then.length, k], ...then]

/** Its limits are the agent's to change: it may ask for them, but give no new ones. Between its soft and its hard one of file sizes lies what a volume needs. */
const fixedLimits: Instruction[] = [
  ...ifEqual(systemCalls.setrlimit, answer(notPermitted)),
  ...ifEqual(systemCalls.prlimit64, load(atThirdArgument), ...unlessEqual(0, answer(notPermitted)), load(atThirdArgument + 4), ...unlessEqual(0, answer(notPermitted)), answer(allow)),
]

/** Of a family of sockets, streams alone (TCP): no datagrams, and nothing raw. */
type Streams = { streamsOf: number }

/** What is answered to who asks for a socket of this family; the family is loaded. */
const socketsOf = (family: number | Streams): Instruction[] =>
  typeof family === 'number' ? ifEqual(family, answer(allow)) : ifEqual(family.streamsOf, load(atSecondArgument), keep(socketKind), ...ifEqual(streamSocket, answer(allow)), answer(noSuchFamily))

/**
 * The filter as a program of classic BPF, as seccomp(2) takes it. Sockets are of the given families alone; `questions` are what else ioctl may be asked for; `more`
 * is asked once the rest has not refused a call, with its number loaded.
 */
export function filterProgram(families: readonly (number | Streams)[] = [unixSockets], questions: readonly number[] = [], more: readonly Instruction[] = []): Instruction[] {
  const refuse = (calls: readonly SystemCall[], value: number) => calls.flatMap((name) => ifEqual(systemCalls[name], answer(value)))
  return [
    load(atArchitecture),
    ...unlessEqual(x86_64, answer(killProcess)),
    load(atNumber),
    ...ifAtLeast(x32Bit, answer(killProcess)),
    // First, for KVM's are many.
    ...ifEqual(
      systemCalls.ioctl,
      load(atSecondArgument),
      keep(0xff00),
      ...ifEqual(kvmIoctl, answer(allow)),
      load(atSecondArgument),
      ...[...Object.values(allowedIoctls), ...questions].flatMap((request) => ifEqual(request, answer(allow))),
      answer(notPermitted),
    ),
    // A call that is younger than this list was judged by nobody.
    ...ifAtLeast(newestCall + 1, answer(noSuchCall)),
    ...ifAtLeast(unusedCalls.first, ...unlessAtLeast(unusedCalls.last + 1, answer(noSuchCall))),
    ...refuse(refused, notPermitted),
    ...refuse(absent, noSuchCall),
    ...ifEqual(systemCalls.clone, load(atFirstArgument), ...ifAnyBit(newNamespaces, answer(notPermitted)), answer(allow)),
    ...(['socket', 'socketpair'] as const).flatMap((name) => ifEqual(systemCalls[name], load(atFirstArgument), ...families.flatMap(socketsOf), answer(noSuchFamily))),
    ...more,
    answer(allow),
  ]
}

const hexOf = (program: readonly Instruction[]) => program.map(([code, ifTrue, ifFalse, k]) => {
  const instruction = Buffer.alloc(8)
  instruction.writeUInt16LE(code, 0)
  instruction.writeUInt8(ifTrue, 2)
  instruction.writeUInt8(ifFalse, 3)
  instruction.writeUInt32LE(k >>> 0, 4)
  return instruction.toString('hex')
}).join('')

/** Perl that installs a filter, as root or where no program brings new privileges: for this process and all that it becomes. It needs `call` and `$sys_prctl`. */
export function perlOf(program: readonly Instruction[]): string {
  return String.raw`my $instructions = pack('H*', '${hexOf(program)}');
my $filter = pack('S x6 Q', ${program.length}, unpack('Q', pack('P', $instructions)));
call('system call filter', $sys_prctl, ${prctls.setSeccomp}, ${seccompFilterMode}, $filter);`
}

/** QEMU's. */
export const qemuFilter = filterProgram([unixSockets], [], fixedLimits)
export const systemCallFilter = perlOf(qemuFilter)
/** Of a QEMU that opens volumes in a store on the network, in a namespace from which it reaches nothing else (host/network/storage-namespace.ts). */
export const storageFilter = filterProgram([unixSockets, { streamsOf: ipv4Sockets }], [], fixedLimits)
export const storageCallFilter = perlOf(storageFilter)
