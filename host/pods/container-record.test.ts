import { describe, expect, it } from 'vitest'
import { containerSpec } from '@/domain/pod/spec'
import { containerRecord, creating, exited, found, newRecord, refused, started, stopped, vmLost, waiting } from './container-record'

const begin = Date.parse('2026-01-01T00:00:00Z')
const end = (at: number) => ({ exitCode: 1, signal: null, oomKilled: false, at })
const running = (nextBackoffMs: number) => ({ ...started(creating(newRecord(containerSpec.parse({ name: 'web', image: 'i' }))), 'sha256:0', begin), nextBackoffMs })

describe('the end of a container that its guest tells', () => {
  it.each([Number.MAX_SAFE_INTEGER, begin + 86_400_000, 0, -Number.MAX_SAFE_INTEGER])('lies between its start and now, whatever the guest says (%d)', (at) => {
    const now = begin + 5_000
    const record = exited(running(40_000), end(at), 'Always', now)
    expect(record.nextBackoffMs).toBe(80_000)
    expect(record.notBefore).toBe((at > 0 ? now : begin) + 40_000)
    expect(stopped(running(0), end(at), 'Stopped', now).status.finishedAt).toBe(new Date(at > 0 ? now : begin).toISOString())
  })

  it('is the guest\'s word where it may be true', () => {
    expect(exited(running(10_000), end(begin + 2_000), 'Always', begin + 5_000).notBefore).toBe(begin + 12_000)
  })
})

describe('a record', () => {
  const long = '\0x'.repeat(5_000)
  const fresh = newRecord(containerSpec.parse({ name: 'web', image: 'i' }))
  it.each([
    ['that waits', waiting(fresh, 'FailedMount', long)],
    ['that was refused', refused(fresh, { code: 'X', message: long }, 'Never', begin)],
    ['that was refused and is tried again', refused(refused(fresh, { code: 'X', message: long }, 'Always', begin), { code: 'X', message: long }, 'Always', begin)],
    ['that was killed', exited(running(40_000), end(begin), 'Always', begin, undefined, { reason: long, message: long })],
    ['whose probe failed', found(running(0), { ready: false, message: long })],
    ['that ended after its probe had failed', creating(exited(found(running(0), { ready: false, message: long }), end(begin), 'Always', begin))],
    ['whose VM ended', vmLost(running(0), long, 'Never', begin)],
    ['that was stopped', stopped(running(0), null, long, begin)],
  ])('%s can be read again, whatever its guest said', (_name, record) => {
    expect(containerRecord.parse(JSON.parse(JSON.stringify(record)))).toEqual(record)
  })
  it('says what follows also after a long cause', () => {
    expect(exited(running(40_000), end(begin), 'Always', begin, undefined, { reason: 'Unhealthy', message: long }).status.message).toContain('It is started again')
  })
})
