import { describe, expect, it } from 'vitest'
import { ledgerEntry } from '@/host/ledger/entry'
import { testAssignment } from '../testing/assignment'
import { settle } from '../testing/fake-clock'
import { FakeHost } from '../testing/fake-host'
import { deletion, startWorker } from '../testing/worker'

const container = (name: string, rest: object = {}) => ({ name, image: `${name}:1`, ...rest })
const starts = (host: FakeHost) => host.calls.filter((c) => c.startsWith('guest.start ')).map((c) => c.slice(12))

describe('init containers', () => {
  const spec = { initContainers: [container('one'), container('two')], containers: [container('web')] }

  it('run one after another to their success, then the containers run', async () => {
    const host = new FakeHost()
    const { worker, status, condition } = startWorker(host, testAssignment(spec))
    await settle()
    expect(starts(host)).toEqual(['one'])
    expect(worker.report()).toMatchObject({ phase: 'Starting', startedAt: null })
    expect(status('web')).toMatchObject({ role: 'container', state: 'Waiting', reason: 'PodInitializing' })
    expect(status('one')).toMatchObject({ role: 'init', state: 'Running' })
    expect(condition('Initialized')).toMatchObject({ status: 'False', reason: 'ContainersNotInitialized', message: 'Init container "one" has not succeeded yet.' })
    host.guest.exit('one', 0)
    await settle()
    expect(starts(host)).toEqual(['one', 'two'])
    host.guest.exit('two', 0)
    await settle()
    expect(starts(host)).toEqual(['one', 'two', 'web'])
    expect(status('one')).toMatchObject({ state: 'Terminated', reason: 'Completed' })
    expect(condition('Initialized')?.status).toBe('True')
    expect(worker.report()).toMatchObject({ phase: 'Running' })
    expect(condition('Ready')?.status).toBe('True')
    expect(worker.report().startSteps.map((s) => s.name).slice(6)).toEqual(['containers', 'init one', 'init two', 'container web'])
  })

  it('are tried again by the back-off where they fail and the pod may restart', async () => {
    const host = new FakeHost()
    const { worker, status, condition } = startWorker(host, testAssignment(spec))
    await settle()
    for (let i = 0; i < 2; i += 1) {
      host.guest.exit('one', 3)
      await settle()
    }
    expect(status('one')).toMatchObject({ state: 'Waiting', reason: 'CrashLoopBackOff', restartCount: 1, lastEnd: { exitCode: 3, reason: 'Error' } })
    expect(condition('Initialized')).toMatchObject({ status: 'False', reason: 'InitContainerFailed' })
    expect(worker.report().phase).toBe('Starting')
    await host.clock.advance(10_000)
    expect(starts(host)).toEqual(['one', 'one', 'one'])
  })

  it('fail the pod where it must not restart', async () => {
    const host = new FakeHost()
    host.lines.set('one', ['no database'])
    const { worker, status } = startWorker(host, testAssignment({ ...spec, restartPolicy: 'Never' }))
    await settle()
    host.guest.exit('one', 3)
    await settle()
    expect(worker.report()).toMatchObject({ phase: 'Failed', reason: 'InitContainerFailed', message: expect.stringContaining('"one" exited with code 3') })
    expect(status('one').lastLines).toEqual(['no database'])
    expect(starts(host)).toEqual(['one'])
    expect([host.machines.size, host.attached.size]).toEqual([0, 0])
  })

  it('run again when the VM was lost, and not when only the host agent was started again', async () => {
    const host = new FakeHost()
    const assignment = testAssignment(spec)
    const first = startWorker(host, assignment)
    await settle()
    for (const name of ['one', 'two']) {
      host.guest.exit(name, 0)
      await settle()
    }
    const machine = [...host.machines.values()][0]
    host.machines.clear()
    machine?.die('killed')
    await host.clock.advance(1_000)
    expect(starts(host)).toEqual(['one', 'two', 'web', 'one'])
    expect(first.condition('Initialized')?.status).toBe('False')
    for (const name of ['one', 'two']) {
      host.guest.exit(name, 0)
      await settle()
    }
    expect(first.status('web')).toMatchObject({ state: 'Running', restartCount: 1 })
    const entry = ledgerEntry.parse(JSON.parse(JSON.stringify([...host.ledger.values()][0])))
    host.guest.containers = [{ container: 'web', stream: 1, exited: null }]
    host.calls.length = 0
    const second = startWorker(host, entry.assignment, entry)
    await settle()
    expect(starts(host)).toEqual([])
    expect(second.worker.report().phase).toBe('Running')
  })

  it('are stopped and deleted like others while they run', async () => {
    const host = new FakeHost()
    const assignment = testAssignment(spec)
    const { worker } = startWorker(host, assignment)
    await settle()
    worker.assign(deletion(assignment, 5))
    await host.clock.advance(6_000)
    await worker.finished
    expect(host.leftovers).toEqual([])
    expect(starts(host)).toEqual(['one'])
  })

  it('do not keep the place of another pod\'s start', async () => {
    const host = new FakeHost()
    for (let i = 0; i < 5; i += 1) startWorker(host, testAssignment(spec))
    await settle()
    expect(host.machines.size).toBe(5)
  })
})
