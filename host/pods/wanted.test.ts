import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { podSpec } from '@/domain/pod/spec'
import { PodWorker } from './pod-worker'
import { testAssignment } from './testing/assignment'
import { settle } from './testing/fake-clock'
import { FakeHost } from './testing/fake-host'
import { merge, nextStep, type Wanted } from './wanted'

const base = testAssignment()
/** Something that happens to a pod: a wish of the server, time, or a mishap. */
const happening = fc.oneof(
  fc.record({ kind: fc.constant('assign' as const), image: fc.constantFrom('one:1', 'two:1', 'three:1') }),
  fc.record({ kind: fc.constant('remove' as const), grace: fc.constantFrom(0, 5, 60) }),
  fc.record({ kind: fc.constant('time' as const), ms: fc.constantFrom(1, 1_000, 20_000) }),
  fc.record({ kind: fc.constant('fail' as const), step: fc.constantFrom('image one:1', 'network.attach', 'disks', 'template', 'vm.start', 'guest.connect', 'guest.setup', 'guest.start web', 'guest.shutdown', 'vm.stop', 'vm.remove', 'network.detach', 'disks.remove') }),
  fc.record({ kind: fc.constant('die' as const) }),
  fc.record({ kind: fc.constant('exit' as const), code: fc.constantFrom(0, 1) }),
)

describe('a worker', () => {
  it('carries out the latest wish whatever comes between, and never starts after a removal', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(happening, { maxLength: 14 }), fc.boolean(), async (happenings, removeAtEnd) => {
        const host = new FakeHost()
        const worker = new PodWorker({ ports: host.ports, vmUids: host.uidPool, logs: host.podLogs(base.uid), ledger: host.ledgerPort, onChange: () => {}, onProgress: () => {}, onEvent: () => {}, onPull: () => {}, log: { warn: () => {} } }, base)
        let image = 'sample:1'
        let generation = 1
        let removed = false
        let startsAtRemoval = 0
        const starts = () => host.calls.filter((c) => c === 'vm.start').length
        for (const one of happenings) {
          if (one.kind === 'assign') {
            generation += 1
            if (!removed) image = one.image
            worker.assign({ ...base, generation, spec: podSpec.parse({ containers: [{ name: 'web', image: one.image }] }) })
          } else if (one.kind === 'remove') {
            if (!removed) startsAtRemoval = starts()
            removed = true
            worker.remove(one.grace)
          } else if (one.kind === 'time') await host.clock.advance(one.ms)
          else if (one.kind === 'fail') host.fail(one.step)
          else if (one.kind === 'die') [...host.machines.values()][0]?.die('killed')
          else if (host.machines.size > 0) host.guest.exit('web', one.code)
          if (one.kind !== 'time' && one.kind !== 'fail' && generation % 2) await settle()
          expect(host.machines.size).toBeLessThanOrEqual(1)
        }
        if (removeAtEnd && !removed) {
          startsAtRemoval = starts()
          removed = true
          worker.remove(0)
        }
        for (let i = 0; i < 12; i += 1) await host.clock.advance(120_000)
        if (removed) {
          await worker.finished
          expect(worker.report().phase).toBe('Gone')
          expect(host.leftovers).toEqual([])
          // At most the start that was under way when the removal came.
          expect(starts()).toBeLessThanOrEqual(startsAtRemoval + 1)
        } else {
          expect(worker.report()).toMatchObject({ phase: 'Running', observedGeneration: generation, containers: [{ state: 'Running', image }] })
          expect([host.machines.size, host.attached.size, host.scratch.size]).toEqual([1, 1, 1])
        }
      }),
      { numRuns: 60 },
    )
  }, 60_000)
})

describe('wishes', () => {
  const wishes: Wanted[] = [{ kind: 'run', assignment: base }, { kind: 'suspend', graceSeconds: 5 }, { kind: 'remove', graceSeconds: 9 }, { kind: 'remove', graceSeconds: 3 }]
  it('never take a removal back and never lengthen its grace', () => {
    for (const next of wishes) {
      const merged = merge({ kind: 'remove', graceSeconds: 5 }, next)
      expect(merged).toEqual({ kind: 'remove', graceSeconds: next.kind === 'remove' ? Math.min(5, next.graceSeconds) : 5 })
    }
  })
  it('leave an older generation aside', () => {
    const newer: Wanted = { kind: 'run', assignment: { ...base, generation: 5 } }
    expect(merge(newer, { kind: 'run', assignment: { ...base, generation: 4 } })).toBe(newer)
  })
})

describe('the next step', () => {
  it('never starts or watches what is to be removed, and never starts over what is not undone', () => {
    for (const stage of ['found', 'idle', 'up', 'ended', 'gone'] as const)
      for (const dirty of [true, false])
        for (const stale of [true, false])
          for (const waiting of [true, false]) {
            const observed = { stage, dirty, stale, waiting, refit: stale, unconfigured: waiting, unattached: false, failed: !stale && waiting }
            expect(['start', 'watch', 'wait', 'renew', 'refit']).not.toContain(nextStep('remove', observed))
            if (dirty) expect(nextStep('run', observed)).not.toBe('start')
            // Nor without its volumes.
            expect(nextStep('run', { ...observed, unattached: true })).not.toBe('start')
          }
  })
})
