import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Cleanup } from '@/tools/testing/cleanup'
import { RbdStore, type RbdStoreOptions } from '../rbd/rbd-store'
import type { Image } from '../store'
import { TestCeph, testPool } from './ceph'
import type { OpenImage } from './qemu-io'
import { QemuWriter } from './qemu-writer'
import type { StoreUnderTest } from './store-under-test'

/** What docs/guides/volumes.md says that the agent's user needs, and no more. */
function agentRights(pool: string): string[] {
  const users = `allow command "auth get-or-create" with entity regex "client[.]hypernetes-${pool}-[0-9a-f]{32}" caps_mon="allow service mon r, allow service osd r" caps_mgr="allow service none r" caps_mds="allow r path=/none" caps_osd regex "profile rbd pool=${pool} namespace=[0-9a-f]{32}"`
  return ['mon', `profile rbd, allow command "mgr dump", ${users}`, 'osd', `profile rbd pool=${pool}`]
}

/** A store of images of a Ceph of its own, by an agent that has the rights it needs alone; one QEMU opens what is asked for. */
export async function openRbdStore(): Promise<StoreUnderTest & { ceph: TestCeph; options: RbdStoreOptions }> {
  const cleanup = new Cleanup()
  try {
    return await openWith(cleanup)
  } catch (error) {
    await cleanup.run().catch(() => {})
    throw error
  }
}

async function openWith(cleanup: Cleanup): ReturnType<typeof openRbdStore> {
  const ceph = await cleanup.open('Ceph', TestCeph.start({ capacity: true }), (one) => one.stop())
  const work = await cleanup.open('the folder of a store', mkdtemp(join(tmpdir(), 'rbd-work-')), (one) => rm(one, { recursive: true, force: true }))
  const qemu = await cleanup.open('a QEMU', QemuWriter.start(ceph.inside), (one) => one.end())
  const key = await agentKey(ceph)
  const options = { access: ceph.access('hypernetes', key), pool: testPool, namespace: 'c'.repeat(32), work }
  let store = new RbdStore(options)
  return {
    ceph,
    options,
    store: () => store,
    other: async () => new RbdStore(options),
    open: (image) => openInQemu(qemu, image),
    dying: null,
    restart: async () => void (store = new RbdStore(options)),
    close: () => cleanup.run(),
  }
}

/** Neither argv nor a file of the test has the key: Ceph makes it. */
export async function agentKey(ceph: TestCeph, user = 'hypernetes', pool = testPool): Promise<string> {
  const text = await ceph.admin.ceph(['auth', 'get-or-create-key', `client.${user}`, ...agentRights(pool)])
  return text.trim()
}

let opened = 0

async function openInQemu(qemu: QemuWriter, image: Image): Promise<OpenImage> {
  if (image.kind !== 'rbd') throw new Error('this store has images of Ceph')
  const name = `image${(opened += 1)}`
  const { namespace, ...options } = image.options
  await qemu.object({ 'qom-type': 'secret', id: name, format: 'base64', data: await image.secret() })
  await qemu.open({ driver: 'rbd', 'node-name': name, 'read-only': image.readOnly, discard: 'unmap', 'key-secret': name, conf: qemu.configuration, namespace, ...options })
  if (!image.readOnly) await qemu.takeLock(name)
  return {
    write: (pattern, offset, bytes) => qemu.write(name, pattern, offset, bytes),
    read: async (pattern, offset, bytes) => {
      if (!(await qemu.isFilled(name, pattern, offset, bytes))) throw new Error(`not all of ${bytes} bytes from ${offset} are ${pattern}`)
    },
    discard: (offset, bytes) => qemu.discard(name, offset, bytes),
    size: () => qemu.size(name),
    resize: (bytes) => qemu.resize(name, bytes),
    close: async () => {
      await qemu.close(name)
      await qemu.removeObject(name)
    },
  }
}
