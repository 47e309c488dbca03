import { describe, expect, it } from 'vitest'
import { ledgerEntry } from '@/host/ledger/entry'
import { testAssignment } from './testing/assignment'
import { settle } from './testing/fake-clock'
import { FakeHost } from './testing/fake-host'
import { deletion, startWorker } from './testing/worker'

const jumps = [['ten minutes forwards', 600_000], ['ten minutes back', -600_000]] as const

describe.each(jumps)('when the clock is set %s', (_name, jump) => {
  it('a grace stays as long as it was', async () => {
    const host = new FakeHost()
    host.behaviour.set('web', { ignoresTerm: true })
    const assignment = testAssignment()
    const { worker } = startWorker(host, assignment)
    await settle()
    const { guest } = host
    worker.assign(deletion(assignment, 30))
    await settle()
    host.clock.jump(jump)
    await host.clock.advance(29_000)
    expect(guest.signals.map((s) => s.signal)).toEqual(['TERM'])
    await host.clock.advance(1_000)
    await worker.finished
    expect(guest.signals.map((s) => s.signal)).toEqual(['TERM', 'KILL'])
  })

  it("a pod's deadline counts the time that it ran, also over a start of the host agent", async () => {
    const host = new FakeHost()
    const first = startWorker(host, testAssignment({ activeDeadlineSeconds: 100 }), null)
    await settle()
    host.clock.jump(jump)
    await host.clock.advance(60_000)
    expect(first.worker.report().phase).toBe('Running')
    first.worker.leave()
    await first.worker.finished
    const entry = ledgerEntry.parse(JSON.parse(JSON.stringify([...host.ledger.values()][0])))
    host.clock.jump(jump)
    const { worker } = startWorker(host, entry.assignment, entry)
    await settle()
    await host.clock.advance(39_000)
    expect(worker.report()).toMatchObject({ phase: 'Running', containers: [{ restartCount: 0 }] })
    await host.clock.advance(40_000)
    expect(worker.report()).toMatchObject({ phase: 'Failed', reason: 'DeadlineExceeded' })
  })

  it('a failed start is tried again when it was to be', async () => {
    const host = new FakeHost()
    host.fail('vm.start')
    const { worker } = startWorker(host, testAssignment())
    await settle()
    host.clock.jump(jump)
    await host.clock.advance(9_000)
    expect(worker.report().phase).toBe('Starting')
    await host.clock.advance(1_000)
    expect(worker.report().phase).toBe('Running')
  })

  it('a container in its back-off is started again when it was to be, also by another host agent at most 300 s later', async () => {
    const host = new FakeHost()
    const { worker } = startWorker(host, testAssignment())
    await settle()
    host.guest.exit('web', 1)
    await settle()
    host.guest.exit('web', 1)
    await settle()
    expect(worker.report().containers[0]).toMatchObject({ reason: 'CrashLoopBackOff' })
    host.clock.jump(jump)
    await host.clock.advance(10_000)
    expect(worker.report().containers[0]).toMatchObject({ state: 'Running', restartCount: 2 })
    host.guest.exit('web', 1)
    await settle()
    const entry = ledgerEntry.parse(JSON.parse(JSON.stringify([...host.ledger.values()][0])))
    worker.leave()
    await worker.finished
    host.clock.jump(jump)
    const next = startWorker(host, entry.assignment, entry)
    await settle()
    await host.clock.advance(jump > 0 ? 1 : 300_000)
    expect(next.worker.report().containers[0]).toMatchObject({ state: 'Running', restartCount: 3 })
  })

  it('probes go on in their period', async () => {
    const host = new FakeHost()
    let checks = 0
    host.exec = () => {
      checks += 1
      return { exitCode: 0 }
    }
    const probe = { exec: { command: ['ok'] }, periodSeconds: 10, initialDelaySeconds: 20 }
    const { worker } = startWorker(host, testAssignment({ containers: [{ name: 'web', image: 'one:1', livenessProbe: probe }] }))
    await settle()
    host.clock.jump(jump)
    await host.clock.advance(19_000)
    expect(checks).toBe(0)
    await host.clock.advance(31_000)
    expect(checks).toBe(4)
    expect(worker.report().containers[0]).toMatchObject({ state: 'Running', restartCount: 0 })
  })
})
