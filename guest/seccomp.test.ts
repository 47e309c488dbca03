import { describe, expect, it } from 'vitest'
import { grantedCapabilities } from '@/guest/capabilities'
import { seccompProfile } from '@/guest/seccomp'

interface Rule {
  names: string[]
  action: string
  args?: { index: number; value: number }[]
}

function rules(capabilities: string[] = []): Rule[] {
  return (seccompProfile(capabilities) as { syscalls: Rule[] }).syscalls
}

const allows = (name: string, capabilities?: string[]) => rules(capabilities).some((rule) => rule.action === 'SCMP_ACT_ALLOW' && !rule.args && rule.names.includes(name))
const refuses = (name: string, capabilities?: string[]) => rules(capabilities).some((rule) => rule.action === 'SCMP_ACT_ERRNO' && rule.names.includes(name))

describe('the seccomp profile', () => {
  it('allows what programs need and refuses what reaches for the kernel', () => {
    for (const name of ['read', 'execve', 'futex', 'openat2', 'statx', 'ptrace', 'rseq', 'clock_gettime64', '_llseek']) expect(allows(name), name).toBe(true)
    for (const name of ['mount', 'unshare', 'setns', 'bpf', 'keyctl', 'kexec_load', 'init_module', 'io_uring_setup', 'userfaultfd', 'open_by_handle_at', 'reboot', 'chroot']) {
      expect(allows(name), name).toBe(false)
      expect(refuses(name), name).toBe(true)
    }
    // Neither allowed nor refused: as if the kernel were older.
    expect(allows('clone3') || refuses('clone3')).toBe(false)
  })

  it('opens with capabilities, and never what none of them is for', () => {
    expect(allows('chroot', ['CAP_SYS_CHROOT'])).toBe(true)
    for (const name of ['mount', 'unshare', 'clone3', 'clone', 'bpf']) {
      expect(allows(name, ['CAP_SYS_ADMIN']), name).toBe(true)
      expect(refuses(name, ['CAP_SYS_ADMIN']), name).toBe(false)
    }
    for (const name of ['kexec_load', 'keyctl', 'swapon', 'userfaultfd']) expect(allows(name, grantedCapabilities({ privileged: true })), name).toBe(false)
  })

  it('names nothing twice, and looks at the arguments of clone, personality and socket', () => {
    const plain = rules().filter((rule) => !rule.args)
    const names = plain.flatMap((rule) => rule.names)
    expect(new Set(names).size).toBe(names.length)
    expect(names.filter((name) => ['clone', 'personality', 'socket'].includes(name))).toEqual([])
    expect(rules().flatMap((rule) => (rule.args ? rule.names : []))).toEqual(['personality', 'personality', 'personality', 'personality', 'personality', 'socket', 'clone'])
  })
})
