/**
 * The seccomp profile of a container with RuntimeDefault: what programs need is allowed, with more of it where a
 * capability is granted; what reaches for the kernel itself, other processes' memory or new namespaces is refused. The
 * kernel's own checks would refuse most of it as well: the profile keeps its rarely used code out of a container's reach.
 */

/** Always allowed, on x86-64 and for 32-bit programs. */
const allowed = `
read write open close stat fstat lstat poll lseek mmap mprotect munmap brk ioctl pread64 pwrite64 readv writev access pipe select sched_yield mremap msync mincore madvise
rt_sigaction rt_sigprocmask rt_sigreturn rt_sigpending rt_sigtimedwait rt_sigqueueinfo rt_tgsigqueueinfo rt_sigsuspend sigaltstack sigaction signal sigreturn sigprocmask sigpending sigsuspend
shmget shmat shmctl shmdt semget semop semctl semtimedop msgget msgsnd msgrcv msgctl ipc mq_open mq_unlink mq_timedsend mq_timedreceive mq_notify mq_getsetattr
dup dup2 dup3 pause nanosleep getitimer alarm setitimer getpid gettid getppid getpgrp getpgid setpgid getsid setsid fork vfork execve execveat exit exit_group wait4 waitid waitpid kill tkill tgkill
sendfile connect accept accept4 sendto recvfrom sendmsg recvmsg sendmmsg recvmmsg shutdown bind listen getsockname getpeername socketpair setsockopt getsockopt socketcall
uname fcntl flock fsync fdatasync sync syncfs truncate ftruncate getdents getdents64 getcwd chdir fchdir rename renameat renameat2 mkdir mkdirat rmdir creat link linkat unlink unlinkat symlink symlinkat readlink readlinkat
chmod fchmod fchmodat fchmodat2 chown fchown lchown fchownat umask mknod mknodat utime utimes utimensat futimesat openat openat2 newfstatat statx access faccessat faccessat2 statfs fstatfs ustat sysfs
gettimeofday time times clock_gettime clock_getres clock_nanosleep clock_adjtime adjtimex timer_create timer_settime timer_gettime timer_getoverrun timer_delete timerfd_create timerfd_settime timerfd_gettime
getrlimit setrlimit prlimit64 getrusage sysinfo getuid getgid geteuid getegid setuid setgid setreuid setregid setresuid getresuid setresgid getresgid setfsuid setfsgid getgroups setgroups capget capset prctl arch_prctl
getpriority setpriority sched_setparam sched_getparam sched_setscheduler sched_getscheduler sched_get_priority_max sched_get_priority_min sched_rr_get_interval sched_setaffinity sched_getaffinity sched_setattr sched_getattr ioprio_set ioprio_get
mlock mlock2 munlock mlockall munlockall remap_file_pages memfd_create memfd_secret map_shadow_stack pkey_mprotect pkey_alloc pkey_free membarrier rseq cachestat getcpu
readahead fadvise64 fallocate splice tee vmsplice sync_file_range copy_file_range preadv pwritev preadv2 pwritev2 close_range name_to_handle_at
setxattr lsetxattr fsetxattr getxattr lgetxattr fgetxattr listxattr llistxattr flistxattr removexattr lremovexattr fremovexattr
futex futex_waitv futex_wake futex_wait futex_requeue set_robust_list get_robust_list set_tid_address set_thread_area get_thread_area restart_syscall modify_ldt
io_setup io_destroy io_getevents io_pgetevents io_submit io_cancel epoll_create epoll_create1 epoll_ctl epoll_wait epoll_pwait epoll_pwait2 epoll_ctl_old epoll_wait_old pselect6 ppoll eventfd eventfd2 signalfd signalfd4
inotify_init inotify_init1 inotify_add_watch inotify_rm_watch fanotify_mark pipe2 getrandom seccomp landlock_create_ruleset landlock_add_rule landlock_restrict_self ptrace
pidfd_open pidfd_send_signal process_mrelease
_llseek _newselect mmap2 ugetrlimit truncate64 ftruncate64 stat64 lstat64 fstat64 fstatat64 fcntl64 sendfile64 statfs64 fstatfs64 fadvise64_64
lchown32 getuid32 getgid32 geteuid32 getegid32 setreuid32 setregid32 getgroups32 setgroups32 fchown32 setresuid32 getresuid32 setresgid32 getresgid32 chown32 setuid32 setgid32 setfsuid32 setfsgid32
clock_gettime64 clock_adjtime64 clock_getres_time64 clock_nanosleep_time64 timer_gettime64 timer_settime64 timerfd_gettime64 timerfd_settime64 utimensat_time64 pselect6_time64 ppoll_time64
io_pgetevents_time64 recvmmsg_time64 mq_timedsend_time64 mq_timedreceive_time64 semtimedop_time64 rt_sigtimedwait_time64 futex_time64 sched_rr_get_interval_time64`

/** Allowed with a capability, as the kernel itself asks for it. */
const withCapability: Readonly<Record<string, string>> = {
  CAP_SYS_ADMIN:
    'clone3 unshare setns mount umount umount2 pivot_root fsopen fsconfig fsmount fspick open_tree move_mount mount_setattr quotactl quotactl_fd sethostname setdomainname syslog bpf perf_event_open fanotify_init lookup_dcookie',
  CAP_SYS_CHROOT: 'chroot',
  CAP_SYS_PTRACE: 'kcmp pidfd_getfd process_madvise process_vm_readv process_vm_writev',
  CAP_SYS_TIME: 'settimeofday stime clock_settime clock_settime64',
  CAP_SYS_MODULE: 'init_module finit_module delete_module',
  CAP_SYS_BOOT: 'reboot',
  CAP_SYS_NICE: 'get_mempolicy set_mempolicy set_mempolicy_home_node mbind migrate_pages move_pages',
  CAP_SYS_RAWIO: 'iopl ioperm',
  CAP_SYS_PACCT: 'acct',
  CAP_SYS_TTY_CONFIG: 'vhangup',
  CAP_SYSLOG: 'syslog',
  CAP_DAC_READ_SEARCH: 'open_by_handle_at',
  CAP_BPF: 'bpf',
  CAP_PERFMON: 'perf_event_open',
}

/** Refused whatever is granted: kernel images, swap, keys that no namespace parts, and interfaces known for their holes. */
const refused = 'kexec_load kexec_file_load swapon swapoff keyctl add_key request_key userfaultfd io_uring_setup io_uring_enter io_uring_register uselib nfsservctl vm86 vm86old _sysctl create_module get_kernel_syms query_module'

const EPERM = 1
const ENOSYS = 38
/** CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET. */
const namespaceFlags = 0x7e02_0000
/** PER_LINUX, PER_LINUX32, both with UNAME26, and the question which one it is. */
const personalities = [0, 8, 0x2_0000, 0x2_0008, 0xffff_ffff]
const AF_VSOCK = 40

function words(text: string): string[] {
  return text.trim().split(/\s+/)
}

/** The `linux.seccomp` of an OCI runtime config for a container with these capabilities (`CAP_…`). */
export function seccompProfile(capabilities: readonly string[]): object {
  const granted = new Set(capabilities.flatMap((capability) => words(withCapability[capability] ?? '')).filter((name) => name !== ''))
  const withheld = words(`${refused} ${Object.values(withCapability).join(' ')}`).filter((name) => !granted.has(name) && name !== 'clone3')
  return {
    // What is not known here is younger than this profile: programs take ENOSYS for an older kernel and do without.
    defaultAction: 'SCMP_ACT_ERRNO',
    defaultErrnoRet: ENOSYS,
    architectures: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86'],
    syscalls: [
      { names: [...new Set([...words(allowed), ...granted])], action: 'SCMP_ACT_ALLOW' },
      { names: [...new Set(withheld)], action: 'SCMP_ACT_ERRNO', errnoRet: EPERM },
      ...personalities.map((value) => ({ names: ['personality'], action: 'SCMP_ACT_ALLOW', args: [{ index: 0, value, op: 'SCMP_CMP_EQ' }] })),
      // Virtual sockets would reach past the pod's network.
      { names: ['socket'], action: 'SCMP_ACT_ALLOW', args: [{ index: 0, value: AF_VSOCK, op: 'SCMP_CMP_NE' }] },
      // The flags of clone3 lie in memory, where no filter can look: told that there is none (the default), programs take clone.
      { names: ['clone'], action: 'SCMP_ACT_ALLOW', ...(granted.has('unshare') ? {} : { args: [{ index: 0, value: namespaceFlags, valueTwo: 0, op: 'SCMP_CMP_MASKED_EQ' }] }) },
    ],
  }
}
