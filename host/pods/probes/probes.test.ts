import { describe, expect, it } from 'vitest'
import { testAssignment } from '../testing/assignment'
import { settle } from '../testing/fake-clock'
import { FakeHost } from '../testing/fake-host'
import { startWorker } from '../testing/worker'
import type { Probe } from '@/domain/pod/probe'
import { GuestRefusal } from '../ports'

const exec = { exec: { command: ['check'] } }
type Probes = Partial<Record<'livenessProbe' | 'readinessProbe' | 'startupProbe', Partial<Probe>>>
const pod = (probes: Probes, rest: object = {}) => testAssignment({ containers: [{ name: 'web', image: 'one:1', ...probes }], ...rest })
const checks = (host: FakeHost, kind = 'check') => host.calls.filter((c) => c === `guest.exec web ${kind}`).length

describe('a readiness probe', () => {
  it('makes a container ready, and not ready, at its thresholds', async () => {
    const host = new FakeHost()
    let code = 1
    host.exec = () => ({ exitCode: code, output: 'not yet' })
    const { status, condition, eventsOf } = startWorker(host, pod({ readinessProbe: { ...exec, initialDelaySeconds: 5, periodSeconds: 10, successThreshold: 2, failureThreshold: 3 } }))
    await settle()
    expect(status('web')).toMatchObject({ state: 'Running', started: true, ready: false })
    expect(condition('Ready')).toMatchObject({ status: 'False', reason: 'ContainersNotReady', message: 'Container "web" runs and waits for its readiness probe.' })
    await host.clock.advance(4_999)
    expect(checks(host)).toBe(0)
    await host.clock.advance(1)
    expect(checks(host)).toBe(1)
    await host.clock.advance(20_000)
    expect(checks(host)).toBe(3)
    expect(condition('Ready')?.message).toBe('Its readiness probe fails: command exited with code 1: not yet')
    code = 0
    await host.clock.advance(10_000)
    expect(status('web').ready).toBe(false)
    await host.clock.advance(10_000)
    expect(condition('Ready')?.status).toBe('True')
    code = 1
    await host.clock.advance(20_000)
    expect(status('web').ready).toBe(true)
    await host.clock.advance(10_000)
    expect(status('web').ready).toBe(false)
    expect(status('web').restartCount).toBe(0)
    expect(eventsOf('Unhealthy')[0]?.message).toBe('Readiness probe of container "web" failed: command exited with code 1: not yet')
  })

  it('whose command cannot be run changes nothing and is told', async () => {
    const host = new FakeHost()
    host.exec = () => new GuestRefusal('ExecutableNotFound', 'no such executable: check')
    const { status, eventsOf } = startWorker(host, pod({ readinessProbe: { ...exec, failureThreshold: 1 } }))
    await host.clock.advance(60_000)
    expect(status('web')).toMatchObject({ ready: false, message: '' })
    expect(eventsOf('Unhealthy')[0]?.message).toContain('errored: the command could not be run: no such executable')
  })
})

describe('a liveness probe', () => {
  it('asks nothing of a pod that stands still for a full store of volumes, and goes on when that does', async () => {
    const host = new FakeHost()
    let [code, isPaused] = [0, false]
    host.exec = () => ({ exitCode: code })
    host.volumes = { ready: () => Promise.resolve({ needsStorage: false }), up: () => {}, attachAll: async () => {}, detachAll: () => Promise.resolve([]), containerStarted: () => {}, isPaused: () => isPaused, pausedBecause: () => null, ended: () => {} }
    const { status } = startWorker(host, pod({ livenessProbe: { ...exec, periodSeconds: 10, failureThreshold: 1 } }))
    await host.clock.advance(15_000)
    const before = checks(host)
    ;[code, isPaused] = [1, true]
    await host.clock.advance(60_000)
    expect([checks(host), status('web').restartCount]).toEqual([before, 0])
    isPaused = false
    await host.clock.advance(20_000)
    expect(status('web').restartCount).toBeGreaterThan(0)
  })

  it('that fails too often ends the container, which is started again with the cause kept', async () => {
    const host = new FakeHost()
    let code = 0
    host.exec = () => ({ exitCode: code })
    const { status, eventsOf } = startWorker(host, pod({ livenessProbe: { ...exec, periodSeconds: 10 } }))
    await host.clock.advance(30_000)
    expect(status('web').ready).toBe(true)
    code = 1
    await host.clock.advance(20_000)
    expect(status('web').restartCount).toBe(0)
    await host.clock.advance(10_000)
    expect(status('web')).toMatchObject({ state: 'Running', restartCount: 1, lastEnd: { exitCode: 143, reason: 'Unhealthy', message: 'Container "web" failed its liveness probe too often and was stopped: command exited with code 1.' } })
    expect(eventsOf('Killing')[0]?.message).toContain('failed its liveness probe')
  })

  it('that hangs is killed at its timeout and counts as failed; its own grace holds for the end', async () => {
    const host = new FakeHost()
    host.behaviour.set('web', { ignoresTerm: true })
    host.exec = () => 'hangs'
    const { status } = startWorker(host, pod({ livenessProbe: { ...exec, timeoutSeconds: 2, failureThreshold: 1, terminationGracePeriodSeconds: 7 } }, { terminationGracePeriodSeconds: 600 }))
    await settle()
    await host.clock.advance(2_000)
    expect(host.calls).toContain('guest.kill check')
    expect(host.guest.signals).toEqual([{ container: 'web', signal: 'TERM' }])
    await host.clock.advance(7_000)
    expect(host.guest.signals.at(-1)).toEqual({ container: 'web', signal: 'KILL' })
    expect(status('web').lastEnd).toMatchObject({ reason: 'Unhealthy', message: expect.stringContaining('command timed out after 2s') })
  })

  it('restarts a container of a pod with OnFailure whatever its exit code, and fails one with Never', async () => {
    for (const restartPolicy of ['OnFailure', 'Never'] as const) {
      const host = new FakeHost()
      host.exec = () => ({ exitCode: 1 })
      const { worker, status } = startWorker(host, pod({ livenessProbe: { ...exec, failureThreshold: 1 } }, { restartPolicy }))
      await settle()
      if (restartPolicy === 'Never') expect(worker.report()).toMatchObject({ phase: 'Failed', reason: 'Unhealthy' })
      else expect(status('web').restartCount).toBeGreaterThan(0)
    }
  })
})

describe('a startup probe', () => {
  it('holds the others back until it has succeeded', async () => {
    const host = new FakeHost()
    let up = false
    host.exec = ([command]) => ({ exitCode: command === 'up' ? Number(!up) : 1 })
    const { status } = startWorker(host, pod({ startupProbe: { exec: { command: ['up'] }, failureThreshold: 30 }, livenessProbe: { ...exec, failureThreshold: 2 }, readinessProbe: { ...exec } }))
    await host.clock.advance(100_000)
    expect(checks(host)).toBe(0)
    expect(status('web')).toMatchObject({ started: false, ready: false, restartCount: 0 })
    up = true
    await host.clock.advance(10_000)
    expect(status('web').started).toBe(true)
    expect(checks(host)).toBe(2)
    await host.clock.advance(10_000)
    expect(status('web').restartCount).toBe(1)
  })

  it('that never succeeds ends the container', async () => {
    const host = new FakeHost()
    host.exec = () => ({ exitCode: 1 })
    const { status } = startWorker(host, pod({ startupProbe: { ...exec, periodSeconds: 1, failureThreshold: 4 } }))
    await settle()
    await host.clock.advance(3_000)
    expect(status('web').lastEnd).toMatchObject({ reason: 'Unhealthy', message: expect.stringContaining('startup probe') })
  })
})

describe('probes', () => {
  it('end with their container: nothing is asked of a pod that is gone', async () => {
    const host = new FakeHost()
    host.exec = () => ({ exitCode: 0 })
    const { worker } = startWorker(host, pod({ livenessProbe: { ...exec, periodSeconds: 1 } }))
    await host.clock.advance(5_000)
    worker.remove(0)
    await host.clock.advance(10_000)
    await worker.finished
    const asked = checks(host)
    await host.clock.advance(60_000)
    expect(checks(host)).toBe(asked)
    expect(host.clock.nextIn).toBeNull()
  })

  it('go on after a start of the host agent, with what was known', async () => {
    const host = new FakeHost()
    host.exec = () => ({ exitCode: 0 })
    const assignment = pod({ startupProbe: { ...exec }, readinessProbe: { ...exec } })
    startWorker(host, assignment)
    await settle()
    const entry = structuredClone([...host.ledger.values()][0])
    if (!entry) throw new Error('no entry')
    host.guest.containers = [{ container: 'web', stream: 1, exited: null }]
    host.exec = () => ({ exitCode: 1 })
    const { status } = startWorker(host, entry.assignment, entry)
    await settle()
    expect(status('web')).toMatchObject({ state: 'Running', started: true, ready: true })
    await host.clock.advance(30_000)
    expect(status('web')).toMatchObject({ started: true, ready: false })
  })

  it('that fail for days tell it in a bounded number of events', async () => {
    const host = new FakeHost()
    let times = 0
    host.exec = () => ({ exitCode: 1, output: `failure ${(times += 1)}` })
    const { eventsOf } = startWorker(host, pod({ readinessProbe: { ...exec, periodSeconds: 1 } }))
    await settle()
    await host.clock.advance(600_000)
    expect(times).toBeGreaterThan(500)
    expect(eventsOf('Unhealthy').length).toBeLessThanOrEqual(27)
  })
})
