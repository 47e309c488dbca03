import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { inTransaction } from '@/server/store/database'
import { startVolumeServer } from '../volumes/testing/volume-server'
import { createSnapshotGroup, createSnapshotGroupInput } from './snapshot-groups'
import { listVolumes, listVolumesInput } from '../volumes/volume-view'
import { previewSnapshotDeletion } from './snapshot-preview'
import { getVolumeSnapshot, listSnapshotsInput, listVolumeSnapshots } from './snapshot-view'
import { applyVolumeSnapshot, changeVolumeSnapshot, createSnapshotInput, createVolumeSnapshot, removeVolumeSnapshot } from './volume-snapshots'

let test: Awaited<ReturnType<typeof startVolumeServer>>
beforeAll(async () => {
  test = await startVolumeServer()
})
afterAll(() => test.stop())
beforeEach(() => test.clear())

const of = (volumeName: string, more: object = {}) => ({ source: { volumeName }, ...more })
const create = (name: string, spec: object = of('data'), more: object = {}, scope = test.ann) => createVolumeSnapshot(test.server, scope, createSnapshotInput.parse({ name, spec, ...more }))
const createGroup = (input: object, scope = test.ann) => createSnapshotGroup(test.server, scope, createSnapshotGroupInput.parse({ name: 'now', pod: { name: 'web' }, ...input }))
const get = (name: string, scope = test.ann) => getVolumeSnapshot(test.server, scope, { name })
const list = async (input: object = {}, scope = test.ann) => (await listVolumeSnapshots(test.server, scope, listSnapshotsInput.parse(input))).items.map(({ metadata }) => metadata.name)
const update = (name: string, change: object) => changeVolumeSnapshot(test.server, test.ann, { name, ...change })
const remove = (name: string, scope = test.ann) => removeVolumeSnapshot(test.server, scope, { name })
const set = (name: string, data: object) => test.db.volume.updateMany({ where: { name }, data })
const at = (path: string, message: string, code = 'failed_precondition') => ({ code, problems: [expect.objectContaining({ path, message: expect.stringContaining(message) })] })
const inVolume = (message: string, code?: string) => at('spec.source.volumeName', message, code)

describe('snapshots', () => {
  it('are asked for once, of a volume or of the volume of a claim', async () => {
    const { uid } = await test.volume('data')
    const input = { labels: { a: 'b' }, requestId: 's-1' }
    const made = await create('first', of('data', { consistency: 'FilesystemConsistent' }), input)
    expect(await create('first', of('data', { consistency: 'FilesystemConsistent' }), input)).toEqual(made)
    expect(made).toMatchObject({ metadata: { name: 'first', labels: { a: 'b' } }, status: { phase: 'Asked', volume: { uid, name: 'data' }, group: null, schedule: null, consistency: null, sizeBytes: 2 ** 30, takenAt: null, clones: 0 } })
    expect(await test.db.volumeSnapshot.findFirst()).toMatchObject({ volumeUid: uid, homeHostId: test.hostId, storeId: test.stores.local.storeId })
    await expect(create('first')).rejects.toMatchObject({ code: 'already_exists' })
    const claim = await test.db.volumeClaim.create({ data: { tenantId: test.ann.tenantId, namespace: 'shop', name: 'c', spec: {} } })
    const ofClaim = { source: { persistentVolumeClaimName: 'c', namespace: 'shop' } }
    await expect(create('second', ofClaim)).rejects.toMatchObject(at('spec.source.persistentVolumeClaimName', 'has no volume yet: wait until it is Bound'))
    await set('data', { claimUid: claim.uid })
    expect((await create('second', ofClaim)).status.volume?.name).toBe('data')
    await expect(create('third', { source: { persistentVolumeClaimName: 'c' } })).rejects.toMatchObject(at('spec.source.persistentVolumeClaimName', 'there is no PersistentVolumeClaim "c" in namespace "default"', 'invalid_input'))
    expect((await test.audits('VolumeSnapshot')).slice(-2)).toEqual([['volumeSnapshot.create', 'first', 'of data, 1 GiB, file system consistent'], ['volumeSnapshot.create', 'second', 'of data, 1 GiB']])
    // It waits for a volume that is not made yet; one that is named by itself does not.
    await set('data', { storedPhase: 'Absent', storedSizeBytes: null, hostId: null, homeHostId: null })
    expect((await create('early', ofClaim)).status).toMatchObject({ phase: 'Asked', volume: { name: 'data' } })
    await expect(create('named', of('data'))).rejects.toMatchObject(inVolume('nothing of the volume "data" is stored yet'))
    for (const [data, message] of [[{ storedPhase: 'Failed' }, 'failed, as its conditions say'], [{ storedPhase: 'Absent', deletedAt: new Date() }, 'is deleted: restore it first']] as const) {
      await set('data', data)
      await expect(create('late', ofClaim)).rejects.toMatchObject(at('spec.source.persistentVolumeClaimName', message))
    }
  })

  it('are refused of a volume that is none, and nothing of them is left', async () => {
    await expect(create('s')).rejects.toMatchObject(inVolume('there is no volume "data"', 'invalid_input'))
    const { uid } = await test.volume('data')
    for (const [data, message] of [
      [{ deletedAt: new Date() }, 'is deleted: restore it first'], [{ storedPhase: 'Absent' }, 'nothing of the volume "data" is stored yet'], [{ storedPhase: 'Failed' }, 'failed, as its conditions say'],
      [{ revertTo: randomUUID() }, 'is going back to a snapshot'], [{ report: { attachments: [{ paused: true }] } }, 'stands still, for its store is full'],
    ] as const) {
      await set('data', { deletedAt: null, storedPhase: 'Ready', revertTo: null, report: {}, ...data })
      await expect(create('s'), message).rejects.toMatchObject(inVolume(message))
    }
    await set('data', { report: {} })
    await test.db.host.updateMany({ data: { phase: 'Unknown' } })
    await expect(create('s')).rejects.toMatchObject(inVolume('has not been heard of: take it once that host is back'))
    await test.db.host.updateMany({ data: { phase: 'Ready' } })
    await test.attach(uid, undefined, { phase: 'Lost' })
    await expect(create('s')).rejects.toMatchObject(inVolume('has not been heard of'))
    await expect(create('s', of('data'), {}, test.bob)).rejects.toMatchObject(inVolume('there is no volume "data"', 'invalid_input'))
    expect(await test.db.volumeSnapshot.count()).toBe(0)
  })

  it('of a block device are consistent after a crash alone', async () => {
    await test.volume('data', { spec: { size: '1Gi', volumeMode: 'Block' } })
    await expect(create('s', of('data', { consistency: 'FilesystemConsistent' }))).rejects.toMatchObject(at('spec.consistency', 'is a block device', 'invalid_input'))
    await create('s')
  })

  it('are as many as a tenant may have, and as the store keeps of one volume', async () => {
    const { uid } = await test.volume('data')
    await test.db.tenant.updateMany({ data: { snapshotQuota: 1 } })
    await create('a')
    await expect(create('b')).rejects.toMatchObject({ code: 'failed_precondition', message: 'The tenant has 1 snapshots, and may have 1: delete some that are not needed, or ask an operator for more.' })
    await test.db.tenant.updateMany({ data: { snapshotQuota: 100 } })
    for (let i = 0; i < 13; i += 1) await test.snapshot(`s${i}`, uid, { hidden: i === 0 })
    await test.snapshot('failed', uid, { phase: 'Failed' })
    await create('last')
    await expect(create('more')).rejects.toMatchObject(inVolume('has 15 snapshots, which is the most that its store keeps of one volume: delete some'))
    const ceph = await test.volume('shared', {}, 'ceph')
    for (let i = 0; i < 15; i += 1) await test.snapshot(`c${i}`, ceph.uid)
    await create('of-ceph', of('shared'))
  })

  it('change their name and labels alone', async () => {
    await test.volume('data')
    const made = await create('first')
    await create('taken')
    expect((await update('first', { newName: 'before', labels: { a: 'b' }, resourceVersion: made.metadata.resourceVersion })).metadata).toMatchObject({ name: 'before', labels: { a: 'b' } })
    await expect(update('before', { newName: 'taken' })).rejects.toMatchObject({ code: 'already_exists' })
    await expect(update('before', { labels: {}, resourceVersion: made.metadata.resourceVersion })).rejects.toMatchObject({ code: 'conflict' })
    await expect(update('first', { labels: {} })).rejects.toMatchObject({ code: 'not_found' })
    await remove('before')
    await expect(update('before', { labels: {} })).rejects.toMatchObject({ code: 'failed_precondition' })
  })

  it('are deleted, but for those that a volume needs', async () => {
    const { uid } = await test.volume('data')
    const s = await test.snapshot('s', uid)
    await test.volume('clone', { sourceSnapshotUid: s.uid, storedPhase: 'Creating' })
    await expect(remove('s')).rejects.toMatchObject({ code: 'failed_precondition', message: expect.stringContaining('while the volume "clone" is being made of it') })
    await set('clone', { storedPhase: 'Ready', report: { parent: true } })
    expect((await get('s')).status.clones).toBe(1)
    await set('clone', { report: { parent: false } })
    expect((await get('s')).status.clones).toBe(0)
    await set('data', { revertTo: s.uid })
    await expect(remove('s')).rejects.toMatchObject({ message: expect.stringContaining('while the volume "data" is going back') })
    await set('data', { revertTo: null })
    expect(await remove('s')).toEqual({ deleting: true })
    expect(await remove('s')).toEqual({ deleting: true })
    expect(await get('s')).toMatchObject({ status: { phase: 'Deleting' }, metadata: { deletionTimestamp: expect.any(String) } })
    expect((await test.audits('VolumeSnapshot')).filter(([action, name]) => action === 'volumeSnapshot.delete' && name === 's')).toHaveLength(1)
  })

  it('say what follows from their deletion before it, by name and number, and nothing of them goes by that', async () => {
    const preview = async (name: string) => {
      const { problem, consequences } = await previewSnapshotDeletion(test.server, test.ann, { name })
      return [problem, ...consequences.map(({ text, danger }) => (danger ? `! ${text}` : text))]
    }
    const { uid } = await test.volume('data')
    const groupUid = randomUUID()
    const s = await test.snapshot('s', uid, { groupUid, storedBytes: 3n << 20n })
    expect(await preview('s')).toEqual([null, '! The volume "data" stays as it is, and cannot go back to this moment any more; it is its only snapshot.', '3 MiB of the quota become free, and in the store what of them no volume and no other snapshot has.', '! It cannot be restored.'])
    await test.snapshot('log', null, { groupUid })
    await test.snapshot('later', uid)
    await test.volume('clone', { sourceSnapshotUid: s.uid })
    await test.volume('gone', { sourceSnapshotUid: s.uid, storedPhase: 'Purged', deletedAt: new Date() })
    for (const kind of ['VolumeSnapshot', 'PersistentVolumeClaim']) await test.db.volumeClaim.create({ data: { tenantId: test.ann.tenantId, namespace: 'shop', name: kind.toLowerCase(), spec: { dataSource: { kind, name: 's' } } } })
    expect((await preview('s')).slice(0, -2)).toEqual([
      null,
      'The volume "data" stays as it is, and cannot go back to this moment any more; 1 other snapshot of it stays.',
      '1 volume made of it keeps all that it has: clone.',
      '! 1 claim that waits for a volume made of it gets none: shop/volumesnapshot.',
      '1 snapshot of the same instant stays: log.',
    ])
    await set('clone', { storedPhase: 'Creating' })
    expect((await preview('s'))[0]).toContain('cannot be deleted while the volume "clone" is being made of it')
    expect([await preview('log'), (await listVolumes(test.server, test.ann, listVolumesInput.parse({ madeOf: 's' }))).items.map(({ metadata }) => metadata.name)]).toEqual([[null, '! Its volume is gone: what this snapshot holds is the last of it.', '1 snapshot of the same instant stays: s.', '0 B of the quota become free, and in the store what of them no volume and no other snapshot has.', '! It cannot be restored.'], ['clone']])
    expect((await get('s')).status.phase).toBe('Ready')
    await expect(previewSnapshotDeletion(test.server, test.bob, { name: 's' })).rejects.toMatchObject({ code: 'not_found' })
    await test.db.volumeSnapshot.updateMany({ where: { name: 'later' }, data: { phase: 'Failed' } })
    expect(await preview('later')).toEqual([null, 'Nothing was kept in it.'])
  })

  it('are listed by volume, by instant and by schedule, without those of clones', async () => {
    const { uid } = await test.volume('data')
    const gone = await test.volume('old', { deletedAt: new Date() })
    const schedule = await test.db.snapshotSchedule.create({ data: { tenantId: test.ann.tenantId, name: 'nightly', spec: {} } })
    const group = randomUUID()
    await test.snapshot('a', uid, { groupUid: group })
    await test.snapshot('b', gone.uid, { groupUid: group, scheduleUid: schedule.uid })
    await test.snapshot('c', null)
    await test.snapshot('hidden', uid, { hidden: true })
    expect(await list()).toEqual(['a', 'b', 'c'])
    expect([await list({ volume: 'data' }), await list({ volume: 'old' }), await list({ group }), await list({ schedule: 'nightly' }), await list({ volume: 'nothing' })]).toEqual([['a'], ['b'], ['a', 'b'], ['b'], []])
    expect([await list({}, test.bob), (await get('c')).status.volume]).toEqual([[], null])
    await expect(get('hidden')).rejects.toMatchObject({ code: 'not_found' })
    await expect(get('a', test.bob)).rejects.toMatchObject({ code: 'not_found' })
    await expect(remove('a', test.bob)).rejects.toMatchObject({ code: 'not_found' })
  })

  it('of manifests are taken once, and never become others', async () => {
    await test.volume('data')
    const apply = (spec: object, labels = {}) => inTransaction(test.db, (tx) => applyVolumeSnapshot(tx, test.server.config, test.ann, { kind: 'VolumeSnapshot', metadata: { name: 's', labels, annotations: {} }, spec: createSnapshotInput.shape.spec.parse(spec) }))
    expect([await apply(of('data')), await apply(of('data')), await apply(of('data'), { a: 'b' })]).toEqual(['created', 'unchanged', 'configured'])
    await expect(apply(of('other'))).rejects.toMatchObject(at('spec', 'the tenant has a snapshot "s" of the volume "data": snapshots lie in no namespace, so give this one another name'))
  })
})

describe('snapshots of one instant', () => {
  it('are of all volumes that a pod has, or of some', async () => {
    const pod = await test.pod('web')
    for (const name of ['data', 'log', 'waiting']) await test.attach((await test.volume(name)).uid, pod.uid, name === 'waiting' ? { phase: 'Waiting' } : {})
    const { group, items } = await createGroup({ consistency: 'FilesystemConsistent', requestId: 'g-1' })
    expect(items.map(({ metadata, status, spec }) => [metadata.name, status.group, status.phase, spec.consistency])).toEqual([['now-data', group, 'Asked', 'FilesystemConsistent'], ['now-log', group, 'Asked', 'FilesystemConsistent']])
    expect((await createGroup({ consistency: 'FilesystemConsistent', requestId: 'g-1' })).group).toBe(group)
    await expect(createGroup({})).rejects.toMatchObject({ code: 'already_exists' })
    expect((await createGroup({ name: 'one', volumes: ['log'] })).items.map(({ metadata }) => metadata.name)).toEqual(['one-log'])
    await expect(createGroup({ name: 'two', volumes: ['log', 'waiting'] })).rejects.toMatchObject(at('volumes.1', 'does not have the volume "waiting" now'))
    expect((await test.audits('VolumeSnapshot')).slice(-3).map(([, name, detail]) => [name, detail])).toEqual([['now-data', 'of data, with 1 of the same instant'], ['now-log', 'of log, with 1 of the same instant'], ['one-log', 'of log, with 0 of the same instant']])
  })

  it('are of all that a pod is to have, or of none: what it does not have just now is said', async () => {
    const pod = await test.pod('web')
    await test.attach((await test.volume('data')).uid, pod.uid)
    const { uid } = await test.attach((await test.volume('log')).uid, pod.uid, { phase: 'Attaching' })
    const refused = (message: string) => expect(createGroup({})).rejects.toMatchObject({ code: 'failed_precondition', message: `No snapshot of all that the pod "web" has can be taken: the volume "log" ${message}, or name the volumes that are meant.` })
    await refused('is being attached: wait until the pod has it')
    await test.db.volumeAttachment.update({ where: { uid }, data: { reason: 'UnknownFilesystem' } })
    await refused('could not be attached (UnknownFilesystem): detach it')
    await test.db.volumeAttachment.update({ where: { uid }, data: { phase: 'Lost' } })
    await refused('is on a host that has not been heard of: take them once that host is back')
    expect((await createGroup({ name: 'some', volumes: ['data'] })).items).toHaveLength(1)
    await test.db.volumeAttachment.update({ where: { uid }, data: { wanted: false } })
    expect((await createGroup({})).items).toHaveLength(1)
  })

  it('are all taken, or none', async () => {
    const pod = await test.pod('web')
    await expect(createGroup({})).rejects.toMatchObject({ code: 'failed_precondition', message: expect.stringContaining('has no volume now') })
    await expect(createGroup({ pod: { name: 'nothing' } })).rejects.toMatchObject({ code: 'not_found' })
    await expect(createGroup({}, test.bob)).rejects.toMatchObject({ code: 'not_found' })
    for (const name of ['data', 'log']) await test.attach((await test.volume(name)).uid, pod.uid)
    await set('log', { report: { attachments: [{ paused: true }] } })
    await expect(createGroup({})).rejects.toMatchObject({ code: 'failed_precondition', message: expect.stringContaining('the pod that has the volume "log" stands still') })
    await set('log', { report: {} })
    await test.db.tenant.updateMany({ data: { snapshotQuota: 1 } })
    await expect(createGroup({})).rejects.toMatchObject({ message: expect.stringContaining('may have 1, so 2 more do not fit') })
    await test.db.tenant.updateMany({ data: { snapshotQuota: null } })
    // What snapshots take counts beside the volumes, whether theirs is there or not: else they were a way around the quota.
    await test.db.tenant.updateMany({ data: { volumeBytesQuota: 3n * 2n ** 30n } })
    await test.snapshot('old', null, { storedBytes: 2n ** 30n + 1n })
    await expect(createGroup({})).rejects.toMatchObject({ code: 'failed_precondition', message: expect.stringMatching(/volumes and snapshots have .* and may have 3 GiB, so no snapshot fits/) })
    await test.db.tenant.updateMany({ data: { volumeBytesQuota: null } })
    await test.db.volumeSnapshot.deleteMany()
    await set('data', { spec: { volumeMode: 'Block' } })
    await set('log', { spec: { volumeMode: 'Block' } })
    await expect(createGroup({ consistency: 'FilesystemConsistent' })).rejects.toMatchObject(at('consistency', 'is a block device', 'invalid_input'))
    expect(await test.db.volumeSnapshot.count()).toBe(0)
  })
})
