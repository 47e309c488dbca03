import { describe, expect, it } from 'vitest'
import { tookTooMuch } from '@/host/hypervisor/start-qemu'
import { testAssignment } from './testing/assignment'
import { settle } from './testing/fake-clock'
import { FakeHost } from './testing/fake-host'
import { deletion, startWorker } from './testing/worker'

const two = { containers: [{ name: 'a', image: 'one:1' }, { name: 'b', image: 'two:1' }] }

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
