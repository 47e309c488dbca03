import { describe, expect, it } from 'vitest'
import { ledgerEntry } from '@/host/ledger/entry'
import { testAssignment } from './testing/assignment'
import { settle } from './testing/fake-clock'
import { FakeHost } from './testing/fake-host'
import { startWorker } from './testing/worker'

const two = { containers: [{ name: 'a', image: 'one:1' }, { name: 'b', image: 'two:1' }] }

describe('a host agent that is started again', () => {
  async function restart(spec: Parameters<typeof testAssignment>[0], between: (host: FakeHost) => void) {
    const host = new FakeHost()
    const first = startWorker(host, testAssignment(spec))
    await settle()
    // As after SIGKILL: the first worker does nothing any more, what the ledger has is all that the second one knows.
    const entry = ledgerEntry.parse(JSON.parse(JSON.stringify([...host.ledger.values()][0])))
    const machine = [...host.machines.values()][0]
    if (machine) {
      machine.guest.containers = [...machine.guest.running.keys()].map((container) => ({ container, stream: 1, exited: null }))
      machine.guest.images = ['image0', 'image1']
    }
    between(host)
    host.calls.length = 0
    const second = startWorker(host, entry.assignment, entry)
    await settle()
    return { host, worker: second.worker, entry, first: first.worker }
  }

  it('takes up a VM that runs, with its containers', async () => {
    const { host, worker, first } = await restart(two, () => {})
    expect(host.calls).toEqual(['vm.adopt', 'guest.connect'])
    expect(worker.report()).toMatchObject({ phase: 'Running', containers: [{ state: 'Running', restartCount: 0 }, { state: 'Running', restartCount: 0 }] })
    host.guest.exit('a', 1)
    await settle()
    expect(worker.report().containers[0]).toMatchObject({ state: 'Running', restartCount: 1 })
    first.leave()
    await first.finished
    worker.remove(0)
    await host.clock.advance(1_000)
    await worker.finished
    expect(host.leftovers).toEqual([])
  })

  it('says when it is known whether its VM still runs: only then a command can be run in it', async () => {
    const { host, entry, first } = await restart(two, () => {})
    first.leave()
    await first.finished
    const { worker } = startWorker(host, entry.assignment, entry)
    expect(worker.isRunning).toBe(false)
    await worker.whenTakenUp
    expect(worker.isRunning).toBe(true)
    const fresh = startWorker(new FakeHost(), entry.assignment)
    await fresh.worker.whenTakenUp
    const gone = startWorker(new FakeHost(), entry.assignment, entry)
    await gone.worker.whenTakenUp
    expect(gone.worker.isRunning).toBe(false)
  })

  it('takes up a VM whose records cannot be read, and tells an end that it cannot know', async () => {
    const { host, entry, first } = await restart(two, () => {})
    first.leave()
    const broken = ledgerEntry.parse({ ...entry, containers: [{ state: 'Odd' }] })
    host.calls.length = 0
    const second = startWorker(host, entry.assignment, broken)
    await settle()
    expect(host.calls).toEqual(['vm.adopt', 'guest.connect'])
    expect(second.worker.report()).toMatchObject({ phase: 'Running', containers: [{ state: 'Running' }, { state: 'Running' }] })
    const ended = startWorker(new FakeHost(), entry.assignment, { ...broken, stage: 'ended' })
    await settle()
    expect(ended.worker.report()).toMatchObject({ phase: 'Failed', reason: 'EndUnknown' })
  })

  it('hears of a container that ended meanwhile', async () => {
    const { worker } = await restart({ ...two, restartPolicy: 'Never' }, (host) => {
      for (const container of host.guest.containers) if (container.container === 'a') container.exited = { exitCode: 4, signal: null, oomKilled: false, at: host.clock.now() }
    })
    expect(worker.report().containers).toMatchObject([{ state: 'Terminated', exitCode: 4 }, { state: 'Running' }])
  })

  it('cleans up and starts anew where the VM is gone', async () => {
    const { host, worker } = await restart({}, (h) => h.machines.clear())
    await host.clock.advance(1_000)
    expect(host.calls.indexOf('network.detach')).toBeLessThan(host.calls.indexOf('vm.start'))
    expect(worker.report()).toMatchObject({ phase: 'Running', containers: [{ restartCount: 1 }] })
  })

  it('starts a suspended pod again, but not a container that had completed', async () => {
    const host = new FakeHost()
    const { worker } = startWorker(host, testAssignment({ ...two, restartPolicy: 'Never' }))
    await settle()
    host.guest.exit('a', 0)
    await settle()
    worker.suspend(5)
    await worker.finished
    expect([...host.machines.keys(), ...host.attached, ...host.scratch]).toEqual([])
    const entry = [...host.ledger.values()][0]
    expect(entry?.stage).toBe('suspended')
    if (!entry) return
    host.calls.length = 0
    const second = startWorker(host, entry.assignment, entry)
    await settle()
    expect(host.calls.filter((c) => c.startsWith('guest.start'))).toEqual(['guest.start b'])
    expect(second.worker.report()).toMatchObject({ phase: 'Running', containers: [{ reason: 'Completed' }, { state: 'Running', restartCount: 1 }] })
  })

  it('ends also where the log cannot be ended', async () => {
    const host = new FakeHost()
    const assignment = testAssignment()
    const podLogs = host.podLogs.bind(host)
    host.podLogs = (uid) => ({ ...podLogs(uid), end: () => Promise.reject(new Error('EIO')) })
    const { worker } = startWorker(host, assignment)
    await settle()
    worker.leave()
    await worker.finished
    expect([...host.ledger.values()][0]?.stage).toBe('up')
  })

  it('leaves a VM alone that it is told to leave', async () => {
    const host = new FakeHost()
    const { worker } = startWorker(host, testAssignment())
    await settle()
    worker.leave()
    await worker.finished
    expect(host.machines.size).toBe(1)
    expect([...host.ledger.values()][0]?.stage).toBe('up')
  })
})
