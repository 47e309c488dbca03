import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startTestServer } from '@/server/api/testing/server'
import { resolvePodVolumes } from '@/server/store/volume-references'
import { podSpec } from '@/domain/pod/spec'

let server: Awaited<ReturnType<typeof startTestServer>>
let ann: Awaited<ReturnType<typeof server.signUp>>
beforeAll(async () => {
  server = await startTestServer()
  ann = await server.signUp('ann')
  await server.db.storageClass.deleteMany()
  await server.db.volumeStore.deleteMany()
  const { uid: storeId } = await server.db.volumeStore.create({ data: { name: 'local', spec: { kind: 'file', shared: false } } })
  await server.db.storageClass.create({ data: { name: 'standard', storeId, isDefault: true, spec: { store: 'local' } } })
})
afterAll(() => server.stop())

const tenant = () => ann.tenant.slug
const apply = async (yaml: string, more: object = {}) => (await ann.caller['manifest.apply']({ tenant: tenant(), yaml, ...more })).results.map(({ kind, name, action, problems }) => [kind, name, action, ...problems.map(({ path, line, message }) => `${line ?? '-'} ${path}: ${message}`)])
const manifest = (kind: string, metadata: string, spec: string, version = 'v1') => `apiVersion: ${version}\nkind: ${kind}\nmetadata: {${metadata}}\nspec: {${spec}}\n`
const claim = (name: string, size = '1Gi', more = '') => manifest('PersistentVolumeClaim', `name: ${name}`, `accessModes: [ReadWriteOnce], resources: {requests: {storage: ${size}}}${more}`)
const get = (kind: 'Volume' | 'PersistentVolumeClaim', name: string) => ann.caller['manifest'].get({ tenant: tenant(), kind, name })

describe('manifests of volumes', () => {
  it('make them, before the pods that name them, whatever their order', async () => {
    const pod = manifest('Pod', 'name: web', 'containers: [{name: a, image: busybox, volumeMounts: [{name: data, mountPath: /data}]}], volumes: [{name: data, cinder: {volumeID: data}}, {name: logs, persistentVolumeClaim: {claimName: logs}}]')
    expect(await apply([pod, claim('logs'), manifest('Volume', 'name: data, labels: {a: b}', 'size: 1Gi')].join('---\n'))).toEqual([['Pod', 'web', 'created'], ['PersistentVolumeClaim', 'logs', 'created'], ['Volume', 'data', 'created']])
    expect(await server.db.podReference.findMany({ where: { pod: { name: 'web' } }, select: { kind: true, name: true }, orderBy: { kind: 'asc' } })).toEqual([{ kind: 'PersistentVolumeClaim', name: 'logs' }, { kind: 'Volume', name: 'data' }])
    expect(await get('Volume', 'data')).toMatchObject({ apiVersion: 'v1', kind: 'Volume', metadata: { name: 'data', labels: { a: 'b' } }, spec: { size: '1Gi' }, status: { phase: 'Pending', storageClass: 'standard' } })
    expect(await get('PersistentVolumeClaim', 'logs')).toMatchObject({ metadata: { namespace: 'default' }, status: { phase: 'Pending', usedBy: ['web'] } })
    const list = await ann.caller['manifest'].list({ tenant: tenant(), kind: 'Volume' })
    expect(list.items.map(({ kind, metadata }) => [kind, metadata.name])).toEqual([['Volume', 'data']])
  })

  it('take the pod of the announcement of 2016 as it stands there, and a volume by its uid', async () => {
    const { uid } = await server.db.volume.findFirstOrThrow({ where: { name: 'data' } })
    const pod = `apiVersion: v1  \nkind: Pod  \nmetadata:  \n  name: nginx  \n  labels:  \n    app: nginx  \nspec:  \n  containers:  \n  - name: nginx  \n    image: nginx  \n    ports:  \n    - containerPort: 80  \n    volumeMounts:  \n    - name: nginx-persistent-storage  \n      mountPath: /var/lib/nginx  \n  volumes:  \n  - name: nginx-persistent-storage  \n    cinder:  \n      volumeID: ${uid}  \n      fsType: ext4\n`
    expect(await apply(pod)).toEqual([['Pod', 'nginx', 'created']])
    expect(await apply(pod)).toEqual([['Pod', 'nginx', 'unchanged']])
    const row = await server.db.pod.findFirstOrThrow({ where: { name: 'nginx' } })
    const resolved = await resolvePodVolumes(server.db, [{ ...row, spec: podSpec.parse(row.spec) }])
    expect(resolved.get(row.uid)).toMatchObject([{ name: 'nginx-persistent-storage', volume: { uid }, fsType: 'ext4', readOnly: false, problem: null }])
    expect(await apply(pod.replace('name: nginx  \n  labels', 'name: before  \n  labels').replace(uid, '651b2a7b-683e-47e1-bdd6-e3c62e8f91c0'))).toEqual([['Pod', 'before', 'created']])
  })

  it('change what may change, and say at its line what may not', async () => {
    expect(await apply(manifest('Volume', 'name: data, labels: {a: b}', 'size: 1Gi'))).toEqual([['Volume', 'data', 'unchanged']])
    expect(await apply(manifest('Volume', 'name: data', 'size: 2Gi, limits: {iops: 100}'))).toEqual([['Volume', 'data', 'configured']])
    expect(await apply(manifest('Volume', 'name: data', 'size: 1Gi'))).toEqual([['Volume', 'data', 'unchanged', expect.stringContaining('4 spec.size: is 1Gi, and the volume has 2 GiB: it cannot shrink')]])
    expect(await apply(manifest('Volume', 'name: data', 'size: 2Gi, fsType: xfs'))).toEqual([['Volume', 'data', 'unchanged', expect.stringContaining('4 spec.fsType: never changes')]])
    expect(await apply(claim('logs', '2Gi'))).toEqual([['PersistentVolumeClaim', 'logs', 'configured']])
    expect(await apply(claim('logs', '1Gi'))).toEqual([['PersistentVolumeClaim', 'logs', 'unchanged', expect.stringContaining('4 spec.resources.requests.storage: is 1Gi, and the claim asked for 2 GiB')]])
    expect(await apply(claim('logs', '2Gi', ', volumeMode: Block'))).toEqual([['PersistentVolumeClaim', 'logs', 'unchanged', expect.stringContaining('spec.volumeMode: never changes')]])
  })

  it('are refused by what is wrong, and then nothing of the text is there', async () => {
    expect(await apply([manifest('Volume', 'name: new', 'size: 1Gi'), manifest('Volume', 'name: other', 'size: 1Gi, storageClassName: gold')].join('---\n'))).toEqual([['Volume', 'new', 'unchanged'], ['Volume', 'other', 'unchanged', expect.stringContaining('9 spec.storageClassName: there is no storage class "gold"')]])
    expect(await server.db.volume.count({ where: { name: 'new' } })).toBe(0)
    expect(await apply(claim('x').replace('{name: x}', '{name: x, namespace: nowhere}'))).toEqual([['PersistentVolumeClaim', 'x', 'unchanged', expect.stringContaining('3 metadata.namespace: "nowhere" does not exist')]])
    expect(await apply(manifest('StorageClass', 'name: x', '', 'storage.k8s.io/v1'))).toEqual([['StorageClass', 'x', 'unchanged', '2 kind: StorageClass is made by operators: remove it, and name one of theirs in storageClassName']])
    expect(await apply(manifest('PersistentVolume', 'name: x', ''))).toEqual([['PersistentVolume', 'x', 'unchanged', expect.stringContaining('2 kind: PersistentVolume is called Volume here')]])
    expect(await apply(manifest('VolumeSnapshot', 'name: s', 'source: {volumeName: data}', 'snapshot.storage.k8s.io/v1'))).toEqual([['VolumeSnapshot', 's', 'unchanged', expect.stringContaining('spec.source.volumeName')]])
    expect(await apply(manifest('Volume', 'name: dry', 'size: 1Gi'), { dryRun: true })).toEqual([['Volume', 'dry', 'created']])
    expect(await server.db.volume.count({ where: { name: 'dry' } })).toBe(0)
  })

  it('keep what a volume has: snapshots and schedules are applied, listed and deleted as all else', async () => {
    await server.db.volume.updateMany({ where: { name: 'data' }, data: { storedPhase: 'Ready', storedSizeBytes: 2n << 30n } })
    const snapshot = manifest('VolumeSnapshot', 'name: s', 'source: {volumeName: data}', 'snapshot.storage.k8s.io/v1')
    const schedule = manifest('SnapshotSchedule', 'name: nightly', 'volumes: {names: [data]}, every: 1d, keep: {daily: 7}')
    expect(await apply(`${snapshot}---\n${schedule}`)).toEqual([['VolumeSnapshot', 's', 'created'], ['SnapshotSchedule', 'nightly', 'created']])
    expect(await apply(`${snapshot}---\n${schedule.replace('1d', '6h')}`)).toEqual([['VolumeSnapshot', 's', 'unchanged'], ['SnapshotSchedule', 'nightly', 'configured']])
    const { get, list } = ann.caller['manifest']
    expect(await get({ tenant: tenant(), kind: 'VolumeSnapshot', name: 's' })).toMatchObject({ apiVersion: 'snapshot.storage.k8s.io/v1', kind: 'VolumeSnapshot', spec: { source: { volumeName: 'data' } } })
    expect(await get({ tenant: tenant(), kind: 'SnapshotSchedule', name: 'nightly' })).toMatchObject({ apiVersion: 'v1', spec: { every: '6h' } })
    for (const kind of ['VolumeSnapshot', 'SnapshotSchedule', 'PersistentVolumeClaim'] as const) expect((await list({ tenant: tenant(), kind })).items.map((one) => one.kind)).toEqual([kind])
    for (const [kind, name] of [['VolumeSnapshot', 's'], ['SnapshotSchedule', 'nightly']] as const) expect(await ann.caller['manifest'].delete({ tenant: tenant(), kind, name })).toEqual({ deleting: true })
  })

  it('delete them: a volume for a while, and a claim once no pod names it', async () => {
    const remove = (kind: 'Volume' | 'PersistentVolumeClaim', name: string) => ann.caller['manifest'].delete({ tenant: tenant(), kind, name })
    expect(await remove('Volume', 'data')).toEqual({ deleting: true })
    expect((await ann.caller.volume.get({ tenant: tenant(), name: 'data' })).status).toMatchObject({ phase: 'Deleted', restorableUntil: expect.any(String) })
    expect(await apply(manifest('Volume', 'name: data', 'size: 1Gi'))).toEqual([['Volume', 'data', 'created']])
    expect(await remove('PersistentVolumeClaim', 'logs')).toEqual({ deleting: true })
    expect((await get('PersistentVolumeClaim', 'logs')).metadata).toMatchObject({ deletionTimestamp: expect.any(String) })
    await expect(remove('Volume', 'nothing')).rejects.toMatchObject({ cause: { code: 'not_found' } })
  })
})
