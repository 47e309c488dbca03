import { describe, expect, it } from 'vitest'
import { GuestRefusal, ImageProblem } from './ports'
import { testAssignment } from './testing/assignment'
import { settle } from './testing/fake-clock'
import { FakeHost } from './testing/fake-host'
import { deletion, startWorker } from './testing/worker'

const two = { containers: [{ name: 'a', image: 'one:1' }, { name: 'b', image: 'two:1' }] }

describe('a start', () => {
  it('runs the hooks in order, records each step and becomes ready', async () => {
    const host = new FakeHost()
    const { worker } = startWorker(host, testAssignment(two))
    await settle()
    const report = worker.report()
    expect(report).toMatchObject({ phase: 'Running', startMode: 'template', containers: [{ name: 'a', state: 'Running', ready: true }, { name: 'b', state: 'Running' }] })
    expect(report.startedAt).not.toBeNull()
    expect(report.startSteps.map((s) => s.name)).toEqual(['image', 'network', 'disks', 'template', 'vm', 'guest', 'containers', 'container a', 'container b'])
    expect(report.startSteps.every((s) => s.ms !== null)).toBe(true)
    expect(report.conditions.map((c) => [c.type, c.status])).toEqual([['ImagesReady', 'True'], ['VMReady', 'True'], ['Initialized', 'True'], ['ContainersReady', 'True'], ['Ready', 'True']])
    const late = host.calls.slice(host.calls.indexOf('vm.start'))
    expect(late).toEqual(['vm.start', 'guest.connect', 'guest.setup', 'guest.addImage image0', 'guest.start a', 'vm.plug image1', 'guest.addImage image1', 'guest.start b'])
  })

  it('of a pod with more images than a VM takes says so before there is a VM', async () => {
    const many = (count: number) => ({ initContainers: Array.from({ length: count - 20 }, (_, i) => ({ name: `i${i}`, image: `init${i}:1` })), containers: Array.from({ length: 20 }, (_, i) => ({ name: `c${i}`, image: `image${i}:1` })) })
    const host = new FakeHost()
    const { worker } = startWorker(host, testAssignment(many(25)))
    await settle()
    expect(worker.report()).toMatchObject({ phase: 'Starting', reason: 'TooManyImages', message: expect.stringContaining('25 different images, and one pod has room for 24') })
    expect(host.calls).not.toContain('vm.start')
    const other = new FakeHost()
    startWorker(other, testAssignment(many(24)))
    await settle()
    expect(other.calls).toContain('vm.start')
  })

  it('mounts an image that two containers share once', async () => {
    const host = new FakeHost()
    startWorker(host, testAssignment({ containers: [{ name: 'a', image: 'one:1' }, { name: 'b', image: 'one:1' }] }))
    await settle()
    expect(host.calls.filter((c) => c.startsWith('guest.addImage') || c.startsWith('vm.plug'))).toEqual(['guest.addImage image0'])
  })

  it('asks for a container before it has heard that its image is mounted, and says that it runs after that', async () => {
    const host = new FakeHost()
    let mounted = () => {}
    host.holds.set('guest.addImage image0', new Promise<void>((resolve) => (mounted = resolve)))
    const { worker, status } = startWorker(host, testAssignment({ containers: [{ name: 'a', image: 'one:1' }] }))
    await settle()
    expect([host.calls.includes('guest.start a'), status('a').state]).toEqual([true, 'Waiting'])
    mounted()
    await settle()
    expect([worker.report().phase, status('a').state]).toEqual(['Running', 'Running'])
  })

  it('tells why an image could not be mounted, not what came of it for the container', async () => {
    const host = new FakeHost()
    let mounted = () => {}
    host.holds.set('guest.addImage image0', new Promise<void>((resolve) => (mounted = resolve)))
    host.fail('guest.addImage image0', 1, new GuestRefusal('MountFailed', 'the image disk cannot be mounted'))
    host.fail('guest.start a', 1, new GuestRefusal('NotFound', 'the image has not been added'))
    const { worker, status, events } = startWorker(host, testAssignment({ containers: [{ name: 'a', image: 'one:1' }] }))
    await settle()
    expect([host.calls.includes('guest.start a'), status('a').state]).toEqual([true, 'Waiting'])
    mounted()
    await host.clock.advance(10_000)
    expect(events.filter(({ type }) => type === 'Warning').map(({ message }) => message)).toEqual([expect.stringContaining('the image disk cannot be mounted')])
    expect(worker.report().phase).toBe('Running')
  })

  const steps = ['image one:1', 'network.attach', 'disks', 'template', 'vm.start', 'guest.connect', 'guest.setup', 'guest.addImage image0', 'vm.plug image1', 'guest.start b']
  it.each(steps)('undoes everything when %s fails, tells why, and starts after a wait', async (step) => {
    const host = new FakeHost()
    host.fail(step)
    const assignment = testAssignment(two)
    const { worker } = startWorker(host, assignment)
    await settle()
    if (host.machines.size === 0) {
      const report = worker.report()
      expect(report.phase).toBe('Starting')
      expect(report.message).not.toBe('')
      expect(report.message).not.toContain('failed')
      expect([...host.attached, ...host.scratch, ...host.templates]).toEqual([])
    }
    await host.clock.advance(10_000)
    expect(worker.report()).toMatchObject({ phase: 'Running', containers: [{ state: 'Running' }, { state: 'Running' }] })
    worker.assign(deletion(assignment, 0))
    await host.clock.advance(10_000)
    await worker.finished
    expect(host.leftovers).toEqual([])
  })

  it('tells an image that does not exist by its code, and backs off like Kubernetes', async () => {
    const host = new FakeHost()
    host.fail('image sample:1', 3, new ImageProblem('not-found', 'sample:1', 'The image sample:1 does not exist. Correct its name.'))
    const { worker, events } = startWorker(host, testAssignment())
    await settle()
    expect(worker.report()).toMatchObject({ phase: 'Starting', reason: 'ImageNotFound', containers: [{ state: 'Waiting', reason: 'ImagePullBackOff' }] })
    expect(worker.report().conditions[0]).toMatchObject({ type: 'ImagesReady', status: 'False', reason: 'ImageNotFound', message: expect.stringContaining('Correct its name.') })
    expect(events[0]).toMatchObject({ type: 'Warning', reason: 'Failed' })
    for (const wait of [10_000, 20_000, 40_000]) {
      expect(host.clock.nextIn).toBe(wait)
      await host.clock.advance(wait)
    }
    expect(worker.report().phase).toBe('Running')
  })

  it.each(['image sample:1', 'network.attach', 'template', 'vm.start', 'guest.connect', 'guest.start web'])('is given up and undone when the pod is deleted during %s', async (step) => {
    const host = new FakeHost()
    let go = () => {}
    host.holds.set(step, new Promise((resolve) => (go = resolve)))
    const assignment = testAssignment()
    const { worker } = startWorker(host, assignment)
    await settle()
    worker.assign(deletion(assignment, 0))
    await settle()
    go()
    await host.clock.advance(10_000)
    await worker.finished
    expect(host.leftovers).toEqual([])
    expect(worker.report().phase).toBe('Gone')
  })
})

describe('another assignment', () => {
  it('with another image replaces the VM', async () => {
    const host = new FakeHost()
    const assignment = testAssignment()
    const { worker } = startWorker(host, assignment)
    await settle()
    worker.assign({ ...assignment, ...{ generation: 2, spec: testAssignment({ containers: [{ name: 'web', image: 'other:2' }] }).spec } })
    await settle()
    expect(worker.report()).toMatchObject({ phase: 'Running', observedGeneration: 2, containers: [{ image: 'other:2', state: 'Running', restartCount: 0 }] })
    expect(host.calls.filter((c) => c === 'vm.start')).toHaveLength(2)
    expect(host.guest.signals).toEqual([])
  })

  it('that turns the network\'s switch applies it to the running VM', async () => {
    const host = new FakeHost()
    const assignment = testAssignment()
    const { worker } = startWorker(host, assignment)
    await settle()
    worker.assign({ ...assignment, network: { ...assignment.network, outbound: 'nat', dns: ['10.0.0.1'] } })
    await settle()
    expect(host.calls.filter((c) => c === 'vm.start' || c === 'network.attach')).toEqual(['network.attach', 'vm.start', 'network.attach'])
    expect(worker.report().phase).toBe('Running')
  })

  it.each([['fails', (host: FakeHost) => host.fail('network.attach')], ['does not end', (host: FakeHost) => host.holds.set('network.attach', new Promise(() => {}))]])('whose switch %s keeps the VM watched', async (_name, trouble) => {
    const host = new FakeHost()
    const assignment = testAssignment()
    const { worker, eventsOf } = startWorker(host, assignment)
    await settle()
    trouble(host)
    worker.assign({ ...assignment, network: { ...assignment.network, outbound: 'nat' } })
    await settle()
    expect(worker.report().phase).toBe('Running')
    host.machines.get(`vm ${assignment.uid}`)?.die('killed')
    await settle()
    expect(eventsOf('VMFailed')).toHaveLength(1)
  })
})
