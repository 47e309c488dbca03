import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { nextStep, type Observed, type ObservedHold, type Wanted } from './plan'

const bool = fc.boolean()
const hold: fc.Arbitrary<ObservedHold> = fc.record({ podUid: fc.constantFrom('a', 'b', 'c'), state: fc.constantFrom('unknown' as const, 'closed' as const, 'open' as const, 'mounted' as const), wanted: bool, writes: bool, vm: bool, due: bool, size: fc.constantFrom(null, 1, 2), grown: bool, limited: bool, mounts: bool })
const observed: fc.Arbitrary<Observed> = fc.record({ noted: bool, noteDue: bool, store: bool, there: fc.constantFrom(null, true, false), made: bool, sizeBytes: fc.constantFrom(1, 2), parent: bool, claimed: bool, reverted: bool, purged: bool, due: bool, holds: fc.uniqueArray(hold, { selector: ({ podUid }) => podUid, maxLength: 3 }) })
const wanted: fc.Arbitrary<Wanted> = fc.record({ keeper: bool, purge: bool, revertTo: fc.constantFrom(null, 's'), flatten: bool, sizeBytes: fc.constantFrom(1, 2), made: bool })

const settled: Observed = { noted: true, noteDue: true, store: true, there: true, made: true, sizeBytes: 1, parent: false, claimed: true, reverted: false, purged: false, due: true, holds: [] }
const plain: Wanted = { keeper: true, purge: false, revertTo: null, flatten: false, sizeBytes: 1, made: false }
const one: ObservedHold = { podUid: 'a', state: 'closed', wanted: true, writes: true, vm: true, due: true, size: null, grown: true, limited: true, mounts: true }

describe('the next step of a volume', () => {
  it('opens nothing that is not written down and claimed, and never a second time for a writer', () => {
    fc.assert(fc.property(fc.option(wanted), observed, (want, is) => {
      const step = nextStep(want, is)
      if (!is.noted) expect(is.noteDue ? ['note'] : ['wait', 'takeUp', 'detach']).toContain(step.do)
      if (step.do !== 'attach') return
      const target = is.holds.find(({ podUid }) => podUid === step.podUid)
      expect([want !== null, want?.purge, is.there, is.store]).toEqual([true, false, true, true])
      expect(want?.keeper ? is.claimed : !target?.writes).toBe(true)
      expect(want?.revertTo === null || is.reverted).toBe(true)
      for (const other of is.holds) if (other !== target && other.state !== 'closed') expect([other.writes, target?.writes]).toEqual([false, false])
    }), { numRuns: 2_000 })
  })

  it('lets go, removes, brings back, makes and grows nothing that somebody has open, or may have', () => {
    fc.assert(fc.property(fc.option(wanted), observed, (want, is) => {
      const step = nextStep(want, is)
      const isOpen = is.holds.some(({ state }) => state !== 'closed')
      if (['letGo', 'purge', 'revert', 'grow', 'flatten'].includes(step.do)) expect(isOpen).toBe(false)
      if (step.do === 'letGo') expect(want).toBeNull()
      if (step.do === 'create') expect([is.made, want?.made, want?.keeper, is.there]).toEqual([false, false, true, false])
      if (['revert', 'grow', 'flatten', 'growOpen', 'purge'].includes(step.do) && want?.keeper && is.there) expect(is.claimed).toBe(true)
    }), { numRuns: 2_000 })
  })

  it('tries nothing again before it is due, but what concerns a pod that is', () => {
    fc.assert(fc.property(fc.option(wanted), observed, (want, is) => {
      const step = nextStep(want, { ...is, due: false, noteDue: false, holds: is.holds.map((one) => ({ ...one, due: false })) })
      expect(step.do).toBe('wait')
      const due = nextStep(want, { ...is, due: false, noteDue: false })
      if (due.do !== 'wait') expect('podUid' in due && is.holds.find(({ podUid }) => podUid === due.podUid)?.due).toBe(true)
    }), { numRuns: 2_000 })
  })

  it('brings a volume to its pod in this order', () => {
    const steps: [Partial<Observed>, string][] = [
      [{ noted: false, there: null, claimed: false }, 'note'],
      [{ there: null, claimed: false }, 'look'],
      [{ there: false, made: false, claimed: false }, 'create'],
      [{ claimed: false }, 'claim'],
      [{ holds: [one] }, 'attach'],
      [{ holds: [{ ...one, state: 'mounted', size: 1, limited: false }] }, 'limit'],
      [{ holds: [{ ...one, state: 'mounted', size: 1, mounts: false }] }, 'mount'],
      [{ holds: [{ ...one, state: 'mounted', size: 1 }] }, 'wait'],
      [{ holds: [{ ...one, state: 'mounted', size: 1, wanted: false }] }, 'detach'],
    ]
    for (const [is, step] of steps) expect(nextStep(plain, { ...settled, ...is }).do).toBe(step)
  })

  it('waits for what is not known, and says that what was there is lost', () => {
    expect(nextStep(null, { ...settled, holds: [{ ...one, state: 'unknown', vm: false }] }).do).toBe('wait')
    expect(nextStep(null, settled).do).toBe('letGo')
    expect(nextStep(plain, { ...settled, there: false }).do).toBe('lost')
    expect(nextStep({ ...plain, keeper: false }, { ...settled, there: false, made: false }).do).toBe('wait')
    expect(nextStep({ ...plain, revertTo: 's' }, { ...settled, holds: [one] }).do).toBe('revert')
    expect(nextStep({ ...plain, sizeBytes: 2 }, settled).do).toBe('grow')
    expect(nextStep({ ...plain, sizeBytes: 2 }, { ...settled, holds: [{ ...one, state: 'mounted', size: 1 }] }).do).toBe('growOpen')
    // Its disk is grown, and the volume is not.
    expect(nextStep({ ...plain, sizeBytes: 2 }, { ...settled, holds: [{ ...one, state: 'mounted', size: 2 }] }).do).toBe('growOpen')
    // Not before the volume is as large as it shall be, also while that waits for its next try.
    expect(nextStep({ ...plain, sizeBytes: 2 }, { ...settled, due: false, holds: [one] }).do).toBe('wait')
    expect(nextStep({ ...plain, purge: true }, { ...settled, claimed: false }).do).toBe('claim')
    expect(nextStep({ ...plain, purge: true }, settled).do).toBe('purge')
    expect(nextStep({ ...plain, flatten: true }, { ...settled, parent: true }).do).toBe('flatten')
  })
})
