import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { podReferences } from '@/domain/pod/references'
import { podSpec } from '@/domain/pod/spec'
import { snapshotScheduleSpec } from '@/domain/snapshot-schedule/spec'
import { withVolumes } from '@/server/store/volume-attachments'
import { startVolumeServer } from './testing/volume-server'
import { attachVolume, attachVolumeInput } from './volume-attachment'
import { detachVolume, detachVolumeInput } from './volume-detachment'
import { previewVolume, previewVolumeInput } from './volume-preview'
import { listVolumes, listVolumesInput } from './volume-view'
import { changeVolume, updateVolumeInput } from './volumes'

type Server = Awaited<ReturnType<typeof startVolumeServer>>
let test: Server
let otherHost = ''
beforeAll(async () => {
  test = await startVolumeServer()
  otherHost = (await test.db.host.create({ data: { name: 'h2', publicKey: 'k2', phase: 'Ready' } })).id
})
afterAll(() => test.stop())
beforeEach(() => test.clear())

/** A pod that runs on the host with the disk, with these volumes. */
async function pod(name: string, { volumes = [] as object[], phase = 'Running', ...data }: { volumes?: object[]; phase?: string; hostId?: string | null; deletedAt?: Date } = {}) {
  const { db, ann, hostId } = test
  const spec = podSpec.parse({ initContainers: [{ name: 'first', image: 'busybox' }], containers: [{ name: 'a', image: 'busybox', volumeMounts: [{ name: 'tmp', mountPath: '/tmp' }] }, { name: 'b', image: 'busybox' }], volumes: [{ name: 'tmp', emptyDir: {} }, ...volumes] })
  const network = await db.network.findFirstOrThrow({ where: { tenantId: ann.tenantId } })
  const row = await db.pod.create({ data: { tenantId: ann.tenantId, namespace: 'default', name, spec, networkId: network.uid, hostId, ...data } })
  await db.podReference.createMany({ data: podReferences(spec).map((reference) => ({ ...reference, podUid: row.uid, tenantId: ann.tenantId, namespace: 'default' })) })
  if (row.hostId) await db.podReport.create({ data: { podUid: row.uid, hostId: row.hostId, bootId: row.uid, sequence: 1, phase, document: {} } })
  return row
}
const mounts = [{ container: 'a', mountPath: '/data' }]
const attach = (name: string, to: string, more: object = {}, scope = test.ann) => attachVolume(test.server, scope, attachVolumeInput.parse({ name, pod: { name: to }, mounts, ...more }))
const detach = (name: string, more: object = {}, scope = test.ann) => detachVolume(test.server, scope, detachVolumeInput.parse({ name, ...more }))
const preview = (input: object, scope = test.ann) => previewVolume(test.server, scope, previewVolumeInput.parse(input))
const rows = () => test.db.volumeAttachment.findMany({ select: { podUid: true, phase: true, wanted: true, forced: true }, orderBy: { createdAt: 'asc' } })
const at = (path: string, message: string, code = 'failed_precondition') => ({ code, problems: [expect.objectContaining({ path, message: expect.stringContaining(message) })] })

describe('a volume is given to a pod that runs', () => {
  it('as a wish, once, where its containers are told to have it', async () => {
    const { uid } = await test.volume('data')
    const web = await pod('web')
    const input = { mounts: [{ container: 'a', mountPath: '/data', subPath: 'x' }, { container: 'b', mountPath: '/data', readOnly: true }] }
    const view = await attach('data', 'web', input)
    expect(view.status).toMatchObject({ phase: 'Available', attachments: [{ pod: { namespace: 'default', name: 'web' }, name: `hot-${uid}`, hot: true, readOnly: false, phase: 'Waiting' }] })
    expect(await attach('data', 'web', input)).toEqual(view)
    expect(await test.db.volumeAttachment.findMany()).toMatchObject([{ volumeUid: uid, podUid: web.uid, wanted: true, mounts: [{ container: 'a', mountPath: '/data', subPath: 'x', readOnly: false }, { container: 'b', readOnly: true }] }])
    expect((await test.audits('Volume')).slice(-1)).toEqual([['volume.attach', 'data', 'to default/web at a:/data, b:/data']])
    expect(await test.events()).toEqual(['Normal AttachRequested: Ann gives it to the pod "web" in namespace "default", at /data in the containers "a", "b".'])
  })

  it('to one at a time, and by its own spec alone', async () => {
    const { uid } = await test.volume('data')
    await pod('web')
    await pod('other')
    await pod('named', { volumes: [{ name: 'data', cinder: { volumeID: uid } }] })
    await attach('data', 'web')
    await expect(attach('data', 'other')).rejects.toMatchObject({ code: 'failed_precondition', message: 'The volume "data" is attached to the pod "web" in namespace "default", and one pod at a time has it: detach it there first, or clone the volume.' })
    await expect(attach('data', 'web', { mounts: [{ container: 'b', mountPath: '/x' }] })).rejects.toMatchObject(at('pod.name', 'has the volume already, or waits for it'))
    await expect(attach('data', 'named')).rejects.toMatchObject(at('pod.name', 'the spec of the pod "named" names the volume'))
    await detach('data')
    await expect(attach('data', 'web')).rejects.toMatchObject(at('pod.name', 'is being detached from the pod "web"'))
    expect((await attach('data', 'other')).status.attachments).toHaveLength(2)
  })

  it('to any number that read it, and never to write what nobody writes', async () => {
    await test.volume('data', { spec: { size: '1Gi', accessMode: 'ReadOnlyMany', source: { kind: 'Snapshot', name: 's' } } })
    await pod('web')
    await pod('other')
    await attach('data', 'web')
    expect((await attach('data', 'other', { readOnly: true })).status.attachments.map(({ readOnly }) => readOnly)).toEqual([true, true])
  })

  it('that is there, runs, and is where the volume lies', async () => {
    await test.volume('data')
    await pod('going', { deletedAt: new Date() })
    await pod('ended', { phase: 'Succeeded' })
    await pod('new', { hostId: null })
    await pod('far', { hostId: otherHost })
    await expect(attach('data', 'nothing')).rejects.toMatchObject(at('pod.name', 'there is no pod "nothing"', 'invalid_input'))
    for (const [name, message] of [['going', 'is being deleted'], ['ended', 'has ended: create it anew'], ['new', 'has no host yet'], ['far', 'lies on the disk of the host "h1", and the pod "far" is on "h2"']] as const) await expect(attach('data', name)).rejects.toMatchObject(at('pod.name', message))
    await test.volume('shared', {}, 'ceph')
    expect((await attach('shared', 'far')).status.attachments).toHaveLength(1)
    await expect(attach('data', 'far', {}, test.bob)).rejects.toMatchObject({ code: 'not_found' })
  })

  it('that can be: not deleted, made, and at rest', async () => {
    await pod('web')
    await test.volume('failed', { storedPhase: 'Failed' })
    await test.volume('deleted', { deletedAt: new Date() })
    await test.volume('back', { revertTo: otherHost })
    for (const [name, message] of [['failed', 'could not be made'], ['deleted', 'is deleted: restore it first'], ['back', 'is going back to a snapshot']] as const) await expect(attach(name, 'web')).rejects.toMatchObject({ code: 'failed_precondition', message: expect.stringContaining(message) })
    expect(await rows()).toEqual([])
  })

  it('where nothing else is mounted, in containers that run', async () => {
    await test.volume('data')
    await test.volume('more')
    await pod('web')
    const inContainer = (container: string, mountPath: string) => ({ mounts: [{ container, mountPath }] })
    await expect(attach('data', 'web', inContainer('first', '/data'))).rejects.toMatchObject(at('mounts[0].container', 'has no container "first" that goes on running: it has a, b', 'invalid_input'))
    await expect(attach('data', 'web', inContainer('a', '/tmp/'))).rejects.toMatchObject(at('mounts[0].mountPath', 'another volume is at /tmp/', 'invalid_input'))
    await expect(attach('data', 'web', inContainer('a', '//'))).rejects.toMatchObject(at('mounts[0].mountPath', 'must be a folder below', 'invalid_input'))
    for (const path of ['/proc', '//proc/', '/sys/fs/cgroup', '/dev', '/dev/data']) await expect(attach('data', 'web', inContainer('a', path))).rejects.toMatchObject(at('mounts[0].mountPath', 'name another path, such as /data', 'invalid_input'))
    await expect(attach('data', 'web', { mounts: [...mounts, { container: 'a', mountPath: '/data/' }] })).rejects.toMatchObject(at('mounts[1].mountPath', 'another volume is at', 'invalid_input'))
    await attach('data', 'web')
    await expect(attach('more', 'web')).rejects.toMatchObject(at('mounts[0].mountPath', 'another volume is at /data', 'invalid_input'))
    await attach('more', 'web', inContainer('b', '/data'))
    await expect(attach('more', 'web', { mounts: [] })).rejects.toMatchObject(at('mounts', 'must name a container and where it is mounted', 'invalid_input'))
    await expect(attach('more', 'web', { mounts: [], devices: [{ container: 'a', devicePath: '/dev/data' }] })).rejects.toMatchObject(at('devices', 'the volume "more" has a file system', 'invalid_input'))
  })
})

describe('a block device is given to a pod that runs', () => {
  const block = { spec: { size: '1Gi', volumeMode: 'Block' } }
  const device = (container: string, devicePath: string) => ({ mounts: [], devices: [{ container, devicePath }] })

  it('at paths of its containers, and is told there', async () => {
    const { uid } = await test.volume('raw', block)
    await pod('web')
    const both = { mounts: [], devices: [{ container: 'a', devicePath: '/dev/data' }, { container: 'b', devicePath: '/dev/data' }], readOnly: true }
    const view = await attach('raw', 'web', both)
    expect(view.status.attachments).toMatchObject([{ name: `hot-${uid}`, hot: true, readOnly: true, mounts: [], devices: both.devices }])
    expect(await attach('raw', 'web', both)).toEqual(view)
    expect((await test.db.volumeAttachment.findFirstOrThrow()).mounts).toEqual(both.devices.map(({ container, devicePath }) => ({ container, mountPath: devicePath, readOnly: false })))
    expect((await test.audits('Volume')).slice(-1)).toEqual([['volume.attach', 'raw', 'to default/web at a:/dev/data, b:/dev/data']])
    expect(await preview({ name: 'raw', verb: 'detach', podUid: view.status.attachments[0]?.podUid })).toMatchObject({ consequences: [{ text: 'The pod "web" goes on without /dev/data in a, /dev/data in b.' }, { text: expect.stringContaining('has the device open') }] })
  })

  it('where nothing else is, and as nothing else', async () => {
    await test.volume('raw', block)
    await test.volume('more', block)
    await pod('web')
    await expect(attach('raw', 'web')).rejects.toMatchObject(at('mounts', 'the volume "raw" is a block device', 'invalid_input'))
    await expect(attach('raw', 'web', { mounts: [] })).rejects.toMatchObject(at('devices', 'must name a container and the path', 'invalid_input'))
    await expect(attach('raw', 'web', device('first', '/dev/data'))).rejects.toMatchObject(at('devices[0].container', 'has no container "first" that goes on running', 'invalid_input'))
    await expect(attach('raw', 'web', device('a', '/tmp'))).rejects.toMatchObject(at('devices[0].devicePath', 'another volume is at /tmp', 'invalid_input'))
    await expect(attach('raw', 'web', device('a', '/proc/data'))).rejects.toMatchObject(at('devices[0].devicePath', 'must not be below /proc', 'invalid_input'))
    await expect(attach('raw', 'web', device('a', '/'))).rejects.toMatchObject(at('devices[0].devicePath', 'must be a path below "/"', 'invalid_input'))
    await attach('raw', 'web', device('a', '/dev/data'))
    await expect(attach('more', 'web', device('a', '/dev/data/'))).rejects.toMatchObject(at('devices[0].devicePath', 'another volume is at', 'invalid_input'))
  })
})

describe('a volume is taken from a pod', () => {
  it('with what its guest has to write, or by force', async () => {
    const { uid } = await test.volume('data')
    const web = await pod('web')
    await test.attach(uid, web.uid, { mounts: [] })
    expect((await detach('data')).status.attachments).toMatchObject([{ phase: 'Attached' }])
    expect(await rows()).toEqual([{ podUid: web.uid, phase: 'Attached', wanted: false, forced: false }])
    await detach('data')
    await detach('data', { pod: { name: 'web' }, force: true })
    expect(await rows()).toEqual([{ podUid: web.uid, phase: 'Attached', wanted: false, forced: true }])
    expect((await test.audits('Volume')).slice(-2)).toEqual([['volume.detach', 'data', 'from default/web'], ['volume.detach', 'data', 'from default/web, by force']])
    expect((await test.events()).slice(-2)).toEqual(['Normal DetachRequested: Ann takes it from the pod "web" in namespace "default".', 'Warning DetachForced: Ann takes it from the pod "web" in namespace "default" by force.'])
  })

  it('by force by those alone who may delete its pod, for its machine may be ended', async () => {
    const { uid } = await test.volume('data')
    const web = await pod('web')
    await test.attach(uid, web.uid, { mounts })
    const mayNot = vi.spyOn(test.ann, 'allows').mockImplementation((permission) => permission !== 'pod.delete')
    await expect(detach('data', { force: true })).rejects.toMatchObject({ code: 'not_found', message: expect.stringContaining('"web"') })
    await expect(preview({ name: 'data', verb: 'detach', force: true })).rejects.toMatchObject({ code: 'not_found' })
    expect(await rows()).toMatchObject([{ wanted: true }])
    await detach('data')
    expect(await rows()).toMatchObject([{ wanted: false, forced: false }])
    mayNot.mockRestore()
    await detach('data', { force: true })
    expect(await rows()).toMatchObject([{ wanted: false, forced: true }])
    expect((await test.db.pod.findFirstOrThrow()).deletedAt).toBeNull()
  })

  it('whose spec names it only with the pod', async () => {
    const { uid } = await test.volume('data')
    const web = await pod('web', { volumes: [{ name: 'data', cinder: { volumeID: 'data' } }] })
    await test.attach(uid, web.uid)
    await expect(detach('data')).rejects.toMatchObject({ code: 'failed_precondition', message: expect.stringContaining('stands in the spec of the pod "web" in namespace "default": delete that pod, or force it') })
    expect(await rows()).toMatchObject([{ wanted: true }])
    await detach('data', { force: true })
    expect(await rows()).toMatchObject([{ wanted: false, forced: true }])
    expect(await test.db.pod.findFirstOrThrow()).toMatchObject({ deletedAt: expect.any(Date), graceSeconds: 0 })
  })

  it('that is named where several have it, and also where it is gone', async () => {
    const { uid } = await test.volume('data')
    const web = await pod('web')
    await test.attach(uid, web.uid, { readOnly: true, mounts: [] })
    const { podUid } = await test.attach(uid, undefined, { readOnly: true })
    await expect(detach('data')).rejects.toMatchObject(at('pod', '2 pods have the volume "data": name one', 'invalid_input'))
    await detach('data', { podUid, force: true })
    await expect(detach('data', { pod: { name: 'other' } })).rejects.toMatchObject({ message: 'The pod "other" in namespace "default" does not have the volume "data".' })
    await test.volume('free')
    await expect(detach('free')).rejects.toMatchObject({ message: 'Nothing has the volume "free".' })
    await expect(detach('data', {}, test.bob)).rejects.toMatchObject({ code: 'not_found' })
  })
})

describe('what follows is told before it is done', () => {
  const texts = ({ consequences }: Awaited<ReturnType<typeof preview>>) => consequences.map(({ text }) => text)

  it('of a deletion, with what stays and until when', async () => {
    const { uid, revision } = await test.volume('data')
    await test.snapshot('monday', uid)
    await test.db.snapshotSchedule.create({ data: { tenantId: test.ann.tenantId, name: 'nightly', spec: { volumes: { names: ['data'] }, every: '1d', keep: { last: 3 } } } })
    await pod('later', { hostId: null, volumes: [{ name: 'data', cinder: { volumeID: 'data' } }] })
    const told = await preview({ name: 'data', verb: 'delete' })
    expect(told).toMatchObject({ problem: null, resourceVersion: String(revision) })
    expect(texts(told)).toEqual(['It can be restored with all that is on it for 24 hours. After that its 1 GiB are removed for good.', 'It counts against the quota until then.', 'Its 1 snapshot stays, and new volumes can be made of it: monday.', 'No more snapshots of it are taken by nightly.', 'Pods that name it do not start until it is restored: default/later.'])
    expect(await test.db.volume.findFirstOrThrow()).toMatchObject({ deletedAt: null, revision })
    await test.attach(uid)
    expect((await preview({ name: 'data', verb: 'delete' })).problem).toContain('cannot be deleted while it is used by a pod that is gone')
    await expect(preview({ name: 'data', verb: 'delete' }, test.bob)).rejects.toMatchObject({ code: 'not_found' })
  })

  it('of a detachment, with what is lost by force', async () => {
    const { uid } = await test.volume('data')
    const web = await pod('web', { volumes: [{ name: 'named', cinder: { volumeID: 'named' } }] })
    await test.attach(uid, web.uid, { mounts: [{ container: 'a', mountPath: '/data', readOnly: false }] })
    expect(texts(await preview({ name: 'data', verb: 'detach' }))).toEqual(['The pod "web" goes on without /data in a.', expect.stringContaining('What was written is on the volume')])
    expect(texts(await preview({ name: 'data', verb: 'detach', force: true }))).toEqual(['The pod "web" goes on without /data in a.', expect.stringContaining('is lost, as in a power cut'), expect.stringContaining('within 10 seconds, it is ended')])
    const named = await test.volume('named')
    await test.attach(named.uid, web.uid, { phase: 'Lost' })
    expect(await preview({ name: 'named', verb: 'detach' })).toMatchObject({ problem: expect.stringContaining('stands in the spec') })
    expect(texts(await preview({ name: 'named', verb: 'detach', force: true }))).toEqual(['The pod "web" names it in its spec, and is deleted: its 3 containers get no time to end.', expect.any(String), expect.any(String), expect.stringContaining('The host "h1" has not been heard of')])
    expect(await rows()).toMatchObject([{ wanted: true }, { wanted: true }])
    expect(await preview({ name: 'data', verb: 'detach', pod: { name: 'other' } })).toMatchObject({ consequences: [], problem: expect.stringContaining('does not have the volume') })
  })

  it('of growing, and why it cannot', async () => {
    const { uid } = await test.volume('data')
    const audited = await test.audits('Volume')
    expect(texts(await preview({ name: 'data', verb: 'grow', size: '2Gi' }))).toEqual(['It grows from 1 GiB to 2 GiB, and cannot shrink again.', 'Its file system is made with that size.', 'The tenant then has 2 GiB of its 1,000 GiB.'])
    await test.db.volume.updateMany({ data: { formatted: 'ext4' } })
    expect(texts(await preview({ name: 'data', verb: 'grow', size: '2Gi' }))[1]).toBe('Its file system grows when it is mounted next.')
    await test.attach(uid)
    expect(texts(await preview({ name: 'data', verb: 'grow', size: '2Gi' }))[1]).toBe('Its file system grows while the pod goes on.')
    expect(await preview({ name: 'data', verb: 'grow', size: '512Mi' })).toMatchObject({ consequences: [], problem: expect.stringContaining('it cannot shrink') })
    expect(await test.audits('Volume')).toEqual(audited)
  })
})

describe('a volume that is called otherwise', () => {
  const rename = (name: string, newName: string) => changeVolume(test.server, test.ann, updateVolumeInput.parse({ name, newName }))

  it('takes the schedules that name it with it', async () => {
    await test.volume('data')
    const schedule = (name: string, names: string[]) => test.db.snapshotSchedule.create({ data: { tenantId: test.ann.tenantId, name, spec: { volumes: { names }, every: '1d', keep: { last: 3 } } } })
    await schedule('nightly', ['other', 'data'])
    await schedule('weekly', ['other'])
    expect((await rename('data', 'files')).metadata.name).toBe('files')
    expect((await test.db.snapshotSchedule.findMany({ orderBy: { name: 'asc' } })).map(({ generation, spec }) => [generation, snapshotScheduleSpec.parse(spec).volumes.names])).toEqual([[2, ['other', 'files']], [1, ['other']]])
    expect((await test.audits('Volume')).slice(-1)).toEqual([['volume.update', 'data', 'called files, so in nightly']])
  })

  it('is not while a pod names it so; by its uid it may', async () => {
    const { uid } = await test.volume('data')
    await pod('byuid', { volumes: [{ name: 'data', cinder: { volumeID: uid } }] })
    const { uid: podUid } = await pod('byname', { volumes: [{ name: 'data', cinder: { volumeID: 'data' } }] })
    await expect(rename('data', 'files')).rejects.toMatchObject(at('newName', 'the pod "byname" in namespace "default" names the volume "data" in its spec'))
    await test.db.pod.delete({ where: { uid: podUid } })
    await rename('data', 'files')
  })
})

it('a pod\'s volumes are listed: those that it has, and those that it names', async () => {
  const { uid } = await test.volume('hot')
  await test.volume('named')
  await test.volume('other')
  const web = await pod('web', { volumes: [{ name: 'data', cinder: { volumeID: 'named' } }, { name: 'none', persistentVolumeClaim: { claimName: 'none' } }] })
  await test.attach(uid, web.uid, { mounts: [{ container: 'a', mountPath: '/data', readOnly: false }] })
  const list = async (name: string, scope = test.ann) => (await listVolumes(test.server, scope, listVolumesInput.parse({ pod: { name } }))).items
  expect((await list('web')).map(({ metadata, status }) => [metadata.name, status.attachments.map((one) => [one.hot, one.mounts.map(({ mountPath }) => mountPath)])])).toEqual([['hot', [[true, ['/data']]]], ['named', []]])
  await expect(list('nothing')).rejects.toMatchObject({ code: 'not_found' })
  await expect(list('web', test.bob)).rejects.toMatchObject({ code: 'not_found' })
})

it('a host is told which volume each of a pod\'s is, once it may open it', async () => {
  const { uid } = await test.volume('data')
  const web = await pod('web', { volumes: [{ name: 'data', cinder: { volumeID: 'data' } }] })
  const spec = podSpec.parse(web.spec)
  const told = async (hostId = test.hostId) => (await withVolumes(test.db, hostId, [{ uid: web.uid, spec }, { uid: otherHost, spec: podSpec.parse({ containers: spec.containers.slice(1) }) }] as Parameters<typeof withVolumes>[2])).map(({ volumes }) => volumes)
  expect(await told()).toEqual([[], undefined])
  const { uid: attachmentUid } = await test.attach(uid, web.uid, { epoch: 4n })
  expect(await told()).toEqual([[{ name: 'data', volumeUid: uid, attachmentUid, epoch: 4, readOnly: false }], undefined])
  expect(await told(otherHost)).toEqual([[], undefined])
})
