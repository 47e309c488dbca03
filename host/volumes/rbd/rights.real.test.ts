import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { limitsGroup, rbdGraph, secretId, secretOf } from '../open-image'
import { TestCeph, testPool } from '../testing/ceph'
import { CephHost, unlimited } from '../testing/ceph-host'
import type { QemuWriter } from '../testing/qemu-writer'
import { agentKey } from '../testing/rbd-store'
import type { CephAccess } from './ceph-commands'
import { RbdStore } from './rbd-store'
import { tenantRights, tenantUser } from './tenant-user'

const sizeBytes = 16 << 20
const tenant = 'a'.repeat(32)

let ceph: TestCeph
/** The agents'. */
let access: CephAccess
let work: string
const writers: QemuWriter[] = []

beforeAll(async () => {
  ceph = await TestCeph.start()
  access = ceph.access('hypernetes', await agentKey(ceph))
  work = await mkdtemp(join(tmpdir(), 'rbd-work-'))
})
afterEach(async () => {
  await Promise.all(writers.splice(0).map((writer) => writer.end()))
})
afterAll(async () => {
  await ceph?.stop()
  await rm(work, { recursive: true, force: true })
})

describe("an agent's rights", () => {
  it('make users of one pool, each of one namespace, and nobody who may more', async () => {
    const agent = ceph.as('hypernetes', access.key)
    const of = (name: string, rights: string[]) => agent.ceph(['auth', 'get-or-create', name, ...rights])
    const user = `client.${tenantUser(testPool, 'f'.repeat(32))}`
    const rights = tenantRights(testPool, 'f'.repeat(32))
    const instead = (one: string, other: string) => rights.map((text) => (text === one ? other : text))
    const osd = rights.at(-1) ?? ''
    const refused: [string, string[]][] = [
      ['client.evil', rights],
      [`${user}x`, rights],
      [user, ['mon', 'allow *', 'osd', 'allow *']],
      [user, instead('allow service mon r, allow service osd r', 'allow *')],
      [user, instead('allow service none r', 'allow *')],
      [user, instead('allow r path=/none', 'allow *')],
      [user, instead(osd, `${osd}, allow *`)],
      [user, instead(osd, 'profile rbd pool=other namespace=f')],
      [user, instead(osd, `profile rbd pool=${testPool}`)],
    ]
    for (const [name, asked] of refused) await expect(of(name, asked), `${name} ${asked.join(' ')}`).rejects.toMatchObject({ code: 'Unreachable', message: expect.stringContaining('may not do that') })
    await of(user, rights)
  })

  it('are those of one pool: a tenant has a user in each, who reaches that one alone', async () => {
    await ceph.admin.ceph(['osd', 'pool', 'create', 'slow', '1', '1'])
    await ceph.admin.rbd(['pool', 'init', 'slow'])
    const ofSlow = ceph.access('slow', await agentKey(ceph, 'slow', 'slow'))
    const store = new RbdStore({ access, pool: testPool, namespace: tenant, work })
    const slow = new RbdStore({ access: ofSlow, pool: 'slow', namespace: tenant, work })
    const images = await Promise.all([store, slow].map(async (one) => {
      const uid = randomUUID()
      await one.create({ uid, sizeBytes, origin: { kind: 'blank' } }, () => {})
      return one.image(uid, 'read', 0)
    }))
    for (const image of images) {
      if (image.kind !== 'rbd') throw new Error('this store has images of Ceph')
      const asTenant = ceph.as(image.options.user, await image.secret())
      expect(await asTenant.rbd(['ls', `${image.options.pool}/${tenant}`])).toContain('volume-')
      await expect(asTenant.rbd(['ls', `${image.options.pool === 'slow' ? testPool : 'slow'}/${tenant}`])).rejects.toMatchObject({ code: 'Unreachable', message: expect.stringContaining('may not do that') })
    }
    // Somebody has made the user before, with other rights.
    await ceph.admin.ceph(['auth', 'caps', `client.${tenantUser('slow', tenant)}`, 'mon', 'allow r'])
    const [, image] = images
    if (image?.kind === 'rbd') await expect(image.secret()).rejects.toMatchObject({ code: 'Unreachable', message: expect.stringContaining('ceph auth rm') })
  })
})

describe('the key that a VM has', () => {
  it("opens no other tenant's image, and shuts out nobody", async () => {
    const store = new RbdStore({ access, pool: testPool, namespace: tenant, work })
    const [uid, one] = [randomUUID(), await CephHost.start(ceph, store, writers)]
    await store.create({ uid, sizeBytes, origin: { kind: 'blank' } }, () => {})
    const other = new RbdStore({ access, pool: testPool, namespace: 'b'.repeat(32), work })
    const theirs = randomUUID()
    await other.create({ uid: theirs, sizeBytes, origin: { kind: 'blank' } }, () => {})
    await store.claim(uid, 1, null)
    const image = await store.image(uid, 'write', 1)
    if (image.kind !== 'rbd') throw new Error('this store has images of Ceph')
    await one.qemu.object(secretOf('v1', await image.secret()))
    await one.qemu.object(limitsGroup('v1', unlimited))
    expect(secretId('v1')).toBe('key-v1')
    await expect(one.qemu.open(rbdGraph('v1', { ...image.options, namespace: 'b'.repeat(32), image: `volume-${theirs}` }, { readOnly: false }, one.qemu.configuration))).rejects.toThrow(/not permitted/)
    const asTenant = ceph.as(image.options.user, await image.secret())
    const refused = { code: 'Unreachable', message: expect.stringContaining('may not do that') }
    for (const asked of [['osd', 'blocklist', 'add', '127.0.0.1:0/1', '60'], ['mgr', 'dump'], ['fs', 'dump'], ['config-key', 'ls'], ['auth', 'ls']]) await expect(asTenant.ceph(asked), asked.join(' ')).rejects.toMatchObject(refused)
    // Nor does it say which hosts there are.
    await expect(asTenant.rados(testPool, 'hypernetes', ['setxattr', 'hypernetes.hosts', 'host.192.0.2.1', '1'])).rejects.toMatchObject(refused)
  })
})

describe('a store', () => {
  it('says that a cluster does not answer, in bounded time and without its key', async () => {
    const store = new RbdStore({ access: { ...ceph.access(), monitors: ['127.0.0.1:1'] }, pool: testPool, namespace: tenant, work })
    const asked = store.list().catch((thrown: unknown) => thrown)
    // Once its gauge is silent nothing else is asked of it.
    await expect(store.probe()).rejects.toMatchObject({ code: 'Unreachable', object: 'test' })
    await expect(store.list()).rejects.toMatchObject({ code: 'Unreachable', object: 'test', message: expect.stringContaining('does not answer. It is tried again') })
    const error = await asked
    expect(error).toMatchObject({ code: 'Unreachable', object: 'test', message: expect.stringContaining('look at its monitors') })
    expect(String(error)).not.toContain(ceph.access().key)
  })
})
