import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { startTestServer } from '@/server/api/testing/server'
import { resolveScope } from '@/server/auth/authenticate'
import type { Scope } from '@/server/auth/scope'
import { changeVolumeClaim, createVolumeClaim, createVolumeClaimInput, getVolumeClaim, listVolumeClaims, listVolumeClaimsInput, removeVolumeClaim, updateVolumeClaimInput } from './volume-claims'

type Server = Awaited<ReturnType<typeof startTestServer>>
let server: Server
let ann: Scope
let bob: Scope
let local = { storeId: '', classId: '' }
beforeAll(async () => {
  server = await startTestServer()
  const scopeOf = async (name: string) => {
    const { actor, tenant } = await server.signUp(name)
    const scope = await resolveScope(server.db, actor, tenant.slug, { requestId: 'test', address: '127.0.0.1' })
    if (!scope) throw new Error('no scope')
    return scope
  }
  ann = await scopeOf('ann')
  bob = await scopeOf('bob')
  const { uid: storeId } = await server.db.volumeStore.create({ data: { name: 'local', spec: { kind: 'file', shared: false } } })
  local = { storeId, classId: (await server.db.storageClass.create({ data: { name: 'standard', storeId, isDefault: true, spec: { store: 'local' } } })).uid }
})
afterAll(() => server.stop())
beforeEach(async () => {
  await server.db.volume.deleteMany()
  await server.db.volumeClaim.deleteMany()
  await server.db.storageClass.updateMany({ data: { spec: { store: 'local' } } })
})

const spec = (size = '1Gi', more: object = {}) => ({ accessModes: ['ReadWriteOnce'], resources: { requests: { storage: size } }, ...more })
const create = (name: string, of: object = spec(), more: object = {}, scope = ann) => createVolumeClaim(server.server, scope, createVolumeClaimInput.parse({ name, spec: of, ...more }))
const update = (name: string, change: object) => changeVolumeClaim(server.server, ann, updateVolumeClaimInput.parse({ name, ...change }))
const get = (name: string, scope = ann) => getVolumeClaim(server.server, scope, { namespace: 'default', name })
const remove = (name: string, scope = ann) => removeVolumeClaim(server.server, scope, { namespace: 'default', name })
const bind = async (name: string, data: object = {}) => server.db.volume.create({ data: { tenantId: ann.tenantId, name: `of-${name}`, spec: { size: '1Gi' }, sizeBytes: 1n << 30n, ...local, claimUid: (await get(name)).metadata.uid, ...data } })
const at = (path: string, message: string) => ({ code: 'failed_precondition', problems: [expect.objectContaining({ path, message: expect.stringContaining(message) })] })

describe('claims', () => {
  it('are made once, wait for their volume, and tell which it is and who uses them', async () => {
    const created = await create('data', spec(), { requestId: 'c-1', labels: { a: 'b' } })
    expect(await create('data', spec(), { requestId: 'c-1', labels: { a: 'b' } })).toEqual(created)
    expect(created).toMatchObject({ metadata: { name: 'data', namespace: 'default', labels: { a: 'b' } }, status: { phase: 'Pending', volume: null, capacityBytes: null, storageClass: null, usedBy: [], conditions: [] } })
    await expect(create('data')).rejects.toMatchObject({ code: 'already_exists' })
    await bind('data')
    const network = await server.db.network.findFirstOrThrow({ where: { tenantId: ann.tenantId } })
    const pod = await server.db.pod.create({ data: { tenantId: ann.tenantId, namespace: 'default', name: 'web', spec: {}, networkId: network.uid } })
    await server.db.podReference.create({ data: { podUid: pod.uid, tenantId: ann.tenantId, namespace: 'default', kind: 'PersistentVolumeClaim', name: 'data', optional: false } })
    expect((await get('data')).status).toMatchObject({ phase: 'Bound', volume: 'of-data', capacityBytes: null, storageClass: 'standard', usedBy: ['web'] })
    expect((await get('data')).status).not.toHaveProperty('capacity')
    await server.db.volume.updateMany({ data: { storedPhase: 'Ready', storedSizeBytes: 1n << 30n } })
    expect((await get('data')).status).toMatchObject({ capacity: { storage: '1Gi' }, capacityBytes: 2 ** 30 })
    await server.db.pod.delete({ where: { uid: pod.uid } })
    expect((await get('data')).status).toMatchObject({ phase: 'Bound', usedBy: [] })
  })

  it('are refused in a namespace that is not there, or goes', async () => {
    await expect(create('data', spec(), { namespace: 'nowhere' })).rejects.toMatchObject({ code: 'not_found', message: expect.stringContaining('Namespace "nowhere" does not exist here') })
    await server.db.namespace.create({ data: { tenantId: ann.tenantId, name: 'going', spec: {}, deletedAt: new Date() } })
    await expect(create('data', spec(), { namespace: 'going' })).rejects.toMatchObject({ code: 'failed_precondition' })
    expect(await server.db.volumeClaim.count()).toBe(0)
  })

  it('grow with their volume, and nothing else of them changes', async () => {
    await create('data')
    const { uid } = await bind('data', { storedPhase: 'Ready', storedSizeBytes: 1n << 30n })
    const grown = await update('data', { spec: spec('2Gi') })
    expect(grown).toMatchObject({ metadata: { generation: 2 }, spec: { resources: { requests: { storage: '2Gi' } } }, status: { capacity: { storage: '1Gi' }, capacityBytes: 2 ** 30 } })
    await server.db.volume.update({ where: { uid }, data: { storedSizeBytes: 2n << 30n } })
    expect((await get('data')).status).toMatchObject({ capacity: { storage: '2Gi' }, capacityBytes: 2 * 2 ** 30 })
    expect(await server.db.volume.findUnique({ where: { uid } })).toMatchObject({ sizeBytes: 2n << 30n, spec: { size: '2Gi' }, generation: 2 })
    await expect(update('data', { spec: spec('1Gi') })).rejects.toMatchObject(at('spec.resources.requests.storage', 'it cannot shrink'))
    await server.db.storageClass.updateMany({ data: { spec: { store: 'local', allowVolumeExpansion: false } } })
    await expect(update('data', { spec: spec('3Gi') })).rejects.toMatchObject(at('spec.resources.requests.storage', 'do not grow'))
    expect((await get('data')).spec.resources.requests.storage).toBe('2Gi')
    for (const [more, path] of [[{ accessModes: ['ReadOnlyMany'] }, 'spec.accessModes'], [{ storageClassName: 'fast' }, 'spec.storageClassName'], [{ volumeName: 'x' }, 'spec.volumeName'], [{ volumeMode: 'Block' }, 'spec.volumeMode']] as const) await expect(update('data', { spec: spec('2Gi', more) })).rejects.toMatchObject(at(path, 'never changes'))
    await expect(update('data', { labels: {}, resourceVersion: '1' })).rejects.toMatchObject({ code: 'conflict' })
    expect((await update('data', { labels: { a: 'b' } })).metadata).toMatchObject({ labels: { a: 'b' }, generation: 2 })
  })

  it('that name the class and the volume that they have, as Kubernetes writes them, are the same', async () => {
    await create('data')
    await bind('data')
    const named = await update('data', { spec: spec('1Gi', { storageClassName: 'standard', volumeName: 'of-data' }) })
    expect(named).toMatchObject({ metadata: { generation: 1 }, spec: spec('1Gi') })
    expect(named.spec).not.toHaveProperty('storageClassName')
    await create('fast', spec('1Gi', { storageClassName: 'standard' }))
    await bind('fast')
    expect((await update('fast', { spec: spec('1Gi') })).spec.storageClassName).toBe('standard')
    await expect(update('data', { spec: spec('1Gi', { volumeName: 'of-fast' }) })).rejects.toMatchObject(at('spec.volumeName', 'never changes'))
    await expect(update('data', { spec: spec('1Gi', { storageClassName: 'gold' }) })).rejects.toMatchObject(at('spec.storageClassName', 'never changes'))
  })

  it('that wait for a usual class can name one, as in Kubernetes', async () => {
    await create('data')
    expect(await update('data', { spec: spec('1Gi', { storageClassName: 'gold' }) })).toMatchObject({ metadata: { generation: 2 }, spec: { storageClassName: 'gold' } })
    await expect(update('data', { spec: spec() })).rejects.toMatchObject(at('spec.storageClassName', 'never changes'))
    await create('named')
    await expect(update('named', { spec: spec('1Gi', { storageClassName: '', volumeName: 'x' }) })).rejects.toMatchObject(at('spec.storageClassName', 'never changes'))
  })

  it('that are given up stay until their controller removes them', async () => {
    await create('data')
    expect(await remove('data')).toEqual({ deleting: true })
    expect(await remove('data')).toEqual({ deleting: true })
    expect((await get('data')).metadata.deletionTimestamp).not.toBeNull()
    await expect(update('data', { spec: spec('2Gi') })).rejects.toMatchObject({ code: 'failed_precondition', message: expect.stringContaining('is being deleted') })
    expect((await server.db.auditEntry.findMany({ where: { kind: 'PersistentVolumeClaim', action: 'volumeClaim.delete' } })).length).toBe(1)
  })

  it('of another tenant look like ones that do not exist, and are listed by namespace', async () => {
    await create('data')
    await server.db.namespace.create({ data: { tenantId: ann.tenantId, name: 'shop', spec: {} } })
    await create('cart', spec(), { namespace: 'shop' })
    const refusals = (name: string) => Promise.all([get(name, bob), remove(name, bob)].map((call) => call.then(() => 'in', (error: Error) => error.message.replace(name, '*'))))
    expect(await refusals('data')).toEqual(await refusals('nothing'))
    const list = (input: object, scope = ann) => listVolumeClaims(server.server, scope, listVolumeClaimsInput.parse(input))
    expect((await list({})).items.map(({ metadata }) => metadata.name)).toEqual(['cart', 'data'])
    expect((await list({ namespace: 'shop' })).items.map(({ metadata }) => metadata.name)).toEqual(['cart'])
    expect((await list({}, bob)).total).toBe(0)
  })
})
