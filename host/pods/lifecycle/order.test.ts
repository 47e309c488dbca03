import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ledgerEntry } from '@/host/ledger/entry'
import { fuzzRuns, fuzzTimeout } from '@/tools/testing/fuzz-runs'
import { testAssignment } from '../testing/assignment'
import { settle } from '../testing/fake-clock'
import { FakeHost } from '../testing/fake-host'
import { startWorker } from '../testing/worker'

const names = ['proxy', 'setup', 'web', 'helper'] as const
const happening = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('exit' as const), container: fc.constantFrom(...names), code: fc.constantFrom(0, 0, 1) }) },
  fc.record({ kind: fc.constant('time' as const), ms: fc.constantFrom(1_000, 20_000, 400_000) }),
  fc.record({ kind: fc.constant('die' as const) }),
  fc.record({ kind: fc.constant('probe' as const), well: fc.boolean() }),
  fc.record({ kind: fc.constant('fail' as const), step: fc.constantFrom('vm.start', 'guest.setup', 'guest.start setup', 'guest.start web', 'guest.signal web TERM', 'guest.remove setup') }),
  fc.record({ kind: fc.constant('agent' as const) }),
  fc.record({ kind: fc.constant('remove' as const), grace: fc.constantFrom(0, 7) }),
)
const policies = fc.constantFrom('Always' as const, 'OnFailure' as const, 'Never' as const)

describe('the containers of a pod', () => {
  it('start in Kubernetes\' order in every VM, whatever happens, and leave nothing', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(happening, { maxLength: 16 }), policies, async (happenings, restartPolicy) => {
        const host = new FakeHost()
        let well = true
        host.exec = () => ({ exitCode: Number(!well) })
        const probe = { exec: { command: ['probe'] }, failureThreshold: 2, periodSeconds: 5 }
        const spec = {
          ...{ restartPolicy, initContainers: [{ name: 'proxy', image: 'one:1', restartPolicy: 'Always' as const, startupProbe: probe }, { name: 'setup', image: 'one:1' }] },
          containers: [{ name: 'web', image: 'one:1', livenessProbe: probe, lifecycle: { preStop: { sleep: { seconds: 1 } } } }, { name: 'helper', image: 'two:1' }],
        }
        let { worker } = startWorker(host, testAssignment(spec))
        const guests = () => [...host.machines.values()].map((machine) => machine.guest)
        for (const one of happenings) {
          await settle()
          if (one.kind === 'exit') for (const guest of guests()) guest.exit(one.container, one.code)
          else if (one.kind === 'time') await host.clock.advance(one.ms)
          else if (one.kind === 'die') [...host.machines.values()][0]?.die('killed')
          else if (one.kind === 'probe') well = one.well
          else if (one.kind === 'fail') host.fail(one.step)
          else if (one.kind === 'remove') worker.remove(one.grace)
          else if (!worker.isGone && host.ledger.size > 0) {
            // Another host agent takes up what this one leaves.
            for (const guest of guests()) {
              guest.containers = [...guest.running.keys()].map((container) => ({ container, stream: 1, exited: null }))
              guest.images = ['image0', 'image1']
            }
            worker.leave()
            // A pod that is being removed has its grace first.
            let left = false
            void worker.finished.then(() => { left = true })
            for (await settle(); !left; ) await host.clock.advance(1_000)
            const entry = [...host.ledger.values()][0]
            if (entry) ({ worker } = startWorker(host, entry.assignment, ledgerEntry.parse(JSON.parse(JSON.stringify(entry)))))
          }
        }
        await settle()
        checkOrder(host.calls)
        const ended = worker.report().phase
        if (ended === 'Succeeded' || ended === 'Failed') expect(restartPolicy).not.toBe('Always')
        worker.remove(0)
        for (let i = 0; i < 12; i += 1) await host.clock.advance(120_000)
        await worker.finished
        expect(worker.report().phase).toBe('Gone')
        expect(host.leftovers).toEqual([])
        expect(host.clock.nextIn).toBeNull()
      }),
      { numRuns: fuzzRuns(50), interruptAfterTimeLimit: fuzzTimeout(30_000), markInterruptAsFailure: true },
    )
  }, fuzzTimeout(60_000))
})

/** In each VM the sidecar is started before the init container is, and that before the containers are. */
function checkOrder(calls: readonly string[]): void {
  let started = new Set<string>()
  for (const call of calls) {
    if (call === 'vm.start') started = new Set()
    const name = /^guest\.start (\w+)$/.exec(call)?.[1]
    if (!name) continue
    started.add(name)
    if (name === 'setup') expect(started).toContain('proxy')
    if (name === 'web' || name === 'helper') expect(started).toContain('setup')
  }
}
