import { describe, expect, it } from 'vitest'
import { ledgerEntry } from '@/host/ledger/entry'
import { tookTooMuch } from '@/host/hypervisor/start-qemu'
import { ImageProblem } from './ports'
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

describe('a stop', () => {
  it('asks, waits for the grace, kills, and leaves nothing', async () => {
    const host = new FakeHost()
    host.behaviour.set('a', { ignoresTerm: true })
    const assignment = testAssignment(two)
    const { worker } = startWorker(host, assignment)
    await settle()
    const { guest } = host
    worker.assign(deletion(assignment, 30))
    await settle()
    expect(worker.report().phase).toBe('Stopping')
    expect(guest.signals).toEqual([{ container: 'a', signal: 'TERM' }, { container: 'b', signal: 'TERM' }])
    await host.clock.advance(30_000)
    await worker.finished
    expect(guest.signals.at(-1)).toEqual({ container: 'a', signal: 'KILL' })
    expect(host.calls.slice(-8)).toEqual(expect.arrayContaining(['guest.shutdown', 'vm.stop', 'network.detach', 'disks.remove', 'logs.remove', 'ledger.remove']))
    expect(host.leftovers).toEqual([])
  })

  it('takes a shorter grace while it runs, and never a longer one', async () => {
    const host = new FakeHost()
    host.behaviour.set('web', { ignoresTerm: true })
    const assignment = testAssignment()
    const { worker } = startWorker(host, assignment)
    await settle()
    worker.assign(deletion(assignment, 600))
    await settle()
    worker.assign(deletion(assignment, 5))
    worker.assign(deletion(assignment, 900))
    await settle()
    expect(host.clock.nextIn).toBe(5_000)
    await host.clock.advance(5_000)
    await worker.finished
  })

  it.each(['guest.signal web TERM', 'guest.signal web KILL', 'guest.shutdown', 'vm.stop', 'vm.remove', 'network.detach', 'disks.remove', 'template.release', 'logs.remove', 'ledger.remove'])('is finished in spite of a failure of %s', async (step) => {
    const host = new FakeHost()
    host.fail(step, 2)
    const assignment = testAssignment()
    const { worker } = startWorker(host, assignment)
    await settle()
    worker.assign(deletion(assignment, 1))
    for (let i = 0; i < 10; i += 1) await host.clock.advance(3_000)
    await worker.finished
    expect(host.leftovers).toEqual([])
  })

  it('is not taken back by an assignment without deletion', async () => {
    const host = new FakeHost()
    const assignment = testAssignment()
    const { worker } = startWorker(host, assignment)
    await settle()
    worker.assign(deletion(assignment, 0))
    worker.assign({ ...assignment, generation: 7 })
    await host.clock.advance(5_000)
    await worker.finished
    expect(host.leftovers).toEqual([])
  })
})

describe('a lost VM', () => {
  it('is started again with its containers counted as restarted', async () => {
    const host = new FakeHost()
    const { worker, events } = startWorker(host, testAssignment())
    await settle()
    const first = [...host.machines.values()][0]
    host.machines.clear()
    first?.die('killed by signal 9')
    await host.clock.advance(1_000)
    expect(worker.report()).toMatchObject({ phase: 'Running', containers: [{ state: 'Running', restartCount: 1, exitCode: 137 }] })
    expect(events.some((e) => e.reason === 'VMFailed' && e.message.includes('killed by signal 9'))).toBe(true)
    expect(host.machines.size).toBe(1)
  })

  it('at its limit of memory is told whole, with what to do; words of QEMU are not', async () => {
    for (const [cause, told] of [[tookTooMuch(300 << 20), 'it took more memory than its limit of 300 MiB on the host, and the host\'s kernel killed it. Its containers are kept within the guest\'s memory, so this is QEMU itself; tell the operator if it happens again'], ['QEMU ended with code 1: /var/lib/hypernetes: no such file', 'QEMU ended with code 1']] as const) {
      const host = new FakeHost()
      const { eventsOf } = startWorker(host, testAssignment())
      await settle()
      const first = [...host.machines.values()][0]
      host.machines.clear()
      first?.die(cause)
      await host.clock.advance(1_000)
      expect(eventsOf('VMFailed').map(({ message }) => message)).toEqual([`The pod's virtual machine ended: ${told}.`])
    }
  })

  it('fails a pod that must not be restarted', async () => {
    const host = new FakeHost()
    const { worker } = startWorker(host, testAssignment({ restartPolicy: 'Never' }))
    await settle()
    const machine = [...host.machines.values()][0]
    machine?.die('killed by signal 9')
    await host.clock.advance(1_000)
    expect(worker.report()).toMatchObject({ phase: 'Failed', reason: 'VMFailed', containers: [{ state: 'Terminated', exitCode: 137 }] })
    expect([...host.attached, ...host.scratch, ...host.machines.keys()]).toEqual([])
  })
})

describe('containers that end', () => {
  it('make a pod Succeeded and free its VM, its logs stay', async () => {
    const host = new FakeHost()
    const { worker } = startWorker(host, testAssignment({ restartPolicy: 'OnFailure' }))
    await settle()
    host.guest.exit('web', 0)
    await settle()
    expect(worker.report()).toMatchObject({ phase: 'Succeeded', containers: [{ state: 'Terminated', reason: 'Completed', exitCode: 0 }] })
    expect(host.machines.size).toBe(0)
    expect(host.logs.size).toBe(1)
    expect(host.calls.filter((c) => c === 'guest.shutdown')).toHaveLength(1)
  })

  it('are started again by Kubernetes\' back-off, which is forgotten after 10 min of running', async () => {
    const host = new FakeHost()
    const { worker } = startWorker(host, testAssignment())
    await settle()
    host.guest.exit('web', 3)
    await settle()
    expect(worker.report().containers[0]).toMatchObject({ state: 'Running', restartCount: 1 })
    for (const wait of [10, 20, 40, 80, 160, 300, 300]) {
      host.guest.exit('web', 3)
      await settle()
      expect(worker.report().containers[0]).toMatchObject({ state: 'Waiting', reason: 'CrashLoopBackOff', exitCode: 3, message: expect.stringContaining(`${wait} s`) })
      expect(worker.report().phase).toBe('Running')
      expect(host.clock.nextIn).toBe(wait * 1000)
      await host.clock.advance(wait * 1000)
      expect(worker.report().containers[0]?.state).toBe('Running')
    }
    await host.clock.advance(600_000)
    host.guest.exit('web', 3)
    await settle()
    expect(worker.report().containers[0]).toMatchObject({ state: 'Running', restartCount: 9 })
  })

  it('tell a command that does not exist', async () => {
    const host = new FakeHost()
    host.behaviour.set('web', { refuse: { code: 'ExecutableNotFound', message: 'no such executable: /nope' } })
    const { worker } = startWorker(host, testAssignment({ restartPolicy: 'Never' }))
    await settle()
    expect(worker.report()).toMatchObject({ phase: 'Failed', containers: [{ reason: 'ExecutableNotFound', exitCode: 127, message: expect.stringContaining('Correct command or args') }] })
  })
})

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
