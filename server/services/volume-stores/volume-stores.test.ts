import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { startTestServer, type TestCaller } from '@/server/api/testing/server'
import { ensureDefaultStore } from './default-store'
import { openStoreKey } from './store-key'

let server: Awaited<ReturnType<typeof startTestServer>>
let ann: Awaited<ReturnType<typeof server.signUp>>
let operator: TestCaller
let tenant = ''
beforeAll(async () => {
  server = await startTestServer()
  ann = await server.signUp('ann')
  tenant = ann.tenant.slug
  const olga = await server.signUp('olga')
  operator = server.callerOf({ ...olga.actor, operator: true, kind: 'session', tenantId: null })
})
afterAll(() => server.stop())
beforeEach(async () => {
  await server.db.volume.deleteMany()
  await server.db.storageClass.deleteMany()
  await server.db.volumeStore.deleteMany()
})

const at = (path: string, message: string) => ({ cause: { problems: expect.arrayContaining([expect.objectContaining({ path, message: expect.stringContaining(message) })]) } })
const rbd = { kind: 'rbd' as const, monitors: ['192.0.2.1:3300'], pool: 'volumes', user: 'hypernetes', networks: ['192.0.2.0/24'] }
const store = (name = 'files', spec: Parameters<TestCaller['volumeStore']['create']>[0]['spec'] = { kind: 'file' }, more: object = {}) => operator.volumeStore.create({ name, spec, ...more })
const storageClass = (name = 'standard', spec: object = {}) => operator.storageClass.create({ name, spec: { store: 'files', ...spec } })

describe('stores of volumes', () => {
  it('are made, listed, changed and deleted by operators, who leave a trace without a key', async () => {
    const made = await store('ceph', rbd, { key: 'AQC1fQ==' })
    expect(made).toMatchObject({ metadata: { name: 'ceph', generation: 1 }, spec: rbd, status: { hasKey: true, volumes: 0, snapshots: 0, promisedBytes: 0, storageClasses: [], hosts: [], conditions: [] } })
    await store()
    expect((await operator.volumeStore.list()).items.map(({ metadata, status }) => [metadata.name, status.hasKey])).toEqual([['ceph', true], ['files', false]])
    const before = (await server.db.volumeStore.findUniqueOrThrow({ where: { name: 'ceph' } })).wrappedKey
    const changed = await operator.volumeStore.update({ name: 'ceph', spec: { ...rbd, monitors: ['192.0.2.2:3300'] }, key: 'AQC2fQ==', resourceVersion: made.metadata.resourceVersion })
    expect(changed).toMatchObject({ metadata: { generation: 2 }, spec: { monitors: ['192.0.2.2:3300'] } })
    const row = await server.db.volumeStore.findUniqueOrThrow({ where: { name: 'ceph' } })
    expect([before === row.wrappedKey, openStoreKey(server.server.keyRing, row.uid, row.wrappedKey ?? '').reveal()]).toEqual([false, 'AQC2fQ=='])
    expect((await operator.volumeStore.update({ name: 'ceph', labels: {} })).metadata.resourceVersion).toBe(changed.metadata.resourceVersion)
    await expect(operator.volumeStore.update({ name: 'ceph', labels: {}, resourceVersion: made.metadata.resourceVersion })).rejects.toMatchObject({ cause: { code: 'conflict' } })
    await operator.volumeStore.delete({ name: 'ceph' })
    for (const call of [() => operator.volumeStore.get({ name: 'ceph' }), () => operator.volumeStore.update({ name: 'ceph' }), () => operator.volumeStore.delete({ name: 'ceph' })]) await expect(call()).rejects.toMatchObject({ cause: { code: 'not_found' } })
    const trail = await server.db.auditEntry.findMany({ where: { kind: 'VolumeStore', name: 'ceph' }, orderBy: { id: 'asc' } })
    expect(trail.map(({ action, detail }) => [action, detail])).toEqual([
      ['volumeStore.create', 'rbd volumes at 192.0.2.1:3300 as hypernetes'],
      ['volumeStore.update', 'rbd volumes at 192.0.2.1:3300 as hypernetes to rbd volumes at 192.0.2.2:3300 as hypernetes, another key'],
      ['volumeStore.delete', 'rbd volumes at 192.0.2.2:3300 as hypernetes'],
    ])
    expect(JSON.stringify([made, changed, trail.map(({ detail }) => detail)])).not.toContain('AQC')
  })

  it('need a key where they are in Ceph, which no other store’s row opens', async () => {
    await expect(store('ceph', rbd)).rejects.toMatchObject(at('key', 'is required: hosts open images with it'))
    await expect(store('files', { kind: 'file' }, { key: 'AQC1' })).rejects.toMatchObject(at('key', 'a folder has none'))
    const error: unknown = await store('ceph', rbd, { key: 'secret key with spaces' }).catch((e: unknown) => e)
    expect(String(error)).not.toContain('secret key')
    await store('ceph', rbd, { key: 'AQC1fQ==' })
    const { uid, wrappedKey } = await server.db.volumeStore.findUniqueOrThrow({ where: { name: 'ceph' } })
    expect(wrappedKey).not.toContain('AQC1')
    expect(() => openStoreKey(server.server.keyRing, uid.replace(/^./, uid.startsWith('0') ? '1' : '0'), wrappedKey ?? '')).toThrow()
  })

  it('are at no place where another one is', async () => {
    await store('files', { kind: 'file', folder: '/srv/volumes' })
    for (const [folder, shared] of [['/srv/volumes', false], ['/srv//./volumes/', true], ['/srv/volumes/volumes', false], ['/srv', false]] as const) await expect(store('again', { kind: 'file', folder, shared })).rejects.toMatchObject(at('spec.folder', 'is where the store "files" keeps its volumes'))
    await store('ceph', rbd, { key: 'AQC1' })
    await expect(store('again', rbd, { key: 'AQC1' })).rejects.toMatchObject(at('spec.pool', 'is where the store "ceph" keeps its volumes'))
    await store('pool', { ...rbd, pool: 'other' }, { key: 'AQC1' })
    await expect(operator.volumeStore.update({ name: 'pool', spec: rbd })).rejects.toMatchObject(at('spec.pool', 'is where the store "ceph" keeps'))
    // Each of these has a folder of its own on each host.
    for (const name of ['one', 'two']) await store(name, { kind: 'file' })
    const inHosts = `${server.server.config.volumesFolder}/of-mine`
    await expect(store('again', { kind: 'file', folder: inHosts })).rejects.toMatchObject(at('spec.folder', 'is where the store "one" keeps its volumes'))
    await operator.volumeStore.update({ name: 'files', spec: { kind: 'file', folder: '/srv/volumes', shared: true } })
    // Where two are at one place since before, how they are reached changes as always; no third comes.
    await server.db.volumeStore.update({ where: { name: 'pool' }, data: { spec: rbd } })
    expect((await operator.volumeStore.update({ name: 'pool', spec: { ...rbd, user: 'other', monitors: [...rbd.monitors, '192.0.2.2:3300'] } })).spec).toMatchObject({ user: 'other' })
    await store('third', { ...rbd, monitors: ['198.51.100.1:3300'] }, { key: 'AQC1' })
    await expect(operator.volumeStore.update({ name: 'third', spec: { ...rbd, monitors: ['198.51.100.1:3300', '192.0.2.2:3300'] } })).rejects.toMatchObject(at('spec.pool', 'is where the store "pool" keeps its volumes'))
  })

  it('stay where tenants have volumes, and where classes name them; how they are reached may change', async () => {
    await store('files', { kind: 'file', folder: '/srv/a' })
    await storageClass('standard', { default: true })
    await expect(operator.volumeStore.delete({ name: 'files' })).rejects.toThrow('delete its storage classes first: standard')
    await ann.caller.volume.create({ tenant, name: 'data', spec: { size: '1Gi' } })
    await expect(operator.volumeStore.delete({ name: 'files' })).rejects.toThrow('tenants have 1 volumes and 0 snapshots in it')
    expect((await operator.volumeStore.get({ name: 'files' })).status).toMatchObject({ volumes: 1, promisedBytes: 2 ** 30, storageClasses: ['standard'] })
    await expect(operator.volumeStore.update({ name: 'files', spec: { kind: 'file', folder: '/srv/b' } })).rejects.toMatchObject(at('spec.folder', 'cannot change while tenants have 1 volumes'))
    await expect(operator.volumeStore.update({ name: 'files', spec: rbd, key: 'AQC1' })).rejects.toMatchObject(at('spec.kind', 'make another store'))
    await expect(store()).rejects.toMatchObject({ cause: { code: 'already_exists' } })
  })

  it('stay where lost hosts have on their disks what was removed for good, until those hosts have removed it, or an operator says that nobody will', async () => {
    await store('files', { kind: 'file', folder: '/srv/a' })
    const { uid: storeId } = await server.db.volumeStore.findUniqueOrThrow({ where: { name: 'files' } })
    const { id: hostId } = await server.db.host.create({ data: { name: 'lost-1', publicKey: 'lost-1', lostAt: new Date() } })
    const { tenantId } = await server.db.namespace.findFirstOrThrow()
    await server.db.lostRemoval.create({ data: { uid: randomUUID(), kind: 'volume', tenantId, name: 'data', storeId, hostId, epoch: 2n } })
    const left = '1 volumes and snapshots that were removed for good lie in it still, on disks of hosts that were declared lost ("lost-1"): readmit those hosts'
    await expect(operator.volumeStore.update({ name: 'files', spec: { kind: 'file', folder: '/srv/b' } })).rejects.toMatchObject(at('spec.folder', `cannot change while ${left}`))
    await operator.volumeStore.update({ name: 'files', labels: { a: 'b' } })
    await expect(operator.volumeStore.delete({ name: 'files' })).rejects.toThrow(left)
    expect((await operator.volumeStore.get({ name: 'files' })).status.removals).toEqual({ count: 1, hosts: ['lost-1'] })
    await operator.volumeStore.delete({ name: 'files', forgetRemovals: true })
    expect(await server.db.lostRemoval.count()).toBe(0)
    expect((await server.db.auditEntry.findFirst({ where: { action: 'volumeStore.delete', name: 'files' }, orderBy: { id: 'desc' } }))?.detail).toContain('1 volumes and snapshots that were removed for good stay on disks of lost hosts')
    await server.db.host.delete({ where: { id: hostId } })
  })

  it('are made once for a request that comes twice', async () => {
    const input = { name: 'files', spec: { kind: 'file' as const }, requestId: 'store-1' }
    const [first, second] = await Promise.all([operator.volumeStore.create(input), operator.volumeStore.create(input)])
    expect(second).toEqual(first)
    expect(await server.db.volumeStore.count()).toBe(1)
    // As it was stored before answers told of removals.
    const { removals, ...before } = first.status
    await server.db.completedRequest.updateMany({ where: { requestId: 'store-1' }, data: { output: JSON.parse(JSON.stringify({ ...first, status: before })) } })
    expect([removals, await operator.volumeStore.create(input)]).toEqual([{ count: 0, hosts: [] }, first])
  })

  it('say which hosts reach them, and how full they are there', async () => {
    await store()
    const { uid } = await server.db.volumeStore.findUniqueOrThrow({ where: { name: 'files' } })
    const host = await server.db.host.create({ data: { name: 'h1', publicKey: 'h1' } })
    await server.db.volumeStoreHost.create({ data: { storeId: uid, hostId: host.id, reachable: false, message: 'its folder is not there', totalBytes: null, freeBytes: null } })
    expect((await operator.volumeStore.get({ name: 'files' })).status.hosts).toMatchObject([{ host: 'h1', heard: false, reachable: false, message: 'its folder is not there', totalBytes: null }])
  })
})

describe('storage classes', () => {
  it('are made, changed and deleted by operators, and read by everybody, who is not told how many volumes there are', async () => {
    await store()
    const made = await storageClass('fast', { fsType: 'xfs', limits: { iops: 100 } })
    expect(made).toMatchObject({ metadata: { generation: 1 }, spec: { store: 'files', fsType: 'xfs', volumeBindingMode: 'WaitForFirstConsumer', default: false }, status: { storeKind: 'file', shared: false, volumes: 0 } })
    expect((await ann.caller.storageClass.list()).items).toMatchObject([{ metadata: { name: 'fast' }, status: { volumes: null } }])
    expect(await ann.caller.storageClass.get({ name: 'fast' })).toMatchObject({ status: { volumes: null } })
    expect(await operator.storageClass.update({ name: 'fast', spec: { store: 'files', reclaimPolicy: 'Retain' }, resourceVersion: made.metadata.resourceVersion })).toMatchObject({ metadata: { generation: 2 }, spec: { reclaimPolicy: 'Retain', fsType: 'ext4' } })
    await operator.storageClass.delete({ name: 'fast' })
    for (const call of [() => ann.caller.storageClass.get({ name: 'fast' }), () => operator.storageClass.update({ name: 'fast' }), () => operator.storageClass.delete({ name: 'fast' })]) await expect(call()).rejects.toMatchObject({ cause: { code: 'not_found' } })
    expect((await server.db.auditEntry.findMany({ where: { kind: 'StorageClass', name: 'fast' }, orderBy: { id: 'asc' } })).map(({ action }) => action)).toEqual(['storageClass.create', 'storageClass.update', 'storageClass.delete'])
  })

  it('name a store that is there, and at most one is the usual one', async () => {
    await expect(storageClass()).rejects.toMatchObject(at('spec.store', 'no store of volumes has the name "files"'))
    await store()
    await storageClass('first', { default: true })
    await expect(storageClass('second', { default: true })).rejects.toMatchObject(at('spec.default', 'is what the class "first" is'))
    await storageClass('second')
    await operator.storageClass.update({ name: 'first', spec: { store: 'files' } })
    expect((await operator.storageClass.update({ name: 'second', spec: { store: 'files', default: true } })).spec.default).toBe(true)
    await expect(storageClass('second')).rejects.toMatchObject({ cause: { code: 'already_exists' } })
  })

  it('stay while there are volumes of them, in their store', async () => {
    await store()
    await store('other')
    await storageClass('standard', { default: true })
    await ann.caller.volume.create({ tenant, name: 'data', spec: { size: '1Gi' } })
    await expect(operator.storageClass.delete({ name: 'standard' })).rejects.toThrow('tenants have 1 volumes of it')
    await expect(operator.storageClass.update({ name: 'standard', spec: { store: 'other', default: true } })).rejects.toMatchObject(at('spec.store', 'cannot change while tenants have 1 volumes'))
    expect(await operator.storageClass.update({ name: 'standard', spec: { store: 'files', default: true, onFull: 'Fail' } })).toMatchObject({ spec: { onFull: 'Fail' }, status: { volumes: 1 } })
  })
})

describe('the store "local"', () => {
  it('is made once with its usual class, however many start, and not where there is another', async () => {
    const results = await Promise.all([1, 2, 3].map(() => ensureDefaultStore(server.db)))
    expect(results.filter(({ created }) => created)).toHaveLength(1)
    expect(await operator.volumeStore.list()).toMatchObject({ items: [{ metadata: { name: 'local' }, spec: { kind: 'file', shared: false }, status: { storageClasses: ['standard'] } }] })
    expect(await operator.storageClass.get({ name: 'standard' })).toMatchObject({ spec: { store: 'local', default: true, onFull: 'Pause', reclaimPolicy: 'Delete', volumeBindingMode: 'WaitForFirstConsumer', allowVolumeExpansion: true } })
    await operator.storageClass.delete({ name: 'standard' })
    expect(await ensureDefaultStore(server.db)).toEqual({ created: false })
  })
})
