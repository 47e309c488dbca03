import { describe, expect, it } from 'vitest'
import { haproxyFilter } from '@/host/balancers/haproxy/jail'
import { resolverFilter } from '@/host/dns/jail'
import { newestCall, newNamespace, systemCalls, type SystemCall } from './system-call-numbers'
import { bpf, filterProgram, qemuFilter, storageFilter } from './system-calls'

const [allowed, killed] = [0x7fff0000, 0x80000000]
const refusedAs = (errno: number) => 0x00050000 | errno
const x86_64 = 0xc000003e
const i386 = 0x40000003

/** QEMU's, but that it may not give itself other limits: the others set theirs as they start. */
const withLimits = filterProgram()

/** What the kernel would answer to a call: the few instructions of classic BPF that the filter is made of. */
function answerTo({ call, first = 0, second = 0, third = 0n, architecture = x86_64 }: { call: SystemCall | number; first?: number; second?: number; third?: bigint; architecture?: number }, program = qemuFilter): number {
  const data = new Map([[0, typeof call === 'number' ? call : systemCalls[call]], [4, architecture], [16, first], [24, second], [32, Number(third & 0xffffffffn)], [36, Number(third >> 32n)]])
  let accumulator = 0
  for (let at = 0; at < program.length; at += 1) {
    const [code, ifTrue, ifFalse, k] = program[at] ?? [0, 0, 0, 0]
    const jump = (holds: boolean) => (at += holds ? ifTrue : ifFalse)
    if (code === bpf.answer) return k
    if (code === bpf.loadWord) accumulator = data.get(k) ?? NaN
    else if (code === bpf.and) accumulator = (accumulator & k) >>> 0
    else if (code === bpf.ifEqual) jump(accumulator === k)
    else if (code === bpf.ifAtLeast) jump(accumulator >= k)
    else if (code === bpf.ifAnyBit) jump((BigInt(accumulator) & BigInt(k)) !== 0n)
    else throw new Error(`instruction ${code}`)
  }
  throw new Error('the filter ends without an answer')
}

describe('the filter of system calls', () => {
  it('lets through what QEMU lives of', () => {
    const threadFlags = 0x3d0f00
    for (const call of ['read', 'openat', 'mmap', 'execve', 'ppoll', 'memfd_create', 'rseq', 'close_range'] as const) expect(answerTo({ call }), call).toBe(allowed)
    expect(answerTo({ call: 'clone', first: threadFlags })).toBe(allowed)
    for (const call of ['socket', 'socketpair'] as const) expect(answerTo({ call, first: 1 })).toBe(allowed)
  })

  it('refuses namespaces however they are asked for, and every socket but Unix ones', () => {
    for (const flag of Object.values(newNamespace)) expect(answerTo({ call: 'clone', first: flag | 17 }), flag.toString(16)).toBe(refusedAs(1))
    for (const call of ['unshare', 'setns', 'statmount', 'listmount', 'open_tree_attr', 'pidfd_open'] as const) expect(answerTo({ call }), call).toBe(refusedAs(1))
    expect(answerTo({ call: 'clone3' })).toBe(refusedAs(38))
    for (const family of [0, 2, 10, 16, 17, 38, 40]) expect(answerTo({ call: 'socket', first: family })).toBe(refusedAs(97))
  })

  it('lets a QEMU with volumes on the network make streams of IPv4 beside, and is the same for it otherwise', () => {
    const [stream, datagram, raw, flags] = [1, 2, 3, 0o2004000]
    for (const second of [stream, stream | flags]) expect(answerTo({ call: 'socket', first: 2, second }, storageFilter)).toBe(allowed)
    for (const second of [0, datagram, datagram | flags, raw, 4, 5, 10]) expect(answerTo({ call: 'socket', first: 2, second }, storageFilter), String(second)).toBe(refusedAs(97))
    for (const family of [0, 10, 16, 17, 38, 40]) for (const second of [stream, datagram, raw]) expect(answerTo({ call: 'socket', first: family, second }, storageFilter), String(family)).toBe(refusedAs(97))
    expect(answerTo({ call: 'socket', first: 1, second: stream }, storageFilter)).toBe(allowed)
    const asked = [...Object.values(systemCalls), newestCall + 1].filter((call) => call !== systemCalls.socket && call !== systemCalls.socketpair).flatMap((call) => [0, 1, 0x400454ca, 0xae80].map((second) => ({ call, first: 0x3d0f00, second, third: BigInt(second) })))
    expect(asked.map((each) => answerTo(each, storageFilter))).toEqual(asked.map((each) => answerTo(each)))
  })

  it('lets a descriptor be asked for what QEMU asks, KVM and its tap, and for nothing else', () => {
    // KVM_RUN, KVM_CREATE_VM, KVM_SET_USER_MEMORY_REGION; TUNGETIFF, TUNSETOFFLOAD, TUNGETVNETHDRSZ, TUNSETVNETHDRSZ, TUNSETVNETLE, TUNSETSNDBUF; TCGETS
    for (const second of [0xae80, 0xae01, 0x4020ae46, 0x800454d2, 0x400454d0, 0x800454d7, 0x400454d8, 0x400454dc, 0x400454d4, 0x5401]) expect(answerTo({ call: 'ioctl', second }), second.toString(16)).toBe(allowed)
    // TUNSETDEBUG, TUNSETIFF, TUNSETPERSIST, TUNSETOWNER, TUNSETLINK, TUNSETGROUP, TUNATTACHFILTER, TUNSETQUEUE, TUNSETFILTEREBPF, TUNSETCARRIER, TUNGETDEVNETNS
    for (const second of [0x400454c9, 0x400454ca, 0x400454cb, 0x400454cc, 0x400454cd, 0x400454ce, 0x401054d5, 0x400454d9, 0x800454e1, 0x400454e2, 0x54e3]) expect(answerTo({ call: 'ioctl', second }), second.toString(16)).toBe(refusedAs(1))
    // SIOCSIFHWADDR, SIOCSIFFLAGS, SIOCSIFADDR, SIOCGSKNS, TIOCSTI, TIOCLINUX, FS_IOC_SETFLAGS
    for (const second of [0x8924, 0x8914, 0x8916, 0x894c, 0x5412, 0x541c, 0x40086602]) expect(answerTo({ call: 'ioctl', second }), second.toString(16)).toBe(refusedAs(1))
  })

  it('lets QEMU ask for its limits and give itself none, however it asks', () => {
    for (const call of ['getrlimit', 'prlimit64'] as const) expect(answerTo({ call, second: 1 }), call).toBe(allowed)
    expect(answerTo({ call: 'setrlimit', first: 1 })).toBe(refusedAs(1))
    for (const third of [1n, 0x7ffd_0000_1000n, 0x5500_0000_0000n, 0xffff_ffff_ffff_ffffn]) expect(answerTo({ call: 'prlimit64', second: 1, third }), third.toString(16)).toBe(refusedAs(1))
    // HAProxy and the others set theirs themselves.
    for (const call of ['setrlimit', 'prlimit64'] as const) expect(answerTo({ call, third: 1n }, withLimits), call).toBe(allowed)
  })

  it('knows no call that is younger than its list', () => {
    for (const call of [newestCall + 1, newestCall + 100, 1000, 0x3fffffff, 337, 423]) expect(answerTo({ call }), String(call)).toBe(refusedAs(38))
    expect(answerTo({ call: newestCall - 1 })).toBe(allowed)
  })

  it('ends a process that asks by another table of calls, whose numbers mean others', () => {
    expect(answerTo({ call: 0, architecture: i386 })).toBe(killed)
    expect(answerTo({ call: 0x40000000 + 39 })).toBe(killed)
  })

  it('fits the kernel: jumps of a byte, answers at every end', () => {
    for (const program of [qemuFilter, storageFilter]) {
      expect(program.length).toBeLessThan(4096)
      for (const [, ifTrue, ifFalse] of program) expect(Math.max(ifTrue, ifFalse)).toBeLessThan(256)
      expect(program.at(-1)?.[0]).toBe(0x06)
    }
  })
})

describe.each([
  { of: 'HAProxy', program: haproxyFilter, families: [1, 2, 10], questions: [] },
  // SIOCGIFNAME, SIOCGIFFLAGS, SIOCGIFMTU, SIOCGIFINDEX: what nobody changes anything by.
  { of: 'a resolver', program: resolverFilter, families: [1, 2, 10, 16], questions: [0x8910, 0x8913, 0x8921, 0x8933] },
])('the filter of $of', ({ program, families, questions }) => {
  it('answers each call as that of QEMU does, but for sockets and limits', () => {
    const sockets: readonly number[] = [systemCalls.socket, systemCalls.socketpair]
    const calls = Array.from({ length: newestCall + 100 }, (_, call) => call).filter((call) => !sockets.includes(call))
    const asked = calls.flatMap((call) => [0, 17, ...Object.values(newNamespace)].map((first) => ({ call, first })))
    expect(asked.filter((one) => answerTo(one, program) !== answerTo(one, withLimits))).toEqual([])
    expect([answerTo({ call: 0, architecture: i386 }, program), answerTo({ call: 0x40000000 + 39 }, program)]).toEqual([killed, killed])
  })

  it('lets through sockets of its families alone: none that speaks to drivers, sees frames or reaches other machines past the network', () => {
    for (const call of ['socket', 'socketpair'] as const) {
      for (let family = 0; family < 64; family += 1) expect(answerTo({ call, first: family }, program), `${call} ${family}`).toBe(families.includes(family) ? allowed : refusedAs(97))
    }
  })

  it('lets a descriptor be asked for nothing more than QEMU may, but for what it has to know of its links', () => {
    // Of terminals, of links, and of a tap.
    const second = [0x5400, 0x8900, 0x400454c0].flatMap((first) => Array.from({ length: 0x100 }, (_, i) => first + i))
    expect(second.filter((one) => answerTo({ call: 'ioctl', second: one }, program) !== answerTo({ call: 'ioctl', second: one }, withLimits))).toEqual(questions)
  })

  it('fits the kernel', () => {
    expect(program.length).toBeLessThan(4096)
    for (const [, ifTrue, ifFalse] of program) expect(Math.max(ifTrue, ifFalse)).toBeLessThan(256)
  })
})
