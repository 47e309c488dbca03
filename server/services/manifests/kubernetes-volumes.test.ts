import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { reconcileClaim } from '@/server/control/controllers/volume/claims/bind'
import { runSchedule } from '@/server/control/controllers/snapshot-schedule/controller'
import { startVolumeServer } from '@/server/services/volumes/testing/volume-server'
import { applyManifest, applyManifestInput } from './apply-manifest'
import { getManifest, manifestReference } from './read-manifests'

/** What those write who come from Kubernetes, field by field as its documentation has it: each works, or is refused with its cause, its place and what to do. */
let test: Awaited<ReturnType<typeof startVolumeServer>>
beforeAll(async () => {
  test = await startVolumeServer()
  const { db, stores } = test
  // The usual class makes what is asked for, as on a machine of one's own.
  await db.storageClass.update({ where: { uid: stores.local.classId }, data: { name: 'standard' } })
})
afterAll(() => test.stop())
beforeEach(() => test.clear())

const options = { quotas: { volumes: 10, bytes: 2 ** 40, snapshots: 10 }, graceMs: 1 }
const apply = async (yaml: string) => (await applyManifest(test.server, test.ann, applyManifestInput.parse({ yaml }))).results.map(({ kind, name, action, problems }) => [kind, name, action, ...problems.map(({ path, line, message }) => `${line ?? '-'} ${path}: ${message}`)])
const get = (kind: 'PersistentVolumeClaim' | 'VolumeSnapshot', name: string) => getManifest(test.server, test.ann, manifestReference.parse({ kind, name }))
/** What the controller says of a claim. */
async function bound(name: string): Promise<string> {
  const { uid } = await test.db.volumeClaim.findFirstOrThrow({ where: { name } })
  await reconcileClaim(test.db, uid, options)
  await reconcileClaim(test.db, uid, options)
  const { reason, message } = await test.db.objectCondition.findUniqueOrThrow({ where: { objectUid_type: { objectUid: uid, type: 'Bound' } } })
  return reason === 'Bound' ? reason : `${reason}: ${message}`
}
/** Its host has made a claim's volume. */
const made = (claim: string, data: object = {}) => test.db.volume.updateMany({ where: { claim: { name: claim } }, data: { storedPhase: 'Ready', storedSizeBytes: 1n << 30n, homeHostId: test.hostId, formatted: 'ext4', ...data } })

const claim = (name: string, more = '', modes = 'ReadWriteOnce') => `apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  name: ${name}
spec:
  accessModes:
    - ${modes}
  resources:
    requests:
      storage: 1Gi
${more}`
const pod = (name: string, volume: string, use = 'volumeMounts: [{name: data, mountPath: /data}]') => `apiVersion: v1
kind: Pod
metadata: {name: ${name}}
spec:
  containers:
    - {name: app, image: nginx, ${use}}
  volumes:
    - name: data
${volume.replace(/^/gm, '      ')}
`
const ofClaim = (name: string, more = '') => `persistentVolumeClaim:\n  claimName: ${name}${more}`

describe('a claim of Kubernetes', () => {
  it('has a volume, says what that has once it is there, and grows by asking for more', async () => {
    expect(await apply(`${claim('data')}---\n${pod('web', ofClaim('data'))}`)).toEqual([['PersistentVolumeClaim', 'data', 'created'], ['Pod', 'web', 'created']])
    expect(await bound('data')).toBe('Bound')
    expect((await get('PersistentVolumeClaim', 'data')).status).not.toHaveProperty('capacity')
    await made('data')
    expect(await get('PersistentVolumeClaim', 'data')).toMatchObject({ status: { phase: 'Bound', capacity: { storage: '1Gi' } } })
    expect(await apply(claim('data').replace('1Gi', '2Gi'))).toEqual([['PersistentVolumeClaim', 'data', 'configured']])
    await bound('data')
    expect(await get('PersistentVolumeClaim', 'data')).toMatchObject({ spec: { resources: { requests: { storage: '2Gi' } } }, status: { capacity: { storage: '1Gi' }, conditions: expect.arrayContaining([expect.objectContaining({ type: 'Resizing', status: 'True', message: expect.stringContaining('grows to 2 GiB') })]) } })
    await made('data', { storedSizeBytes: 2n << 30n })
    await bound('data')
    expect(await get('PersistentVolumeClaim', 'data')).toMatchObject({ status: { capacity: { storage: '2Gi' }, conditions: [expect.objectContaining({ type: 'Bound' })] } })
  })

  it('may be written as a cluster shows it once it is bound', async () => {
    await apply(claim('data'))
    await bound('data')
    const { status } = await get('PersistentVolumeClaim', 'data')
    const volume = (status as { volume: string }).volume
    expect(await apply(claim('data', `  storageClassName: standard\n  volumeMode: Filesystem\n  volumeName: ${volume}\n`))).toEqual([['PersistentVolumeClaim', 'data', 'unchanged']])
    // What its server alone sets is named line by line.
    expect(await apply(`${claim('data').replace('  name: data', '  name: data\n  finalizers: [kubernetes.io/pvc-protection]\n  uid: 3d4c')}status: {phase: Bound}\n`)).toEqual([['PersistentVolumeClaim', 'data', 'unchanged', expect.stringMatching(/^\d+ status: is set by the server: remove it$/), expect.stringContaining('5 metadata.finalizers: Kubernetes has this field'), '6 metadata.uid: is set by the server: remove it']])
  })

  it('of a class that is not there, or of a volume of another cluster, waits and says for what', async () => {
    await apply([claim('manual', '  storageClassName: manual\n'), claim('moved', '  volumeName: pvc-3d4c\n'), claim('old').replace('  name: old', '  name: old\n  annotations: {volume.beta.kubernetes.io/storage-class: slow}')].join('---\n'))
    expect(await bound('manual')).toBe('StorageClassNotFound: There is no storage class "manual": make a claim that names another one, or none for the usual one.')
    expect(await bound('old')).toContain('There is no storage class "slow"')
    expect(await bound('moved')).toBe('VolumeNotFound: There is no volume "pvc-3d4c": create it, or make a claim that names another one, or none, and one is made.')
  })

  it('is one pod\'s, or many readers\'; many writers are refused', async () => {
    expect(await apply(claim('one', '', 'ReadWriteOncePod'))).toEqual([['PersistentVolumeClaim', 'one', 'created']])
    expect(await bound('one')).toBe('Bound')
    expect(await apply(claim('many', '', 'ReadWriteMany'))).toEqual([['PersistentVolumeClaim', 'many', 'unchanged', '7 spec.accessModes[0]: ReadWriteMany is not there: a block device has one writer. Use ReadWriteOnce (one pod writes) or ReadOnlyMany (any number of pods read)']])
    await apply(claim('readers', '', 'ReadOnlyMany'))
    expect(await bound('readers')).toContain('NothingToRead: A volume that nobody writes has to be made of something')
  })

  it('with a selector is refused, with what there is instead', async () => {
    expect(await apply(claim('picky', '  storageClassName: slow\n  selector:\n    matchLabels:\n      release: stable\n'))).toEqual([['PersistentVolumeClaim', 'picky', 'unchanged', '12 spec.selector: Kubernetes has this field, Hypernetes does not carry it out: name the Volume that it shall have in volumeName, or leave both out, and one is made']])
  })

  it('may be a block device, and may be read alone', async () => {
    expect(await apply(`${claim('raw', '  volumeMode: Block\n')}---\n${pod('devices', ofClaim('raw'), 'volumeDevices: [{name: data, devicePath: /dev/xvda}]')}---\n${claim('data')}---\n${pod('reader', ofClaim('data', '\n  readOnly: true'))}`)).toMatchObject(Array(4).fill([expect.any(String), expect.any(String), 'created']))
    expect([await bound('raw'), await bound('data')]).toEqual(['Bound', 'Bound'])
  })
})

describe('a schedule by labels', () => {
  const schedule = (labels: string) => `apiVersion: v1\nkind: SnapshotSchedule\nmetadata: {name: nightly}\nspec: {volumes: {selector: {matchLabels: {${labels}}}}, every: 1d, keep: {daily: 7}}\n`
  const labelled = (name: string, label: string) => claim(name).replace(`  name: ${name}`, `  name: ${name}\n  labels: {${label}}`)
  const run = async () => {
    const { uid } = await test.db.snapshotSchedule.update({ where: { tenantId_name: { tenantId: test.ann.tenantId, name: 'nightly' } }, data: { nextAt: new Date(0) } })
    await runSchedule(test.db, uid, options)
    const taken = await test.db.volumeSnapshot.findMany({ select: { volume: { select: { claim: { select: { name: true } } } } } })
    await test.db.volumeSnapshot.deleteMany()
    return taken.map(({ volume }) => volume?.claim?.name).sort()
  }

  it('takes the volumes of claims that have them, and follows what their manifests say later', async () => {
    await apply([schedule('backup: daily'), labelled('db', 'backup: daily'), labelled('logs', 'backup: none')].join('---\n'))
    for (const name of ['db', 'logs']) {
      await bound(name)
      await made(name)
    }
    expect(await run()).toEqual(['db'])
    expect(await apply(labelled('logs', 'backup: daily'))).toEqual([['PersistentVolumeClaim', 'logs', 'configured']])
    await bound('logs')
    expect(await run()).toEqual(['db', 'logs'])
    await apply(claim('db'))
    await bound('db')
    expect(await run()).toEqual(['logs'])
  })

  it('leaves a volume what somebody said of it, and a manifest of the volume takes nothing of its claim\'s away', async () => {
    const volume = 'apiVersion: v1\nkind: Volume\nmetadata: {name: kept, labels: {tier: gold}}\nspec: {size: 1Gi, storageClassName: standard}\n'
    const both = [volume, labelled('db', 'backup: daily, tier: silver').replace('spec:\n', 'spec:\n  volumeName: kept\n')].join('---\n')
    await apply(both)
    await bound('db')
    const labels = async () => (await test.db.volume.findFirstOrThrow({ where: { name: 'kept' } })).labels
    expect(await labels()).toEqual({ backup: 'daily', tier: 'gold' })
    expect(await apply(both)).toEqual([['Volume', 'kept', 'unchanged'], ['PersistentVolumeClaim', 'db', 'unchanged']])
    expect(await apply(volume.replace(', labels: {tier: gold}', ''))).toEqual([['Volume', 'kept', 'configured']])
    expect(await labels()).toEqual({ backup: 'daily', tier: 'silver' })
  })
})

describe('what a claim is made of', () => {
  const source = (kind: string, name: string, group = '') => `  dataSource:\n    name: ${name}\n    kind: ${kind}\n${group}`
  const group = '    apiGroup: snapshot.storage.k8s.io\n'
  const snapshot = (more = '') => `apiVersion: snapshot.storage.k8s.io/v1\nkind: VolumeSnapshot\nmetadata:\n  name: monday\nspec:\n${more}  source:\n    persistentVolumeClaimName: data\n`

  it('is a snapshot, or another claim, by either of Kubernetes\' names', async () => {
    await apply(claim('data'))
    expect(await apply(snapshot())).toEqual([['VolumeSnapshot', 'monday', 'unchanged', '7 spec.source.persistentVolumeClaimName: the PersistentVolumeClaim "data" in namespace "default" has no volume yet: wait until it is Bound']])
    await bound('data')
    await made('data')
    expect(await apply(snapshot())).toEqual([['VolumeSnapshot', 'monday', 'created']])
    await test.db.volumeSnapshot.updateMany({ data: { phase: 'Ready', content: 'ext4' } })
    expect(await apply([claim('restored', source('VolumeSnapshot', 'monday', group)), claim('by-ref', source('VolumeSnapshot', 'monday', group).replace('dataSource', 'dataSourceRef')), claim('clone', source('PersistentVolumeClaim', 'data'))].join('---\n'))).toMatchObject([['PersistentVolumeClaim', 'restored', 'created'], ['PersistentVolumeClaim', 'by-ref', 'created'], ['PersistentVolumeClaim', 'clone', 'created']])
    expect([await bound('restored'), await bound('by-ref'), await bound('clone')]).toEqual(['Bound', 'Bound', 'Bound'])
    expect((await test.db.volume.findMany({ where: { claim: { name: { in: ['restored', 'by-ref'] } } }, select: { spec: true } })).map(({ spec }) => spec)).toMatchObject(Array(2).fill({ source: { kind: 'Snapshot', name: 'monday' } }))
  })

  it('is of the tenant: a snapshot of the same name in another namespace is told whose that is', async () => {
    await apply(claim('data'))
    await bound('data')
    await made('data')
    await apply(snapshot())
    const elsewhere = snapshot().replace('  name: monday', '  name: monday\n  namespace: staging')
    expect(await apply(elsewhere)).toEqual([['VolumeSnapshot', 'monday', 'unchanged', '6 spec: of a snapshot never changes, for its bytes do not, and the tenant has a snapshot "monday" of the PersistentVolumeClaim "data" in namespace "default": snapshots lie in no namespace, so give this one another name, or delete the one that is there']])
  })

  it('has no class of its own', async () => {
    expect(await apply(snapshot('  volumeSnapshotClassName: csi-hostpath-snapclass\n'))).toEqual([['VolumeSnapshot', 'monday', 'unchanged', '6 spec.volumeSnapshotClassName: Kubernetes has this field, Hypernetes does not carry it out: a snapshot lies in the store of its volume, and stays until it is deleted, so remove it']])
    expect(await apply('apiVersion: snapshot.storage.k8s.io/v1\nkind: VolumeSnapshotClass\nmetadata: {name: csi}\ndriver: hostpath.csi.k8s.io\ndeletionPolicy: Delete\n')).toEqual([['VolumeSnapshotClass', 'csi', 'unchanged', '2 kind: VolumeSnapshotClass is not needed, for snapshots lie in the store of their volume: remove it']])
    expect(await apply('apiVersion: snapshot.storage.k8s.io/v1\nkind: VolumeSnapshotContent\nmetadata: {name: c}\nspec: {deletionPolicy: Retain}\n')).toEqual([['VolumeSnapshotContent', 'c', 'unchanged', '2 kind: VolumeSnapshotContent is not needed, for a VolumeSnapshot names its volume: remove it']])
  })
})

describe('what there is otherwise here', () => {
  it.each([
    ['apiVersion: v1\nkind: PersistentVolume\nmetadata: {name: x}\nspec:\n  capacity: {storage: 20Gi}\n  accessModes: [ReadWriteOnce]\n  hostPath: {path: /mnt/data}\n', 'PersistentVolume is called Volume here, and lies in no namespace: write one, or let a PersistentVolumeClaim make it'],
    ['apiVersion: storage.k8s.io/v1\nkind: StorageClass\nmetadata: {name: x}\nprovisioner: kubernetes.io/no-provisioner\nvolumeBindingMode: WaitForFirstConsumer\n', 'StorageClass is made by operators: remove it, and name one of theirs in storageClassName'],
    ['apiVersion: groupsnapshot.storage.k8s.io/v1beta1\nkind: VolumeGroupSnapshot\nmetadata: {name: x}\nspec: {source: {selector: {matchLabels: {app: db}}}}\n', 'VolumeGroupSnapshot is not carried out: take those of a pod at one instant by a SnapshotSchedule of that pod, or at once with volumeSnapshot.createGroup'],
    ['apiVersion: v1\nkind: List\nmetadata: {name: x}\nitems: []\n', 'List is not carried out: write each of its items as a document of its own, with --- between them'],
    ['apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: x}\nspec:\n  serviceName: x\n  replicas: 2\n  volumeClaimTemplates:\n  - metadata: {name: www}\n', 'StatefulSet is not carried out: write each of its pods (NAME-0, NAME-1, …), and of each volumeClaimTemplate a PersistentVolumeClaim for each pod (TEMPLATE-NAME-0, …), which that names'],
  ])('%#: a kind is refused', async (yaml, message) => {
    const [, kind = ''] = /^kind: (\w+)$/m.exec(yaml) ?? []
    expect(await apply(yaml)).toEqual([[kind, 'x', 'unchanged', `2 kind: ${message}`]])
  })

  it.each([
    ['ephemeral:\n  volumeClaimTemplate: {spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}', 'ephemeral', 'write a PersistentVolumeClaim of its own, and name that in persistentVolumeClaim {claimName}; what may go with the pod has room in an emptyDir'],
    ['hostPath: {path: /mnt/data}', 'hostPath', 'a pod is a machine of its own, and sees no folder of its host: use emptyDir, or name a Volume of the tenant in cinder {volumeID}, or a claim in persistentVolumeClaim {claimName}'],
    ['image: {reference: app, pullPolicy: Always}', 'image', 'make a Volume of the image (source {kind: Image, reference}), and name that in cinder {volumeID}'],
    ['csi: {driver: inline.storage.kubernetes.io}', 'csi', 'name a Volume of the tenant in cinder {volumeID}, or a claim in persistentVolumeClaim {claimName}'],
  ])('%#: a volume of a pod is refused', async (volume, field, message) => {
    expect(await apply(pod('web', volume))).toEqual([['Pod', 'web', 'unchanged', `9 spec.volumes[0].${field}: Kubernetes has this field, Hypernetes does not carry it out: ${message}`, expect.stringContaining('spec.volumes[0]: must have exactly one of')]])
    expect(await test.db.pod.count()).toBe(0)
  })
})
