import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { z } from 'zod'
import { volumeSpec } from '@/domain/volume/spec'
import { startTestServer } from '@/server/api/testing/server'
import { resolveScope } from '@/server/auth/authenticate'
import type { Scope } from '@/server/auth/scope'
import { removeVolume, restoreVolume } from './volume-deletion'
import { getVolume, listVolumes, listVolumesInput } from './volume-view'
import { changeVolume, createVolume, createVolumeInput, updateVolumeInput } from './volumes'

type Server = Awaited<ReturnType<typeof startTestServer>>
let server: Server
let ann: Scope
let bob: Scope
let local = { storeId: '', classId: '' }
let hostId = ''
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
  hostId = (await server.db.host.create({ data: { name: 'h1', publicKey: 'k', phase: 'Ready' } })).id
})
afterAll(() => server.stop())

const makeClass = async (name: string, store: string, spec: object = {}, isDefault = false) => {
  const kind = store === 'ceph' ? { kind: 'rbd', monitors: ['192.0.2.1:3300'], pool: 'p', user: 'u', networks: ['192.0.2.0/24'] } : { kind: 'file', shared: false }
  const { uid: storeId } = await server.db.volumeStore.upsert({ where: { name: store }, create: { name: store, spec: kind }, update: {} })
  const { uid: classId } = await server.db.storageClass.create({ data: { name, storeId, isDefault, spec: { store, ...spec } } })
  return { storeId, classId }
}
beforeEach(async () => {
  const { db } = server
  await db.volumeAttachment.deleteMany()
  await db.volumeSnapshot.deleteMany()
  await db.volume.deleteMany()
  await db.volumeClaim.deleteMany()
  await db.volumeUpload.deleteMany()
  await db.storageClass.deleteMany()
  await db.volumeStore.deleteMany()
  await db.tenant.updateMany({ data: { volumeQuota: null, volumeBytesQuota: null } })
  await db.host.updateMany({ data: { phase: 'Ready' } })
  local = await makeClass('standard', 'local', {}, true)
})

const create = (name: string, spec: object = {}, more: object = {}, scope = ann) => createVolume(server.server, scope, createVolumeInput.parse({ name, spec: { size: '1Gi', ...spec }, ...more }))
const update = (name: string, change: object) => changeVolume(server.server, ann, updateVolumeInput.parse({ name, ...change } satisfies Partial<z.input<typeof updateVolumeInput>>))
const get = (name: string, scope = ann) => getVolume(server.server, scope, { name })
const list = (input: object = {}, scope = ann) => listVolumes(server.server, scope, listVolumesInput.parse(input))
const remove = (name: string, scope = ann) => removeVolume(server.server, scope, { name })
const restore = (name: string, more: object = {}, scope = ann) => restoreVolume(server.server, scope, { name, ...more })
const set = (name: string, data: object) => server.db.volume.updateMany({ where: { name }, data })
const uidOf = async (name: string) => (await server.db.volume.findFirstOrThrow({ where: { name } })).uid
const attach = async (name: string, data: object = {}) => server.db.volumeAttachment.create({ data: { volumeUid: await uidOf(name), podUid: randomUUID(), tenantId: ann.tenantId, name: 'data', ...data } })
const snapshot = (name: string, data: object = {}) => server.db.volumeSnapshot.create({ data: { tenantId: ann.tenantId, name, spec: {}, storeId: local.storeId, sizeBytes: 1n << 30n, phase: 'Ready', ...data } })
const events = async (name: string) => (await server.db.event.findMany({ where: { objectUid: await uidOf(name) }, orderBy: { firstTimestamp: 'asc' } })).map(({ type, reason, message }) => [type, reason, message.replace(ann.actor.email, 'Ann')])
const at = (path: string, message: string, code = 'failed_precondition') => ({ code, problems: [expect.objectContaining({ path, message: expect.stringContaining(message) })] })

describe('volumes', () => {
  it('are made once, of their class or the usual one', async () => {
    const input = { labels: { a: 'b' }, requestId: 'v-1' }
    const created = await create('data', {}, input)
    expect(await create('data', {}, input)).toEqual(created)
    expect(created).toMatchObject({
      metadata: { name: 'data', generation: 1, labels: { a: 'b' }, deletionTimestamp: null },
      spec: { size: '1Gi', accessMode: 'ReadWriteOnce', volumeMode: 'Filesystem', source: { kind: 'Blank' } },
      status: { phase: 'Pending', sizeBytes: 2 ** 30, storedBytes: null, filesystem: null, formatted: null, storageClass: 'standard', limits: { iops: null, iopsBurst: null, bytesPerSecond: null, bytesPerSecondBurst: null, burstSeconds: null, ofClass: [] }, store: 'local', homeHost: null, host: null, claim: null, attachments: [], restorableUntil: null, reverting: null, progress: null, conditions: [] },
    })
    await makeClass('fast', 'ceph')
    expect((await create('other', { storageClassName: 'fast' })).status).toMatchObject({ storageClass: 'fast', store: 'ceph' })
    await makeClass('slow', 'local', { limits: { iops: 100, bytesPerSecond: '10Mi' } })
    // Its own is more than its class allows, and it says nothing of bytes.
    expect((await create('bound', { storageClassName: 'slow', limits: { iops: 1000 } })).status.limits).toEqual({ iops: 100, iopsBurst: null, bytesPerSecond: 10 << 20, bytesPerSecondBurst: null, burstSeconds: null, ofClass: ['iops', 'bytesPerSecond'] })
    await expect(create('data')).rejects.toMatchObject({ code: 'already_exists', problems: [{ path: 'name' }] })
    await expect(create('third', {}, { requestId: 'v-1' })).rejects.toMatchObject({ code: 'conflict' })
    await create('data', {}, {}, bob)
    expect((await server.db.auditEntry.findMany({ where: { tenantId: ann.tenantId, kind: 'Volume' }, orderBy: { id: 'asc' } })).map(({ action, name, detail }) => [action, name, detail])).toEqual([['volume.create', 'data', '1Gi of standard'], ['volume.create', 'other', '1Gi of fast'], ['volume.create', 'bound', '1Gi of slow']])
  })

  it('that were made before their answers told of limits are answered for again', async () => {
    const made = await create('data', {}, { requestId: 'v-old' })
    const { limits, ...before } = made.status
    expect(limits).toBeDefined()
    await server.db.completedRequest.updateMany({ where: { requestId: 'v-old' }, data: { output: JSON.parse(JSON.stringify({ ...made, status: before })) } })
    expect(await create('data', {}, { requestId: 'v-old' })).toEqual({ ...made, status: before })
  })

  it('of a class whose file system needs more are refused at their size', async () => {
    await makeClass('xfs', 'local', { fsType: 'xfs' })
    await expect(create('data', { storageClassName: 'xfs', size: '64Mi' })).rejects.toMatchObject(at('spec.size', 'must be at least 301Mi, which xfs needs', 'invalid_input'))
    await create('raw', { storageClassName: 'xfs', size: '64Mi', volumeMode: 'Block' })
    await create('data', { storageClassName: 'xfs', size: '64Mi', fsType: 'ext4' })
    // A copy has what its source has; one of nothing is made as its class says.
    const { uid: snapshotUid } = await snapshot('of-ext4', { sizeBytes: 64n << 20n, content: 'ext4' })
    const copy = (name: string) => create(name, { storageClassName: 'xfs', size: '64Mi', source: { kind: 'Snapshot', name: 'of-ext4' } })
    await copy('copy')
    await server.db.volumeSnapshot.update({ where: { uid: snapshotUid }, data: { content: 'blank' } })
    await expect(copy('blank')).rejects.toMatchObject(at('spec.size', 'must be at least 301Mi, which xfs needs', 'invalid_input'))
  })

  it('of a class that does not exist are refused, and nothing of them is left', async () => {
    await expect(create('data', { storageClassName: 'gold' })).rejects.toMatchObject(at('spec.storageClassName', 'there is no storage class "gold"', 'invalid_input'))
    await server.db.storageClass.updateMany({ data: { isDefault: false } })
    await expect(create('data')).rejects.toMatchObject(at('spec.storageClassName', 'no storage class is the usual one', 'invalid_input'))
    expect(await server.db.volume.count()).toBe(0)
  })

  it('are as many and as large as the quota says', async () => {
    await server.db.tenant.updateMany({ data: { volumeQuota: 2, volumeBytesQuota: 3n << 30n } })
    const sent = await server.db.volumeUpload.create({ data: { tenantId: ann.tenantId, format: 'raw', bytes: 2n << 30n, virtualBytes: 1n << 30n, digest: 'd', createdBy: 'ann', expiresAt: new Date(Date.now() + 60_000) } })
    await expect(create('a', { size: '2Gi' })).rejects.toMatchObject(at('spec.size', 'volumes, uploads and snapshots have 2 GiB'))
    await create('a', { size: '2Gi', source: { kind: 'Upload', uploadId: sent.id } })
    await server.db.volume.deleteMany()
    await server.db.volumeUpload.deleteMany()
    await create('a')
    await expect(create('b', { size: '3Gi' })).rejects.toMatchObject(at('spec.size', 'have 1 GiB, and may have 3 GiB, so 3 GiB more do not fit'))
    await create('b')
    await expect(create('c', { size: '1Mi' })).rejects.toMatchObject({ code: 'failed_precondition', message: expect.stringContaining('has 2 volumes, and may have 2') })
    await expect(update('a', { size: '3Gi' })).rejects.toMatchObject(at('spec.size', 'so 2 GiB more do not fit'))
    await remove('b')
    await expect(create('c', { size: '1Mi' })).rejects.toMatchObject({ message: expect.stringContaining('deleted ones count until they are removed for good') })
    await create('b', {}, {}, bob)
    await server.db.tenant.updateMany({ data: { volumeQuota: 100, volumeBytesQuota: 6n << 30n } })
    const results = await Promise.allSettled(['d', 'e', 'f', 'g', 'h', 'i'].map((name) => create(name)))
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(4)
  })

  it('are made of snapshots that are there, in their store, and as large at least', async () => {
    const from = (name: string) => ({ source: { kind: 'Snapshot', name } })
    const { uid } = await snapshot('s', { homeHostId: hostId })
    await create('data', from('s'))
    expect(await server.db.volume.findFirst({ where: { name: 'data' } })).toMatchObject({ sourceSnapshotUid: uid, homeHostId: hostId })
    await expect(create('small', { size: '1023Mi', ...from('s') })).rejects.toMatchObject(at('spec.size', 'is 1023Mi, and the snapshot "s" has 1 GiB (1073741824 bytes): ask for at least as much', 'invalid_input'))
    await expect(create('x', from('nothing'))).rejects.toMatchObject(at('spec.source.name', 'there is no snapshot "nothing"', 'invalid_input'))
    await makeClass('fast', 'ceph')
    await expect(create('x', { storageClassName: 'fast', ...from('s') })).rejects.toMatchObject(at('spec.storageClassName', '"fast" keeps volumes in the store "ceph", and the snapshot "s" lies in "local"', 'invalid_input'))
    for (const [data, message] of [[{ phase: 'Taking' }, 'is not taken yet'], [{ phase: 'Failed' }, 'could not be taken'], [{ deletedAt: new Date() }, 'is being deleted']] as const) {
      await server.db.volumeSnapshot.updateMany({ data: { phase: 'Ready', deletedAt: null, ...data } })
      await expect(create('x', from('s'))).rejects.toMatchObject(at('spec.source.name', message))
    }
    await snapshot('hidden', { hidden: true })
    await expect(create('x', from('hidden'))).rejects.toMatchObject(at('spec.source.name', 'there is no snapshot', 'invalid_input'))
    await snapshot('theirs', { tenantId: bob.tenantId })
    await expect(create('x', from('theirs'))).rejects.toMatchObject(at('spec.source.name', 'there is no snapshot "theirs"', 'invalid_input'))
    expect(await server.db.volume.count()).toBe(1)
  })

  it('are clones of volumes, by a snapshot that is taken for them', async () => {
    await create('data')
    const clone = (spec: object = {}) => create('copy', { source: { kind: 'Volume', name: 'data' }, ...spec })
    await expect(clone()).rejects.toMatchObject(at('spec.source.name', 'nothing of the volume "data" is stored yet'))
    await set('data', { storedPhase: 'Ready', formatted: 'ext4', homeHostId: hostId })
    await expect(clone({ size: '1Mi' })).rejects.toMatchObject(at('spec.size', 'the volume "data" has 1 GiB', 'invalid_input'))
    await expect(clone({ fsType: 'xfs' })).rejects.toMatchObject(at('spec.fsType', 'the volume "data" has ext4: leave it out', 'invalid_input'))
    await expect(clone({ volumeMode: 'Block' })).rejects.toMatchObject(at('spec.volumeMode', 'make it Filesystem', 'invalid_input'))
    await set('data', { revertTo: randomUUID() })
    await expect(clone()).rejects.toMatchObject(at('spec.source.name', 'is going back to a snapshot'))
    await set('data', { revertTo: null })
    expect(await server.db.volumeSnapshot.count()).toBe(0)
    await clone({ size: '2Gi', accessMode: 'ReadOnlyMany' })
    const hidden = await server.db.volumeSnapshot.findFirstOrThrow()
    expect(hidden).toMatchObject({ volumeUid: await uidOf('data'), hidden: true, phase: 'Asked', homeHostId: hostId, sizeBytes: 1n << 30n })
    expect(await server.db.volume.findFirst({ where: { name: 'copy' } })).toMatchObject({ sourceSnapshotUid: hidden.uid, homeHostId: hostId })
    await remove('data')
    await expect(create('x', { source: { kind: 'Volume', name: 'data' } })).rejects.toMatchObject(at('spec.source.name', 'is deleted: restore it first'))
    await expect(create('x', { source: { kind: 'Volume', name: 'nothing' } })).rejects.toMatchObject(at('spec.source.name', 'there is no volume', 'invalid_input'))
  })

  it('are made of uploads of their tenant that are kept still', async () => {
    const upload = (tenantId: string, expiresAt: Date) => server.db.volumeUpload.create({ data: { tenantId, format: 'raw', bytes: 5n, virtualBytes: 2n << 30n, digest: 'd', createdBy: 'ann', expiresAt } })
    const later = new Date(Date.now() + 3_600_000)
    const from = (uploadId: string) => ({ source: { kind: 'Upload', uploadId } })
    const { id } = await upload(ann.tenantId, later)
    await expect(create('data', from(id))).rejects.toMatchObject(at('spec.size', 'the upload has 2 GiB', 'invalid_input'))
    await create('data', { size: '2Gi', ...from(id) })
    expect(await server.db.volume.findFirst()).toMatchObject({ sourceUploadId: id })
    for (const other of [randomUUID(), (await upload(bob.tenantId, later)).id, (await upload(ann.tenantId, new Date(0))).id]) await expect(create('x', { size: '2Gi', ...from(other) })).rejects.toMatchObject(at('spec.source.uploadId', 'there is no such upload', 'invalid_input'))
  })

  it('get the files of an image with the first pod that writes to them', async () => {
    const of = (more: object = {}) => create('data', { source: { kind: 'Image', reference: 'busybox' }, ...more })
    await expect(of({ accessMode: 'ReadOnlyMany' })).rejects.toMatchObject(at('spec.accessMode', 'come into a volume with the first pod that writes to it', 'invalid_input'))
    await of()
    expect(await server.db.volume.findFirst()).toMatchObject({ sourceSnapshotUid: null, sourceUploadId: null, homeHostId: null })
    expect((await server.db.auditEntry.findFirst({ where: { kind: 'Volume', name: 'data' }, orderBy: { id: 'desc' } }))?.detail).toBe('1Gi of standard from the image busybox')
  })

  it('grow, and never shrink', async () => {
    const made = await create('data')
    const grown = await update('data', { size: '2Gi', resourceVersion: made.metadata.resourceVersion })
    expect(grown).toMatchObject({ metadata: { generation: 2 }, spec: { size: '2Gi' }, status: { sizeBytes: 2 * 2 ** 30 } })
    await expect(update('data', { size: '3Gi', resourceVersion: made.metadata.resourceVersion })).rejects.toMatchObject({ code: 'conflict' })
    await expect(update('data', { size: '1Gi' })).rejects.toMatchObject(at('spec.size', 'it cannot shrink, for its file system would lose what is beyond'))
    await create('journal', { fsType: 'xfs' })
    for (const size of ['500Mi', '100Mi']) await expect(update('journal', { size })).rejects.toMatchObject(at('spec.size', 'it cannot shrink'))
    await server.db.storageClass.updateMany({ data: { spec: { store: 'local', allowVolumeExpansion: false } } })
    await expect(update('data', { size: '3Gi' })).rejects.toMatchObject(at('spec.size', 'volumes of the class "standard" do not grow'))
    expect(await update('data', { size: '2048Mi' })).toMatchObject({ spec: { size: '2048Mi' }, status: { sizeBytes: 2 * 2 ** 30 } })
    expect(await events('data')).toEqual([['Normal', 'GrowRequested', 'Ann lets it grow from 1Gi to 2Gi.']])
  })

  it('that nobody writes to do not grow, for nobody could use it', async () => {
    await create('data')
    await set('data', { spec: volumeSpec.parse({ size: '1Gi', accessMode: 'ReadOnlyMany', source: { kind: 'Snapshot', name: 's' } }) })
    await expect(update('data', { size: '2Gi' })).rejects.toMatchObject(at('spec.size', 'is ReadOnlyMany, and nobody could write to what it had more'))
  })

  it('change their name, labels and limits, and keep what they are made of', async () => {
    await create('data')
    await create('taken')
    expect(await update('data', { newName: 'files', labels: { a: 'b' } })).toMatchObject({ metadata: { name: 'files', generation: 1, labels: { a: 'b' } } })
    await expect(update('files', { newName: 'taken' })).rejects.toMatchObject({ code: 'already_exists' })
    await expect(get('data')).rejects.toMatchObject({ code: 'not_found' })
    expect(await update('files', { limits: { iops: 100 }, onFull: 'Fail' })).toMatchObject({ metadata: { generation: 2 }, spec: { limits: { iops: 100 }, onFull: 'Fail' } })
    expect((await update('files', { spec: volumeSpec.parse({ size: '1Gi' }) })).spec).toEqual(volumeSpec.parse({ size: '1Gi' }))
    expect(await events('files')).toEqual([['Normal', 'LimitsSet', 'Ann sets its limits: iops 100.'], ['Normal', 'LimitsSet', 'Ann takes its own limits away.']])
    for (const [spec, path] of [[{ fsType: 'xfs' }, 'spec.fsType'], [{ storageClassName: 'fast' }, 'spec.storageClassName'], [{ source: { kind: 'Snapshot', name: 's' } }, 'spec.source']] as const) await expect(update('files', { spec: { size: '1Gi', ...spec } })).rejects.toMatchObject(at(path, 'never changes'))
    const before = await server.db.auditEntry.count()
    await update('files', { labels: { a: 'b' } })
    expect(await server.db.auditEntry.count()).toBe(before)
    // What it has of a claim that is gone is said of it as all else; the next claim takes back what nobody said otherwise.
    await set('files', { labels: { a: 'b', c: 'd', e: 'f' }, claimLabels: { c: 'd', e: 'f' } })
    expect((await update('files', { labels: { a: 'b', c: 'd', e: 'x' } })).metadata.labels).toEqual({ a: 'b', c: 'd', e: 'x' })
    expect(await server.db.volume.findFirstOrThrow({ where: { name: 'files' } })).toMatchObject({ claimLabels: { c: 'd' } })
  })

  it('of a class that is named later, and that they have anyway, are the same', async () => {
    await create('files')
    const before = await server.db.auditEntry.count()
    expect((await update('files', { spec: volumeSpec.parse({ size: '1Gi', storageClassName: 'standard' }) })).spec).toEqual(volumeSpec.parse({ size: '1Gi' }))
    expect(await server.db.auditEntry.count()).toBe(before)
  })

  it('are what their host says of them', async () => {
    await create('data')
    const status = async () => (await get('data')).status
    await set('data', { hostId, homeHostId: hostId, epoch: 1n })
    expect(await status()).toMatchObject({ phase: 'Creating', host: 'h1', homeHost: 'h1' })
    const { podUid } = await attach('data', { phase: 'Attached', hostId, epoch: 1n })
    const told = { podUid, epoch: 1, phase: 'Attached', reason: '', message: '', device: '/dev/vdc', usedBytes: 5, fsBytes: 9, paused: false, transport: 'direct' }
    await set('data', { storedPhase: 'Ready', storedBytes: 7n, storedSizeBytes: 1n << 30n, formatted: 'ext4', report: { progress: null, attachments: [told] } })
    expect(await status()).toMatchObject({ phase: 'InUse', storedBytes: 7, formatted: 'ext4', filesystem: { type: 'ext4', totalBytes: 9, usedBytes: 5 }, attachments: [{ pod: null, podUid, phase: 'Attached', host: 'h1', hot: false, paused: false }] })
    await set('data', { report: { attachments: [{ ...told, paused: true }] } })
    expect(await status()).toMatchObject({ phase: 'Full', attachments: [{ paused: true }] })
    await set('data', { report: { nonsense: 1, attachments: 'x' } })
    expect(await status()).toMatchObject({ phase: 'InUse', filesystem: null })
    await server.db.host.updateMany({ data: { phase: 'Unknown' } })
    expect(await status()).toMatchObject({ phase: 'Lost' })
  })

  it('of another tenant look like ones that do not exist', async () => {
    await create('data')
    const refusals = (name: string) => Promise.all([get(name, bob), remove(name, bob), restore(name, {}, bob)].map((call) => call.then(() => 'in', (error: Error) => error.message.replace(name, '*'))))
    expect(await refusals('data')).toEqual(await refusals('nothing'))
    expect((await list({}, bob)).items).toEqual([])
  })

  it('are listed by page, and those that are deleted apart', async () => {
    for (const name of ['a', 'b', 'c']) await create(name, {}, { labels: { of: name } })
    await remove('b')
    const page = await list({ limit: 1 })
    expect([page.items.map(({ metadata }) => metadata.name), page.total]).toEqual([['a'], 2])
    expect((await list({ limit: 1, cursor: page.nextCursor })).items.map(({ metadata }) => metadata.name)).toEqual(['c'])
    expect((await list({ deleted: true })).items.map(({ metadata }) => metadata.name)).toEqual(['b'])
    expect((await list({ labelSelector: 'of in (a, b)' })).total).toBe(1)
  })
})
