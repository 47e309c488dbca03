import { afterEach, describe, expect, it, vi } from 'vitest'
import type { Heard } from '@/host/ledger/external-objects'
import { ServerLease, uptimeMs } from './server-lease'

afterEach(() => vi.useRealTimers())
const open = async (before: Heard | null = null) => {
  const kept: Heard[] = []
  return { kept, lease: await ServerLease.open(before, (heard) => kept.push(heard)) }
}

describe('how long this host may answer without hearing of the server', () => {
  it.each([['forward', 600_000], ['back', -600_000]])('does not change where the clock is set %s by ten minutes, for this agent and for the next', async (_, jump) => {
    vi.useFakeTimers({ toFake: ['Date'] })
    const { kept, lease } = await open()
    const at = uptimeMs()
    lease.heard(at)
    vi.setSystemTime(Date.now() + jump)
    expect(uptimeMs() - at).toBeLessThan(300_000)
    expect([lease.holds(15, at + 15_000), lease.holds(15, at + 15_001), lease.remainingMs(15, at + 5_000)]).toEqual([true, false, 10_000])
    const next = await open(kept.at(-1) ?? null)
    expect([next.lease.holds(15, at + 15_000), next.lease.holds(15, at + 15_001)]).toEqual([true, false])
    next.lease.heard(at + 20_000)
    expect([next.lease.holds(15, at + 35_000), next.lease.holds(15, at + 35_001)]).toEqual([true, false])
  })

  it('is nothing after another boot of the machine, and before the server was heard of; what has no end holds all the same', async () => {
    for (const before of [null, { machineBoot: 'another', uptimeMs: uptimeMs() }]) {
      const { lease } = await open(before)
      expect([lease.holds(15), lease.remainingMs(15), lease.holds(null)]).toEqual([false, 0, true])
    }
  })

  it('is counted from when it was asked, and an answer that comes late takes nothing back', async () => {
    const { kept, lease } = await open()
    lease.heard(20_000)
    lease.heard(10_000)
    expect(lease.remainingMs(15, 30_000)).toBe(5_000)
    expect(kept).toHaveLength(1)
  })
})
