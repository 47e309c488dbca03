/** System calls of x86-64 by name, those that a script or filter of ours names. Source: the kernel's arch/x86/entry/syscalls/syscall_64.tbl of 6.18. */
export const systemCalls = {
  ...{ read: 0, mmap: 9, ioctl: 16, dup2: 33, getpid: 39, socket: 41, sendmsg: 46, socketpair: 53, clone: 56, execve: 59, kill: 62, getrlimit: 97, ptrace: 101, syslog: 103, setuid: 105, setgid: 106 },
  ...{ setgroups: 116, setresuid: 117, setresgid: 119, capset: 126, mknod: 133, setpriority: 141, vhangup: 153, modify_ldt: 154, pivot_root: 155, prctl: 157, adjtimex: 159 },
  ...{ setrlimit: 160, chroot: 161, acct: 163, settimeofday: 164, mount: 165, umount2: 166, swapon: 167, swapoff: 168, reboot: 169, sethostname: 170, setdomainname: 171, iopl: 172 },
  ...{ ioperm: 173, init_module: 175, delete_module: 176, quotactl: 179, clock_settime: 227, kexec_load: 246, add_key: 248, request_key: 249, keyctl: 250, migrate_pages: 256 },
  ...{ openat: 257, mknodat: 259, ppoll: 271, unshare: 272, move_pages: 279, perf_event_open: 298, fanotify_init: 300, fanotify_mark: 301, name_to_handle_at: 303, prlimit64: 302, open_by_handle_at: 304, clock_adjtime: 305 },
  ...{ setns: 308, process_vm_readv: 310, process_vm_writev: 311, kcmp: 312, finit_module: 313, memfd_create: 319, kexec_file_load: 320, bpf: 321, userfaultfd: 323, rseq: 334 },
  ...{ uretprobe: 335, uprobe: 336, pidfd_send_signal: 424, io_uring_setup: 425, io_uring_enter: 426, io_uring_register: 427, open_tree: 428, move_mount: 429, fsopen: 430, fsconfig: 431, fsmount: 432, fspick: 433 },
  ...{ pidfd_open: 434, clone3: 435, close_range: 436, pidfd_getfd: 438, process_madvise: 440, mount_setattr: 442, quotactl_fd: 443, memfd_secret: 447, process_mrelease: 448 },
  ...{ statmount: 457, listmount: 458, lsm_get_self_attr: 459, lsm_set_self_attr: 460, lsm_list_modules: 461, open_tree_attr: 467, file_setattr: 469 },
} as const
export type SystemCall = keyof typeof systemCalls

/** The newest call that was looked at, and a range that no call has yet: what a later kernel puts there, nobody has judged. */
export const newestCall = systemCalls.file_setattr
export const unusedCalls = { first: systemCalls.uprobe + 1, last: systemCalls.pidfd_send_signal - 1 } as const

/** What clone, unshare and setns take for new namespaces. Source: linux/sched.h. */
export const newNamespace = { mounts: 0x20000, cgroups: 0x2000000, uts: 0x4000000, ipc: 0x8000000, users: 0x10000000, pids: 0x20000000, network: 0x40000000 } as const

/** What prctl is asked for. Source: linux/prctl.h, linux/seccomp.h. */
export const prctls = { setDeathSignal: 1, setSeccomp: 22, dropBounding: 24, setNoNewPrivileges: 38 } as const
export const seccompFilterMode = 2

/** What setrlimit limits. Source: asm-generic/resource.h. */
export const resources = { fileSize: 1, core: 4, processes: 6 } as const

/** What ioctl is asked for. Source: linux/if_tun.h, linux/kvm.h, asm-generic/ioctls.h. */
export const ioctls = {
  tunSetIff: 0x400454ca,
  ...{ tunGetFeatures: 0x800454cf, tunSetOffload: 0x400454d0, tunGetIff: 0x800454d2, tunGetSendBuffer: 0x800454d3, tunSetSendBuffer: 0x400454d4, tunGetHeaderSize: 0x800454d7, tunSetHeaderSize: 0x400454d8, tunSetLittleEndian: 0x400454dc, tunSetBigEndian: 0x400454de, tunSetSteering: 0x800454e0 },
  ...{ terminalSettings: 0x5401, terminalSettings2: 0x802c542a, bytesToRead: 0x541b, nonBlocking: 0x5421, closeOnExec: 0x5451 },
} as const
/** What a tap's maker asks beside tunSetIff, and QEMU never. Source: linux/if_tun.h. */
export const tapMakerIoctls = { setPersist: 0x400454cb, setOwner: 0x400454cc } as const
/** What socket and sendmsg are told of Unix sockets. Source: linux/socket.h, linux/net.h, asm-generic/socket.h. */
export const unixSockets = { family: 1, stream: 1, level: 1, rights: 1 } as const
/** What open is told. Source: asm-generic/fcntl.h. */
export const openFlags = { readOnly: 0, readWrite: 2, nonBlocking: 0o4000, noFollow: 0o400000 } as const
/** All that KVM is asked for has this in the second lowest byte, and nothing else does. */
export const kvmIoctl = 0xae00

/** Perl that knows system calls by number: `my ($sys_mount, …) = (165, …);`. */
export const perlSystemCalls = (names: readonly SystemCall[]) => `my (${names.map((name) => `$sys_${name}`).join(', ')}) = (${names.map((name) => systemCalls[name]).join(', ')});`
