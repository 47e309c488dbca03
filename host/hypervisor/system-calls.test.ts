import { describe, expect, it } from 'vitest'
import { filterProgram } from './system-calls'

const [allowed, killed] = [0x7fff0000, 0x80000000]
const refusedAs = (errno: number) => 0x00050000 | errno
const x86_64 = 0xc000003e
const i386 = 0x40000003

/** What the kernel would answer to a call: the few instructions of classic BPF that the filter is made of. */
function answerTo({ number, first = 0, architecture = x86_64 }: { number: number; first?: number; architecture?: number }): number {
  const data = new Map([[0, number], [4, architecture], [16, first]])
  const program = filterProgram()
  let accumulator = 0
  for (let at = 0; at < program.length; at += 1) {
    const [code, ifTrue, ifFalse, k] = program[at] ?? [0, 0, 0, 0]
    const jump = (holds: boolean) => (at += holds ? ifTrue : ifFalse)
    if (code === 0x06) return k
    if (code === 0x20) accumulator = data.get(k) ?? NaN
    else if (code === 0x15) jump(accumulator === k)
    else if (code === 0x35) jump(accumulator >= k)
    else if (code === 0x45) jump((BigInt(accumulator) & BigInt(k)) !== 0n)
    else throw new Error(`instruction ${code}`)
  }
  throw new Error('the filter ends without an answer')
}

describe('the filter of system calls', () => {
  it('lets through what QEMU lives of', () => {
    const [read, openat, mmap, ioctl, execve, ppoll, threadFlags] = [0, 257, 9, 16, 59, 271, 0x3d0f00]
    for (const number of [read, openat, mmap, ioctl, execve, ppoll]) expect(answerTo({ number })).toBe(allowed)
    expect(answerTo({ number: 56, first: threadFlags })).toBe(allowed)
    for (const number of [41, 53]) expect(answerTo({ number, first: 1 })).toBe(allowed)
  })

  it('refuses namespaces however they are asked for, and every socket but Unix ones', () => {
    for (const flag of [0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000]) expect(answerTo({ number: 56, first: flag | 17 }), flag.toString(16)).toBe(refusedAs(1))
    expect([272, 308].map((number) => answerTo({ number }))).toEqual([refusedAs(1), refusedAs(1)])
    expect(answerTo({ number: 435 })).toBe(refusedAs(38))
    for (const family of [0, 2, 10, 16, 17, 38, 40]) expect(answerTo({ number: 41, first: family })).toBe(refusedAs(97))
  })

  it('ends a process that asks by another table of calls, whose numbers mean others', () => {
    expect(answerTo({ number: 0, architecture: i386 })).toBe(killed)
    expect(answerTo({ number: 0x40000000 + 39 })).toBe(killed)
  })

  it('fits the kernel: jumps of a byte, answers at every end', () => {
    const program = filterProgram()
    expect(program.length).toBeLessThan(4096)
    for (const [, ifTrue, ifFalse] of program) expect(Math.max(ifTrue, ifFalse)).toBeLessThan(256)
    expect(program.at(-1)?.[0]).toBe(0x06)
  })
})
