import { describe, expect, it } from 'vitest'
import { testAssignment } from '../testing/assignment'
import { settle } from '../testing/fake-clock'
import { FakeHost } from '../testing/fake-host'
import { deletion, startWorker } from '../testing/worker'

const container = (name: string, rest: object = {}) => ({ name, image: `${name}:1`, ...rest })
const starts = (host: FakeHost) => host.calls.filter((c) => c.startsWith('guest.start ')).map((c) => c.slice(12))

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
