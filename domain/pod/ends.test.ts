import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { crashesOf, describeEnd, lastEndOf, shortEnd, signalName, signalOf } from './ends'
import { waitingStatus, type ContainerEnd, type ContainerStatus } from './status'

const now = Date.parse('2026-01-01T12:00:00Z')
const end = (patch: Partial<ContainerEnd>): ContainerEnd => ({ exitCode: 1, signal: null, reason: 'Error', message: '', startedAt: null, finishedAt: '2026-01-01T11:59:00Z', lastLines: [], terminationMessage: '', ...patch })
const container = (patch: Partial<ContainerStatus>): ContainerStatus => ({ ...waitingStatus('web', 'web:1', 'container', ''), ...patch })

describe('describeEnd', () => {
  it.each([
    [{ exitCode: 0, reason: 'Completed' }, 'It ended by itself without an error (exit code 0).'],
    [{ exitCode: 1 }, 'It ended by itself with exit code 1: a general error; its last lines usually tell which.'],
    [{ exitCode: 3 }, 'It ended by itself with exit code 3.'],
    [{ exitCode: 3, reason: '__proto__' }, 'It ended by itself with exit code 3.'],
    [{ exitCode: 127 }, 'It ended by itself with exit code 127: the program was not found.'],
    [{ exitCode: 137, signal: 9 }, 'It was ended by SIGKILL: it was killed without a chance to clean up (signal 9).'],
    [{ exitCode: 139 }, 'It was ended by SIGSEGV: it touched memory that is not its own; a fault of the program (exit code 139).'],
    [{ exitCode: 255 }, 'It ended by itself with exit code 255: an error outside the range of exit codes, often −1.'],
    [{ exitCode: 127, reason: 'ExecutableNotFound' }, 'Its program does not exist in the image (exit code 127).'],
    [{ exitCode: 143, signal: 15, reason: 'DeadlineExceeded' }, 'The pod’s activeDeadlineSeconds were over, so it was stopped (SIGTERM).'],
  ])('%j', (patch, sentence) => expect(describeEnd(end(patch))).toBe(sentence))
  it('tells an end for want of memory with its limit', () => {
    expect(describeEnd(end({ exitCode: 137, signal: 9, reason: 'OOMKilled' }), '64Mi')).toContain('its limit of 64Mi')
    expect(describeEnd(end({ exitCode: 137, signal: 9, reason: 'OOMKilled' }))).toContain('than its virtual machine has')
  })
  it('is one sentence with the number for every end', () => {
    fc.assert(fc.property(fc.integer({ min: -1, max: 300 }), fc.option(fc.integer({ min: 1, max: 64 })), fc.string({ maxLength: 20 }), (exitCode, signal, reason) => {
      const text = describeEnd(end({ exitCode, signal, reason }))
      expect(text).toMatch(/^[A-Z].*\.$/s)
    }))
  })
})

describe('signals', () => {
  it('have their names', () => expect([9, 15, 34, 40, 33].map(signalName)).toEqual(['SIGKILL', 'SIGTERM', 'SIGRTMIN+0', 'SIGRTMIN+6', 'signal 33']))
  it('are read from a shell’s exit code, but not from 128 or 255', () => expect([128, 137, 143, 255, 1].map((exitCode) => signalOf({ exitCode, signal: null }))).toEqual([null, 9, 15, null, null]))
})

describe('shortEnd', () => {
  it.each([[{ exitCode: 3 }, 'exit code 3'], [{ exitCode: 137, signal: 9, reason: 'OOMKilled' }, 'OOMKilled, SIGKILL'], [{ exitCode: 0, reason: 'Completed' }, 'exit code 0']])('%j', (patch, text) => expect(shortEnd(end(patch))).toBe(text))
})

describe('crashesOf', () => {
  const bad = end({ exitCode: 3 })
  it.each([
    ['ended badly', container({ state: 'Terminated', exitCode: 3, reason: 'Error' }), 1],
    ['waits to be tried again', container({ reason: 'CrashLoopBackOff', lastEnd: bad }), 1],
    ['ends well again and again', container({ reason: 'CrashLoopBackOff', lastEnd: end({ exitCode: 0, reason: 'Completed' }) }), 1],
    ['runs again since a minute', container({ state: 'Running', startedAt: '2026-01-01T11:59:00Z', lastEnd: bad }), 1],
    ['has run well for an hour since', container({ state: 'Running', startedAt: '2026-01-01T11:00:00Z', lastEnd: bad }), 0],
    ['was stopped for its probe and ended with code 0', container({ state: 'Running', startedAt: '2026-01-01T11:59:00Z', lastEnd: end({ exitCode: 0, reason: 'Unhealthy' }) }), 1],
    ['ended well', container({ state: 'Terminated', exitCode: 0, reason: 'Completed' }), 0],
    ['has not been tried', container({ reason: 'ContainerCreating' }), 0],
  ])('a container that %s', (_, status, count) => expect(crashesOf([status], now)).toHaveLength(count))
  it('takes the newest end', () => expect(lastEndOf(container({ state: 'Terminated', exitCode: 4, reason: 'Error', finishedAt: '2026-01-01T11:59:30Z', lastEnd: bad }))?.exitCode).toBe(4))
})
