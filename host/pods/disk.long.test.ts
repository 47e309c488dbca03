import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Assignment } from '@/contracts/host/v1'
import { run } from '@/platform/exec'
import { FaultHost } from './testing/fault-host'

/** All that the host keeps lies on a small file system of its own, in memory. */
let mountPoint: string
let host: FaultHost
let pod: Assignment
beforeAll(async () => {
  mountPoint = await mkdtemp(join(tmpdir(), 'disk-'))
  await run('mount', ['-t', 'tmpfs', '-o', 'size=160m,mode=0711', 'tmpfs', mountPoint])
  host = await FaultHost.open({ folder: join(mountPoint, 'host'), templates: 'cold' })
  pod = host.pod({ containers: [{ name: 'web', image: 'hypernetes/sample', command: ['sh', '-c', 'i=0; while :; do i=$((i+1)); printf "line %04000d\\n" $i; sleep 0.2; done'] }] })
  host.pods.apply([pod])
  await host.until(() => host.isReady(pod), 90_000)
})
afterAll(async () => {
  try {
    await host?.close()
  } finally {
    await run('umount', ['-l', mountPoint])
    await rm(mountPoint, { recursive: true, force: true })
  }
})

const filler = () => join(mountPoint, 'filler')
/** As after an error of the file system: what is open stays, nothing is opened for writing any more. */
const readOnly = async () => {
  // Who just writes a file has it open for a moment, and the log of a container that prints is open on: what was opened by one mount is not in the way of the next.
  await expect.poll(async () => {
    // A try that failed before this one may have left it so.
    await writable().catch(() => {})
    await run('mount', ['--bind', host.folder, host.folder])
    return run('mount', ['-o', 'remount,bind,ro', host.folder]).then(() => '', String)
  }, { timeout: 90_000 }).toBe('')
}
const writable = () => run('umount', ['-l', host.folder])
/** dd stops where nothing more fits. */
const fill = () => run('dd', ['if=/dev/zero', `of=${filler()}`, 'bs=64k']).catch(() => {})
const alive = async () => expect(await host.run(pod, 'echo', 'alive')).toBe('alive\n')
/** The try got as far as a VM: booted cold, it takes its time until it is ready. */
const hasStarted = (of: Assignment) => () => host.report(of)?.startSteps.some(({ name, ms }) => name === 'vm' && ms !== null) ?? false
const told = (of: Assignment, reason: string) => () => host.eventsOf(of, reason).length > 0

it('a full disk is told, costs no running pod anything, keeps no other from starting once there is room, and loses no entry of the ledger', async () => {
  const [vm] = await host.vmsOf(pod)
  const next = host.pod()
  await fill()
  host.pods.apply([pod, next])
  await host.until(() => host.report(next)?.reason === 'HostDiskFull')
  expect(host.report(next)).toMatchObject({ phase: 'Starting', message: expect.stringMatching(/The host's disk is full\. .*operator has to make room.* tried again in 10 s/) })
  expect(host.report(next)?.conditions).toContainEqual(expect.objectContaining({ type: 'VMReady', status: 'False', reason: 'HostDiskFull' }))
  await host.until(told(pod, 'HostDiskFull'))
  expect(host.eventsOf(pod, 'HostDiskFull').at(-1)?.message).toMatch(/The pod goes on\./)
  await alive()
  // The agent itself starts again where nothing can be written.
  await host.leave()
  await host.begin()
  host.pods.apply([pod, next])
  await host.until(() => host.isReady(pod))
  await alive()
  await rm(filler())
  host.clock.skip()
  await host.until(hasStarted(next))
  await host.until(() => {
    host.clock.skip()
    return told(pod, 'HostDiskRecovered')()
  })
  expect(await host.vmsOf(pod)).toEqual([vm])
  expect(host.report(pod)?.containers[0]).toMatchObject({ restartCount: 0, state: 'Running' })
  await host.until(async () => (await host.log(pod, 'web')).includes('bytes of output were lost here'))
  host.pods.apply([pod])
  await host.until(() => [undefined, 'Gone'].includes(host.report(next)?.phase))
  host.events.length = 0
})

it('a disk that can only be read is told, running pods go on, and so does what waited once it is writable again, by a new agent too', async () => {
  const [vm] = await host.vmsOf(pod)
  await host.leave()
  await readOnly()
  await expect(host.begin()).rejects.toThrow(/EROFS|read-only/i)
  expect(await host.vmsOf(pod)).toEqual([vm])
  await writable()
  await host.begin()
  await host.until(() => host.isReady(pod))
  await readOnly()
  const next = host.pod()
  host.pods.apply([pod, next])
  await host.until(() => host.report(next)?.reason === 'HostDiskReadOnly')
  expect(host.report(next)?.message).toMatch(/can only be read\. .*writable/)
  await alive()
  await writable()
  host.clock.skip()
  await host.until(hasStarted(next))
  expect(await host.vmsOf(pod)).toEqual([vm])
  host.pods.apply([pod])
  await host.until(() => [undefined, 'Gone'].includes(host.report(next)?.phase))
})
