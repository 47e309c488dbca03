import { randomInt, randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { beforeAll, describe, expect, it } from 'vitest'
import type { VmRequest } from '@/host/hypervisor/start-vm'
import { run } from '@/platform/exec'
import { cleanupAfterAll } from '@/tools/testing/cleanup-after-all'
import { NEVER } from '@/tools/testing/never'
import { FileStore } from './file/file-store'
import { RbdPlace, volumeImage } from './rbd/rbd-place'
import { RbdStore } from './rbd/rbd-store'
import type { VolumeStore } from './store'
import { AcknowledgedWriter, ShellVms, type FileSystem } from './testing/acknowledged-writer'
import { testPool } from './testing/ceph'
import { openCephForVms } from './testing/ceph-for-vms'
import { copyOfLayers, ext4Of } from './testing/ext4-copy'
import { xfsProblems } from './testing/xfs-copy'

/** Of each file system in each store. */
const losses = 5

/** A store as an agent finds it that comes after a power loss. `raw`: makes a file of the bytes of a volume there. */
type Copy = { store: VolumeStore; raw: (uid: string, file: string) => Promise<unknown>; close: () => Promise<unknown> }
/** `copy`: all bytes of a volume and what is written down of it, as they are now, as a store of their own. `request`: what VMs need that reach it. */
type CopiedStore = { store: VolumeStore; copy: (uid: string) => Promise<Copy>; request: Partial<VmRequest> }

const cleanup = cleanupAfterAll()
let vms: ShellVms
/** Of stores of files, and of copies. */
let folder: string

beforeAll(async () => {
  folder = await cleanup.open('the folder', mkdtemp(join(tmpdir(), 'power-loss-')), (one) => rm(one, { recursive: true, force: true }))
  vms = await cleanup.open('the VMs', ShellVms.open(), (one) => one.close())
})

const openFiles = (root: string) => cleanup.open('a store of files', FileStore.open(root, { name: 'test', shared: false }), (one) => one.close())

async function files(): Promise<CopiedStore> {
  const root = join(folder, 'store')
  const copy = async (): Promise<Copy> => {
    const to = join(folder, randomUUID())
    await run('cp', ['-a', '--sparse=always', '--', root, to])
    const store = await openFiles(to)
    const close = async () => {
      await store.close()
      await rm(to, { recursive: true })
    }
    return { store, raw: (uid, file) => copyOfLayers(join(to, 'volumes', uid), file), close }
  }
  return { store: await openFiles(root), copy, request: {} }
}

async function inCeph(): Promise<CopiedStore> {
  const { ceph, storage } = await openCephForVms(cleanup, vms)
  const { admin } = ceph
  const storeOf = (namespace: string) => new RbdStore({ access: ceph.access(), pool: testPool, namespace, work: folder })
  const placeOf = (namespace: string) => new RbdPlace(admin, testPool, namespace)
  const of = 'a'.repeat(32)
  const copy = async (uid: string): Promise<Copy> => {
    const namespace = randomUUID().replaceAll('-', '')
    const [from, to] = [placeOf(of), placeOf(namespace)]
    await to.ready()
    await admin.rbd(['cp', '--no-progress', from.path(volumeImage(uid)), to.path(volumeImage(uid))])
    return { store: storeOf(namespace), raw: (one, file) => admin.rbd(['export', '--no-progress', to.path(volumeImage(one)), file]), close: () => to.removeImage(volumeImage(uid)) }
  }
  return { store: storeOf(of), copy, request: { storage } }
}

const problemsOf = async (fileSystem: FileSystem, raw: string): Promise<string> => (fileSystem === 'ext4' ? (await ext4Of(raw)).problems : xfsProblems(raw))

describe.each([['files', files], ['Ceph', inCeph]] as const)('a volume in %s', (_name, open) => {
  let of: CopiedStore
  beforeAll(async () => {
    of = await open()
  })

  function begin(store: VolumeStore, fileSystem: FileSystem, uid?: string): AcknowledgedWriter {
    const writer = new AcknowledgedWriter(() => vms.start(of.request), () => store, { uid, fileSystem })
    cleanup.add('a writer', () => writer.kill())
    return writer
  }

  it.each(['ext4', 'xfs'] as const)(`copied at the instant of a power loss under a writer has all that was acknowledged for a VM that starts with it, and an %s that is whole, ${losses} times`, { timeout: 300_000 }, async (fileSystem) => {
    const writer = begin(of.store, fileSystem)
    await writer.create()
    await writer.open()
    await writer.write()
    for (let n = 1; n <= losses; n += 1) {
      await writer.more(1)
      await pause(randomInt(400))
      const { copy, acknowledged } = await writer.standingStill(async () => ({ copy: await of.copy(writer.uid), acknowledged: writer.acknowledged }))
      const next = begin(copy.store, fileSystem, writer.uid)
      ;[next.epoch, next.acknowledged] = [writer.epoch + 1, acknowledged]
      const { records, wrong } = await next.open()
      expect(wrong, `${NEVER}: loss ${n}`).toBe(0)
      expect(records, `${NEVER}: loss ${n}`).toBeGreaterThanOrEqual(acknowledged)
      await next.rest()
      await next.release()
      const raw = join(folder, 'raw')
      await copy.raw(writer.uid, raw)
      expect(await problemsOf(fileSystem, raw), `${NEVER}: loss ${n}`).toBe('')
      await rm(raw)
      await copy.close()
      console.log(`  ${fileSystem}, loss ${n}: ${acknowledged} records acknowledged, ${records} there`)
    }
    await writer.kill()
  })
})
