import { randomUUID } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import type { Assignment } from '@/contracts/host/v1'
import { ownMemoryAnnotation } from '@/domain/pod/own-memory'
import { StepError, type SpecVolumes, type VolumePort } from './ports'
import { testAssignment } from './testing/assignment'
import { settle } from './testing/fake-clock'
import { FakeHost } from './testing/fake-host'
import { deletion, startWorker } from './testing/worker'

const pod = testAssignment({ containers: [{ name: 'web', image: 'one:1', volumeMounts: [{ name: 'data', mountPath: '/data' }] }], volumes: [{ name: 'data', cinder: { volumeID: 'data' } }] })
const given = (one: Assignment, epoch = 1): Assignment => ({ ...one, volumes: [{ name: 'data', volumeUid: randomUUID(), attachmentUid: randomUUID(), epoch, readOnly: false }] })

/** Volumes that are here once a test says so; each call is a step of the host. */
class FakeVolumes implements VolumePort {
  isHere = true
  left: string[] = []
  paused: string | null = null
  said: ReturnType<SpecVolumes['assigned']> = []
  constructor(private readonly host: FakeHost) {}

  async ready(_pod: string, { assigned }: SpecVolumes, onWait: (reason: string) => void, signal: AbortSignal): Promise<{ needsStorage: boolean }> {
    await this.host.step('volumes.ready')
    while (!this.isHere) {
      onWait('It waits for its volume "data".')
      await settle()
      signal.throwIfAborted()
    }
    this.said = assigned()
    return { needsStorage: false }
  }
  up(_pod: string, _machine: unknown, _guest: unknown, isFound: boolean): void {
    this.host.calls.push(`volumes.up${isFound ? ' again' : ''}`)
  }
  attachAll = (): Promise<void> => this.host.step('volumes.attach')
  async detachAll(): Promise<string[]> {
    await this.host.step('volumes.detach')
    return this.left
  }
  containerStarted = (_pod: string, container: string): void => void this.host.calls.push(`volumes.started ${container}`)
  isPaused = (): boolean => this.paused !== null
  pausedBecause = (): string | null => this.paused
  ended = (): void => void this.host.calls.push('volumes.ended')
}

function hostWithVolumes(): { host: FakeHost; volumes: FakeVolumes } {
  const host = new FakeHost()
  const volumes = new FakeVolumes(host)
  host.volumes = volumes
  return { host, volumes }
}

/** A pod whose VM runs, and whose agent has ended. */
async function leftRunning(host: FakeHost): Promise<Assignment> {
  const named = given(pod)
  const { worker } = startWorker(host, named)
  await settle()
  worker.leave()
  await worker.finished
  return named
}

/** Of what was done, these in their order. */
const order = (host: FakeHost, ...steps: string[]) => host.calls.filter((call) => steps.includes(call))

describe('a pod with volumes', () => {
  it('waits until the server has said which they are, has them before its containers start, and unmounts them before its VM ends', async () => {
    const { host, volumes } = hostWithVolumes()
    const { worker } = startWorker(host, pod)
    await settle()
    expect(worker.report()).toMatchObject({ phase: 'Starting', reason: 'WaitingForVolumes' })
    expect(host.calls).toEqual([])
    const named = given(pod)
    worker.assign(named)
    await settle()
    expect([worker.report().phase, volumes.said]).toEqual(['Running', named.volumes])
    expect(order(host, 'volumes.ready', 'guest.setup', 'volumes.up', 'volumes.attach', 'guest.start web', 'volumes.started web')).toEqual(['volumes.ready', 'guest.setup', 'volumes.up', 'volumes.attach', 'guest.start web', 'volumes.started web'])
    worker.assign(deletion(named, 1))
    await host.clock.advance(5_000)
    await worker.finished
    expect(order(host, 'guest.signal web TERM', 'volumes.detach', 'guest.shutdown', 'vm.stop', 'vm.remove', 'volumes.ended')).toEqual(['guest.signal web TERM', 'volumes.detach', 'guest.shutdown', 'vm.stop', 'vm.remove', 'volumes.ended'])
    expect(host.leftovers).toEqual([])
  })

  it('has memory of its own, which others have only where they ask for it', async () => {
    const { host } = hostWithVolumes()
    const without = testAssignment({ containers: [{ name: 'web', image: 'one:1' }] })
    const asking = testAssignment({ containers: [{ name: 'web', image: 'one:1' }] }, { annotations: { [ownMemoryAnnotation]: 'true' } })
    const workers = [given(pod), without, asking].map((one) => startWorker(host, one).worker)
    await settle()
    expect([pod, without, asking].map(({ uid }) => host.ownMemory.get(uid))).toEqual([true, false, true])
    for (const worker of workers) worker.leave()
  })

  it('that are not here yet says whom it waits for, and is deleted meanwhile at once', async () => {
    const { host, volumes } = hostWithVolumes()
    volumes.isHere = false
    const { worker } = startWorker(host, given(pod))
    await settle()
    expect(worker.report()).toMatchObject({ phase: 'Starting', reason: 'WaitingForVolumes', message: 'It waits for its volume "data".' })
    worker.remove(0)
    await host.clock.advance(5_000)
    await worker.finished
    expect([host.calls.includes('vm.start'), host.leftovers]).toEqual([false, []])
  })

  it('of which one cannot be attached does not start, says why, and is tried again', async () => {
    const { host } = hostWithVolumes()
    host.fail('volumes.attach', 1, new StepError('FilesystemDamaged', 'The pod\'s volume "data" could not be attached: its file system is damaged.'))
    const { worker } = startWorker(host, given(pod))
    await settle()
    expect(worker.report()).toMatchObject({ phase: 'Starting', reason: 'FilesystemDamaged', message: expect.stringContaining('its file system is damaged. It is tried again') as string })
    expect([host.machines.size, host.calls.at(-1)]).not.toEqual([1, 'volumes.attach'])
    await host.clock.advance(20_000)
    expect(worker.report().phase).toBe('Running')
  })

  it('tells of those that its guest did not unmount in time', async () => {
    const { host, volumes } = hostWithVolumes()
    volumes.left = ['data']
    const { worker, eventsOf } = startWorker(host, given(pod))
    await settle()
    worker.remove(0)
    await host.clock.advance(5_000)
    await worker.finished
    expect(eventsOf('VolumeNotUnmounted')[0]?.message).toContain('"data"')
  })

  it('has them again when another agent takes it up, and is told of where its VM is gone', async () => {
    const { host } = hostWithVolumes()
    const named = await leftRunning(host)
    const found = host.ledger.get(pod.uid)
    host.calls.length = 0
    startWorker(host, named, found)
    await settle()
    expect(order(host, 'volumes.up again', 'volumes.ended')).toEqual(['volumes.up again'])
  })

  it('is refused where its VM has no room for so many disks', async () => {
    const { host } = hostWithVolumes()
    const containers = Array.from({ length: 10 }, (_, i) => ({ name: `c${i}`, image: `image${i}:1` }))
    const names = Array.from({ length: 15 }, (_, i) => `v${i}`)
    const many = testAssignment({ containers, volumes: names.map((name) => ({ name, cinder: { volumeID: name } })) })
    const volumes = names.map((name) => ({ name, volumeUid: randomUUID(), attachmentUid: randomUUID(), epoch: 1, readOnly: false }))
    const { worker } = startWorker(host, { ...many, volumes })
    await settle()
    expect(worker.report()).toMatchObject({ reason: 'TooManyDisks', message: expect.stringContaining('15 volumes') as string })
  })

  it('is refused by a host that keeps none', async () => {
    const host = new FakeHost()
    const { worker } = startWorker(host, given(pod))
    await settle()
    expect(worker.report()).toMatchObject({ phase: 'Starting', reason: 'NoVolumes' })
  })

  it('that stands still says why to whoever asks something of it, and its VM goes on', async () => {
    const { host, volumes } = hostWithVolumes()
    const { worker } = startWorker(host, given(pod))
    await settle()
    volumes.paused = 'The pod stands still: it is full.'
    const exec = { args: ['id'], stdin: false, terminal: null, onOutput: async () => {} }
    for (const asked of [worker.exec(null, exec), worker.openTunnel(80, 1), worker.stats(true), worker.archive(null, { direction: 'out', path: '/', onOutput: async () => {} }), worker.attach(null, async () => {})]) await expect(asked).rejects.toMatchObject({ reason: 'VolumePaused', message: volumes.paused })
    volumes.paused = null
    host.exec = () => ({ exitCode: 3 })
    expect((await (await worker.exec(null, exec)).exited).exitCode).toBe(3)
    expect(worker.isRunning).toBe(true)
  })

  it('has a postStart hook that got no answer while it stood still asked again, and its container is not ended for it', async () => {
    const { host, volumes } = hostWithVolumes()
    let code = 7
    host.exec = () => ({ exitCode: code })
    const { containers: [web] } = pod.spec
    const hooked = given({ ...pod, spec: { ...pod.spec, containers: [{ ...web!, lifecycle: { postStart: { exec: { command: ['hook'] } } } }] } })
    volumes.paused = 'full'
    const { worker, status } = startWorker(host, hooked)
    await settle()
    await host.clock.advance(60_000)
    expect([status('web').state, worker.isRunning]).toEqual(['Running', true])
    ;[code, volumes.paused] = [0, null]
    await host.clock.advance(5_000)
    expect([status('web').state, status('web').restartCount, host.calls.filter((call) => call === 'guest.exec web hook').length]).toEqual(['Running', 0, 2])
  })

  it('whose VM comes to stand still while another agent takes it up is asked again, and not ended', async () => {
    const { host } = hostWithVolumes()
    const named = await leftRunning(host)
    const [machine] = [...host.machines.values()]
    if (!machine) throw new Error('no VM')
    const { connect } = machine
    let isStopped = false
    machine.volumes = { ...machine.volumes, isStopped: () => Promise.resolve(isStopped), resume: () => Promise.resolve(void (isStopped = false)) }
    machine.connect = () => {
      machine.connect = connect
      isStopped = true
      return Promise.reject(new Error('the guest did not say hello in time'))
    }
    const { worker: next } = startWorker(host, named, host.ledger.get(pod.uid))
    await settle()
    await host.clock.advance(2_000)
    expect([next.isRunning, host.calls.filter((call) => call === 'vm.start').length]).toEqual([true, 1])
  })
})
