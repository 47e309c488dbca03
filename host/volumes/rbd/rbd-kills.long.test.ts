import { randomInt } from 'node:crypto'
import { beforeAll, expect, it } from 'vitest'
import { cleanupAfterAll } from '@/tools/testing/cleanup-after-all'
import { NEVER } from '@/tools/testing/never'
import { AcknowledgedWriter, ShellVms } from '../testing/acknowledged-writer'
import { testPool, type TestCeph } from '../testing/ceph'
import { openCephForVms } from '../testing/ceph-for-vms'
import { RbdStore } from './rbd-store'

const kills = 50
const takeovers = 10

let vms: ShellVms
let ceph: TestCeph
let storage: string
const cleanup = cleanupAfterAll()

beforeAll(async () => {
  vms = await cleanup.open('the VMs', ShellVms.open(), (one) => one.close())
  ;({ ceph, storage } = await openCephForVms(cleanup, vms))
})

/** Another agent each time, as after a start of it: it knows nothing but what the cluster does. */
const agent = () => new RbdStore({ access: ceph.access(), pool: testPool, namespace: 'a'.repeat(32), work: vms.host.folder })

/** `like`: another owner of the same volume. */
function begin(like?: AcknowledgedWriter): AcknowledgedWriter {
  const writer = new AcknowledgedWriter(() => vms.start({ storage }), agent, { uid: like?.uid })
  cleanup.add('a writer', () => writer.kill())
  return writer
}

it(`whatever a guest was told is written is in Ceph after ${kills} kills of its QEMU, each of which is shut out before the next one opens`, { timeout: 600_000 }, async () => {
  const writer = begin()
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

it(`whatever an owner that lives was told is written before it is taken over is there for the next one, ${takeovers} times in the midst of its writing, and it is told of nothing after that`, { timeout: 600_000 }, async () => {
  let owner = begin()
  await owner.create()
  await owner.open()
  let kept = 0
  for (let n = 1; n <= takeovers; n += 1) {
    await owner.write()
    await owner.more(randomInt(1, 20))
    const next = begin(owner)
    next.epoch = owner.epoch + 1
    const atClaim = owner.acknowledged
    const { records, wrong } = await next.open(owner)
    const atRead = owner.acknowledged
    expect(wrong, `${NEVER}: takeover ${n}`).toBe(0)
    expect(records, `${NEVER}: takeover ${n}`).toBeGreaterThanOrEqual(atRead)
    await next.write()
    await next.more(20)
    expect(owner.acknowledged, `${NEVER}: takeover ${n}`).toBe(atRead)
    await owner.kill()
    kept += atRead - atClaim
    owner = next
  }
  console.log(`  ${takeovers} takeovers from an owner that wrote: ${owner.acknowledged} records acknowledged, ${kept} of them while the next one was on its way, none lost`)
  await owner.kill()
})
