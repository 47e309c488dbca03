/** Answers of the filter. Source: linux/seccomp.h. */
const allow = 0x7fff0000
const killProcess = 0x80000000
const errno = (number: number) => 0x00050000 | number
const [notPermitted, noSuchCall, noSuchFamily] = [errno(1), errno(38), errno(97)]

/**
 * System calls that QEMU never needs, by number: root's own, those that reach into other processes, and those through
 * which kernels are broken most. QEMU's sandbox forbids some of them too, once it has come so far.
 */
const refused: Readonly<Record<string, number>> = {
  ...{ ptrace: 101, process_vm_readv: 310, process_vm_writev: 311, kcmp: 312, pidfd_getfd: 438 },
  ...{ mount: 165, umount2: 166, pivot_root: 155, chroot: 161, open_tree: 428, move_mount: 429, fsopen: 430, fsconfig: 431, fsmount: 432, fspick: 433, mount_setattr: 442 },
  ...{ unshare: 272, setns: 308, mknod: 133, mknodat: 259, name_to_handle_at: 303, open_by_handle_at: 304 },
  ...{ bpf: 321, perf_event_open: 298, userfaultfd: 323, add_key: 248, request_key: 249, keyctl: 250, fanotify_init: 300, syslog: 103 },
  ...{ kexec_load: 246, kexec_file_load: 320, init_module: 175, finit_module: 313, delete_module: 176, reboot: 169, swapon: 167, swapoff: 168, acct: 163, quotactl: 179, quotactl_fd: 443 },
  ...{ settimeofday: 164, adjtimex: 159, clock_settime: 227, clock_adjtime: 305, sethostname: 170, setdomainname: 171, iopl: 172, ioperm: 173, modify_ldt: 154, vhangup: 153 },
}

/** Calls whose absence every program is prepared for: threads are then made by `clone`, whose flags can be looked at. */
const absent: Readonly<Record<string, number>> = { clone3: 435, io_uring_setup: 425, io_uring_enter: 426, io_uring_register: 427 }

const [clone, socket, socketpair] = [56, 41, 53]
const newNamespaces = 0x7e020000
const unixSockets = 1
/** Offsets in struct seccomp_data. */
const [atNumber, atArchitecture, atFirstArgument] = [0, 4, 16]
const x86_64 = 0xc000003e
const x32Bit = 0x40000000

type Instruction = readonly [code: number, ifTrue: number, ifFalse: number, k: number]
const load = (offset: number): Instruction => [0x20, 0, 0, offset]
const answer = (value: number): Instruction => [0x06, 0, 0, value]
/** Goes on with the next `skip` instructions only if the number is equal. */
const ifEqual = (k: number, ...then: Instruction[]): Instruction[] => [[0x15, 0, then.length, k], ...then]
const unlessEqual = (k: number, ...then: Instruction[]): Instruction[] => [[0x15, then.length, 0, k], ...then]
const ifAtLeast = (k: number, ...then: Instruction[]): Instruction[] => [[0x35, 0, then.length, k], ...then]
const ifAnyBit = (k: number, ...then: Instruction[]): Instruction[] => [[0x45, 0, then.length, k], ...then]

/** The filter as a program of classic BPF, as seccomp(2) takes it. */
export function filterProgram(): Instruction[] {
  const refuse = (calls: Readonly<Record<string, number>>, value: number) => Object.values(calls).flatMap((number) => ifEqual(number, answer(value)))
  return [
    load(atArchitecture),
    ...unlessEqual(x86_64, answer(killProcess)),
    load(atNumber),
    ...ifAtLeast(x32Bit, answer(killProcess)),
    ...refuse(refused, notPermitted),
    ...refuse(absent, noSuchCall),
    ...ifEqual(clone, load(atFirstArgument), ...ifAnyBit(newNamespaces, answer(notPermitted)), answer(allow)),
    ...[socket, socketpair].flatMap((number) => ifEqual(number, load(atFirstArgument), ...ifEqual(unixSockets, answer(allow)), answer(noSuchFamily))),
    answer(allow),
  ]
}

const program = filterProgram()
const hex = program.map(([code, ifTrue, ifFalse, k]) => {
  const instruction = Buffer.alloc(8)
  instruction.writeUInt16LE(code, 0)
  instruction.writeUInt8(ifTrue, 2)
  instruction.writeUInt8(ifFalse, 3)
  instruction.writeUInt32LE(k >>> 0, 4)
  return instruction.toString('hex')
}).join('')

/** Perl that installs the filter, as root: for this process and all that it becomes. */
export const systemCallFilter = String.raw`my $instructions = pack('H*', '${hex}');
my $filter = pack('S x6 Q', ${program.length}, unpack('Q', pack('P', $instructions)));
call('system call filter', $sys_prctl, 22, 2, $filter);`
