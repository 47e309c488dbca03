import { GuestError } from '@/guest/errors'

/** What Docker and containerd grant by default (moby, oci/caps/defaults.go), without CAP_. */
const defaults = ['CHOWN', 'DAC_OVERRIDE', 'FSETID', 'FOWNER', 'MKNOD', 'NET_RAW', 'SETGID', 'SETUID', 'SETFCAP', 'SETPCAP', 'NET_BIND_SERVICE', 'SYS_CHROOT', 'KILL', 'AUDIT_WRITE']

/** All that Linux 6.12 has (include/uapi/linux/capability.h). */
const all =
  ('CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER ' +
  'SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP ' +
  'MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE').split(' ')

export interface CapabilityRequest {
  capabilities?: { add: readonly string[]; drop: readonly string[] } | undefined
  privileged?: boolean | undefined
}

function known(name: string): string {
  const bare = name.toUpperCase().replace(/^CAP_/, '')
  if (bare !== 'ALL' && !all.includes(bare)) throw new GuestError('InvalidRequest', 'the kernel has no such capability', name)
  return bare
}

/**
 * The capabilities of a container, as `CAP_…`: the default set, then ALL of either list, then the names that are added,
 * then those dropped, as containerd's CRI applies them. Throws InvalidRequest for a name that is no capability.
 */
export function grantedCapabilities({ capabilities, privileged }: CapabilityRequest): string[] {
  const add = (capabilities?.add ?? []).map(known)
  const drop = (capabilities?.drop ?? []).map(known)
  const base = privileged || add.includes('ALL') ? all : defaults
  const granted = new Set(drop.includes('ALL') && !privileged ? [] : base)
  if (!privileged) {
    for (const name of add) if (name !== 'ALL') granted.add(name)
    for (const name of drop) granted.delete(name)
  }
  return all.filter((name) => granted.has(name)).map((name) => `CAP_${name}`)
}
