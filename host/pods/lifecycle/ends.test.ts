import { describe, expect, it } from 'vitest'
import { ledgerEntry } from '@/host/ledger/entry'
import { GuestRefusal } from '../ports'
import { testAssignment } from '../testing/assignment'
import { settle } from '../testing/fake-clock'
import { FakeHost } from '../testing/fake-host'
import { startWorker } from '../testing/worker'

const container = (name: string, rest: object = {}) => ({ name, image: `${name}:1`, ...rest })

describe('activeDeadlineSeconds', () => {
  it('end a pod for good, with a cause, after its grace', async () => {
    const host = new FakeHost()
    host.behaviour.set('web', { ignoresTerm: true })
    const { worker, eventsOf, status } = startWorker(host, testAssignment({ containers: [container('web')], activeDeadlineSeconds: 60, terminationGracePeriodSeconds: 5 }))
    await settle()
    const { guest } = host
    await host.clock.advance(60_000)
    expect(guest.signals).toEqual([{ container: 'web', signal: 'TERM' }])
    await host.clock.advance(5_000)
    expect(worker.report()).toMatchObject({ phase: 'Failed', reason: 'DeadlineExceeded', message: expect.stringContaining('activeDeadlineSeconds of 60') })
    expect(status('web')).toMatchObject({ state: 'Terminated', reason: 'DeadlineExceeded' })
    expect(eventsOf('DeadlineExceeded')).toHaveLength(1)
    await host.clock.advance(600_000)
    expect([host.machines.size, host.attached.size]).toEqual([0, 0])
    expect([...host.ledger.values()][0]?.stage).toBe('ended')
  })

  it('count over starts of the host agent, and what takes long before the first process', async () => {
    const host = new FakeHost()
    host.fail('network.attach', 100)
    const { worker } = startWorker(host, testAssignment({ containers: [container('web')], activeDeadlineSeconds: 100 }))
    await host.clock.advance(50_000)
    worker.suspend(0)
    await worker.finished
    const entry = ledgerEntry.parse(JSON.parse(JSON.stringify([...host.ledger.values()][0])))
    await host.clock.advance(40_000)
    const second = startWorker(host, entry.assignment, entry)
    await host.clock.advance(9_000)
    expect(second.worker.report().phase).toBe('Starting')
    await host.clock.advance(2_000)
    expect(second.worker.report()).toMatchObject({ phase: 'Failed', reason: 'DeadlineExceeded' })
    second.worker.remove(0)
    await host.clock.advance(5_000)
    await second.worker.finished
    expect(host.leftovers).toEqual([])
  })

  it('may lie further ahead than a timer of Node reaches', async () => {
    const host = new FakeHost()
    const { worker } = startWorker(host, testAssignment({ containers: [container('web')], activeDeadlineSeconds: 3_000_000 }))
    await host.clock.advance(2 ** 31)
    expect(worker.report().phase).toBe('Running')
    await host.clock.advance(3_000_000_000 - 2 ** 31)
    expect(worker.report()).toMatchObject({ reason: 'DeadlineExceeded' })
  })
})

describe('a deadline while init containers run', () => {
  it('leaves the pod uninitialized, for its reason', async () => {
    const host = new FakeHost()
    const { worker, condition } = startWorker(host, testAssignment({ initContainers: [container('one')], containers: [container('web')], activeDeadlineSeconds: 10 }))
    await settle()
    await host.clock.advance(11_000)
    expect(worker.report()).toMatchObject({ phase: 'Failed', reason: 'DeadlineExceeded', containers: [{ reason: 'DeadlineExceeded' }, { state: 'Waiting' }] })
    expect(condition('Initialized')?.status).toBe('False')
    expect(condition('Ready')).toMatchObject({ status: 'False', reason: 'DeadlineExceeded' })
  })
})

describe('an end', () => {
  it('tells its last lines, its termination message, and stays as the last end of the next instance', async () => {
    const host = new FakeHost()
    host.lines.set('web', Array.from({ length: 30 }, (_, i) => `line ${i}\0`))
    const { status } = startWorker(host, testAssignment({ containers: [container('web')] }))
    await settle()
    host.guest.exit('web', 1, null, { terminationMessage: 'why\0' })
    await settle()
    expect(status('web')).toMatchObject({ state: 'Running', lastLines: [], lastEnd: { exitCode: 1, reason: 'Error', terminationMessage: 'why\ufffd' } })
    expect(status('web').lastEnd?.lastLines).toEqual(Array.from({ length: 20 }, (_, i) => `line ${i + 10}\ufffd`))
  })

  it('takes its message from the log where the policy says so and it failed', async () => {
    const host = new FakeHost()
    host.lines.set('web', ['first', 'last'])
    const { status } = startWorker(host, testAssignment({ containers: [container('web', { terminationMessagePolicy: 'FallbackToLogsOnError' })], restartPolicy: 'Never' }))
    await settle()
    host.guest.exit('web', 1)
    await settle()
    expect(status('web')).toMatchObject({ terminationMessage: 'first\nlast', lastEnd: null })
  })

  it('by the kernel for memory is told as that', async () => {
    const host = new FakeHost()
    const { status } = startWorker(host, testAssignment({ containers: [container('web')], restartPolicy: 'Never' }))
    await settle()
    host.guest.exit('web', 137, 9, { oomKilled: true })
    await settle()
    expect(status('web')).toMatchObject({ reason: 'OOMKilled', exitCode: 137, signal: 9 })
  })
})

describe('what a hostile guest says', () => {
  it('reaches the server as text that its database takes, and bounded', async () => {
    const host = new FakeHost()
    const message = `\0\ud800${'x'.repeat(9_000)}`
    host.behaviour.set('web', { refuse: { code: 'ExecutableNotFound', message } })
    host.exec = () => ({ exitCode: 1, output: message })
    const { worker, events } = startWorker(host, testAssignment({ containers: [container('web'), container('probed', { livenessProbe: { exec: { command: ['x'] }, failureThreshold: 1 } })] }))
    await settle()
    const said = JSON.stringify([worker.report(), events])
    expect(said).toContain('xxx')
    expect(said).not.toMatch(/\\u0000|\\ud800/)
    expect(worker.report().containers.flatMap((c) => [c.message, c.lastEnd?.message ?? '']).every((text) => text.length <= 4096)).toBe(true)
    expect(events.every((event) => event.message.length <= 4096)).toBe(true)
  })
})

describe('what the guest refuses at its setup', () => {
  it('is told with the guest\'s own cause', async () => {
    const host = new FakeHost()
    host.fail('guest.setup', 1, new GuestRefusal('InvalidRequest', 'the kernel has no sysctl net.nope'))
    const { worker } = startWorker(host, testAssignment({ containers: [container('web')], securityContext: { sysctls: [{ name: 'net.nope', value: '1' }] } }))
    await settle()
    expect(worker.report()).toMatchObject({ phase: 'Starting', reason: 'FailedCreatePodSandBox', message: expect.stringContaining('the kernel has no sysctl net.nope. Correct the spec') })
  })
})
