import { randomInt } from 'node:crypto'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { StorageNamespace } from '@/host/network/storage-namespace'
import { Lab } from '@/host/network/testing/lab'
import { NEVER } from '@/tools/testing/never'
import { AcknowledgedWriter, ShellVms } from '../testing/acknowledged-writer'
import { TestCeph, testPool } from '../testing/ceph'
import { RbdStore } from './rbd-store'

const kills = 50

let vms: ShellVms
let lab: Lab
let ceph: TestCeph
let storage: StorageNamespace
let writer: AcknowledgedWriter

beforeAll(async () => {
  ;[vms, lab] = await Promise.all([ShellVms.open(), Lab.create()])
  ceph = await TestCeph.start({ wire: { from: lab.host, there: '198.51.100.2', here: '198.51.100.1' } })
  const { uid } = await vms.host.request(0)
  storage = new StorageNamespace({ hostTag: lab.hostTag, uids: { first: uid, last: uid + 255 }, uplinkNetns: lab.host, log: { warn: () => {} } })
  await storage.reach([`${ceph.address}/32`])
})

afterAll(async () => {
  await writer?.kill()
  await vms?.close()
  await ceph?.stop()
  await storage?.remove()
  await lab?.destroy()
})

/** Another agent each time, as after a start of it: it knows nothing but what the cluster does. */
const agent = () => new RbdStore({ access: ceph.access(), pool: testPool, namespace: 'a'.repeat(32), work: vms.host.folder })

it(`whatever a guest was told is written is in Ceph after ${kills} kills of its QEMU, each of which is shut out before the next one opens`, { timeout: 600_000 }, async () => {
  writer = new AcknowledgedWriter(() => vms.start({ storage: storage.name }), agent)
  await writer.create()
  for (let n = 0; n <= kills; n += 1) {
    const { records, wrong } = await writer.open()
    expect(wrong, `${NEVER}: after ${n} kills`).toBe(0)
    expect(records, `${NEVER}: after ${n} kills`).toBeGreaterThanOrEqual(writer.acknowledged)
    if (n === kills) break
    await writer.write()
    await writer.more(randomInt(1, 20))
    await writer.kill()
    // Every other time nobody has let go: the next claim finds the dead one's lock.
    if (n % 2 === 0) await writer.release()
    else writer.epoch += 1
  }
})
