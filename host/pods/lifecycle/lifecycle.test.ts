import { describe, expect, it } from 'vitest'
import { ledgerEntry } from '@/host/ledger/entry'
import { GuestRefusal } from '../ports'
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

describe('sidecars', () => {
  const spec = { initContainers: [container('proxy', { restartPolicy: 'Always', startupProbe: { exec: { command: ['up'] }, periodSeconds: 1 } }), container('setup')], containers: [container('web')], terminationGracePeriodSeconds: 30 }

  it('must have started before the next one does, run beside the containers, and count as ready', async () => {
    const host = new FakeHost()
    let up = false
    host.exec = () => ({ exitCode: up ? 0 : 1 })
    const { status, condition } = startWorker(host, testAssignment(spec))
    await settle()
    expect(starts(host)).toEqual(['proxy'])
    expect(status('proxy')).toMatchObject({ role: 'sidecar', state: 'Running', started: false, ready: false })
    up = true
    await host.clock.advance(1_000)
    expect(starts(host)).toEqual(['proxy', 'setup'])
    host.guest.exit('setup', 0)
    await settle()
    expect(starts(host)).toEqual(['proxy', 'setup', 'web'])
    expect(condition('ContainersReady')?.status).toBe('True')
    host.guest.exit('proxy', 0)
    await settle()
    expect(status('proxy')).toMatchObject({ state: 'Running', restartCount: 1, lastEnd: { exitCode: 0, reason: 'Completed' } })
  })

  it('end after the containers, in the reverse order, and do not keep a pod from its end', async () => {
    const host = new FakeHost()
    const sidecars = [container('first', { restartPolicy: 'Always' }), container('second', { restartPolicy: 'Always' })]
    const { worker, condition } = startWorker(host, testAssignment({ initContainers: sidecars, containers: [container('job')], restartPolicy: 'Never' }))
    await settle()
    const { guest } = host
    host.guest.exit('job', 0)
    await settle()
    expect(guest.signals).toEqual([{ container: 'second', signal: 'TERM' }, { container: 'first', signal: 'TERM' }])
    expect(worker.report()).toMatchObject({ phase: 'Succeeded', containers: [{ state: 'Terminated' }, { state: 'Terminated' }, { exitCode: 0 }] })
    expect(condition('Initialized')?.status).toBe('True')
  })

  it('wait at a deletion for the containers, within one grace for all', async () => {
    const host = new FakeHost()
    host.behaviour.set('web', { ignoresTerm: true })
    host.behaviour.set('proxy', { ignoresTerm: true })
    const assignment = testAssignment({ initContainers: [container('proxy', { restartPolicy: 'Always' })], containers: [container('web')] })
    const { worker } = startWorker(host, assignment)
    await settle()
    const { guest } = host
    worker.assign(deletion(assignment, 20))
    await settle()
    await host.clock.advance(19_000)
    expect(guest.signals).toEqual([{ container: 'web', signal: 'TERM' }])
    await host.clock.advance(1_000)
    expect(new Set(guest.signals.slice(1))).toEqual(new Set([{ container: 'web', signal: 'KILL' }, { container: 'proxy', signal: 'TERM' }]))
    await host.clock.advance(2_000)
    expect(guest.signals.at(-1)).toEqual({ container: 'proxy', signal: 'KILL' })
    await host.clock.advance(10_000)
    await worker.finished
    expect(host.leftovers).toEqual([])
  })
})

describe('hooks', () => {
  it('postStart runs before the next container starts; one that fails ends its container', async () => {
    const host = new FakeHost()
    host.exec = () => ({ exitCode: 7, output: 'no way\n' })
    const { status, eventsOf } = startWorker(host, testAssignment({ containers: [container('a', { lifecycle: { postStart: { exec: { command: ['hook'] } } } }), container('b')], restartPolicy: 'Never' }))
    await settle()
    expect(host.calls.filter((c) => /^guest\.(start|exec)/.test(c))).toEqual(['guest.start a', 'guest.exec a hook', 'guest.start b'])
    expect(eventsOf('FailedPostStartHook')[0]?.message).toContain('command exited with code 7: no way')
    expect(status('a')).toMatchObject({ state: 'Terminated', reason: 'PostStartHookError', exitCode: 143 })
    expect(status('b').state).toBe('Running')
  })

  it('a postStart that hangs does not keep the pod from being deleted', async () => {
    const host = new FakeHost()
    host.exec = () => 'hangs'
    const assignment = testAssignment({ containers: [container('a', { lifecycle: { postStart: { exec: { command: ['hook'] } } } })] })
    const { worker } = startWorker(host, assignment)
    await settle()
    worker.assign(deletion(assignment, 5))
    await host.clock.advance(5_000)
    await worker.finished
    expect(host.calls).toContain('guest.kill hook')
    expect(host.leftovers).toEqual([])
  })

  it('preStop runs before the signal, within the grace, and a slow one is cut off', async () => {
    const host = new FakeHost()
    host.exec = () => 'hangs'
    host.behaviour.set('slow', { ignoresTerm: true })
    const lifecycle = (preStop: object) => ({ lifecycle: { preStop } })
    const assignment = testAssignment({ containers: [container('quick', lifecycle({ sleep: { seconds: 3 } })), container('slow', lifecycle({ exec: { command: ['drain'] } }))] })
    const { worker, eventsOf } = startWorker(host, assignment)
    await settle()
    const { guest } = host
    worker.assign(deletion(assignment, 10))
    await settle()
    expect(guest.signals).toEqual([])
    await host.clock.advance(3_000)
    expect(guest.signals).toEqual([{ container: 'quick', signal: 'TERM' }])
    await host.clock.advance(7_000)
    expect(host.calls).toContain('guest.kill drain')
    expect(eventsOf('FailedPreStopHook')[0]?.message).toContain('"slow" failed: it did not end within the grace period')
    expect(guest.signals.slice(1)).toEqual([{ container: 'slow', signal: 'TERM' }])
    await host.clock.advance(2_000)
    expect(guest.signals.at(-1)).toEqual({ container: 'slow', signal: 'KILL' })
    await worker.finished
  })

  it('are left out without any grace', async () => {
    const host = new FakeHost()
    const assignment = testAssignment({ containers: [container('a', { lifecycle: { preStop: { sleep: { seconds: 60 } } } })] })
    const { worker } = startWorker(host, assignment)
    await settle()
    const { guest } = host
    worker.assign(deletion(assignment, 0))
    await settle()
    expect(guest.signals).toEqual([{ container: 'a', signal: 'KILL' }])
    await worker.finished
  })
})

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
