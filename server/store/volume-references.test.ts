import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { podReferences } from '@/domain/pod/references'
import { podSpec } from '@/domain/pod/spec'
import { volumeSpec } from '@/domain/volume/spec'
import { createTestDatabase } from '@/tools/testing/database'
import { inTransaction, openDatabase, type DatabaseClient, type Transaction } from './database'
import { findPodConfiguration } from './pod-configuration'
import { podsNaming, resolvePodVolumes, volumesOfPod } from './volume-references'

let database: Awaited<ReturnType<typeof createTestDatabase>>
let db: DatabaseClient
const [ann, bob] = ['a'.repeat(32), 'b'.repeat(32)] as const
const network: Record<string, string> = {}
let store = { classId: '', storeId: '' }
beforeAll(async () => {
  database = await createTestDatabase()
  db = openDatabase(database.url)
  for (const id of [ann, bob]) {
    await db.tenant.create({ data: { id, slug: id.slice(0, 3), name: id } })
    network[id] = (await db.network.create({ data: { tenantId: id, name: 'default', spec: { subnets: { a: { cidr: '10.0.0.0/24' } } } } })).uid
    await db.namespace.create({ data: { tenantId: id, name: 'default', spec: {} } })
  }
  const { uid: storeId } = await db.volumeStore.create({ data: { name: 'local', spec: { kind: 'file', shared: false } } })
  const { uid: classId } = await db.storageClass.create({ data: { name: 'standard', storeId, isDefault: true, spec: { store: 'local' } } })
  store = { classId, storeId }
})
afterAll(async () => {
  await db.$disconnect()
  await database.drop()
})
beforeEach(async () => {
  await db.volumeAttachment.deleteMany()
  await db.volume.deleteMany()
  await db.volumeClaim.deleteMany()
  await db.pod.deleteMany()
})

const volume = (name: string, { spec, ...data }: { spec?: object; tenantId?: string; deletedAt?: Date; claimUid?: string; formatted?: string } = {}) =>
  db.volume.create({ data: { tenantId: ann, name, spec: volumeSpec.parse({ size: '1Gi', storageClassName: 'standard', ...spec }), sizeBytes: 1n << 30n, ...store, ...data } })
const claim = (name: string, data: object = {}) => db.volumeClaim.create({ data: { tenantId: ann, namespace: 'default', name, spec: {}, ...data } })
/** A pod with these volumes, each mounted or given as a device. */
async function pod(volumes: object[], { tenantId = ann, device = false, hostId = null as string | null } = {}) {
  const named = volumes.map((one, i) => ({ name: `v${i}`, ...one }))
  const uses = device ? { volumeDevices: named.map(({ name }) => ({ name, devicePath: `/dev/${name}` })) } : { volumeMounts: named.map(({ name }) => ({ name, mountPath: `/${name}` })) }
  const spec = podSpec.parse({ containers: [{ name: 'a', image: 'busybox', ...uses }], volumes: named })
  const row = await db.pod.create({ data: { tenantId, namespace: 'default', name: `p-${randomUUID()}`, spec, networkId: network[tenantId] ?? '', hostId } })
  await db.podReference.createMany({ data: podReferences(spec).map((reference) => ({ ...reference, podUid: row.uid, tenantId, namespace: 'default' })) })
  return { uid: row.uid, tenantId, namespace: 'default', spec }
}
const cinder = (volumeID: string, more: object = {}) => ({ cinder: { volumeID, ...more } })
const claimed = (claimName: string) => ({ persistentVolumeClaim: { claimName } })
/** What the volumes of one pod are: `name of the volume`, or the reason why it has none. */
async function resolved(...args: Parameters<typeof pod>): Promise<string[]> {
  const one = await pod(...args)
  return ((await resolvePodVolumes(db, [one])).get(one.uid) ?? []).map(({ volume, problem }) => problem?.reason ?? volume?.name ?? '')
}

/** How many pages of the table of references and its indexes were read in this session so far. */
async function pagesRead(tx: Transaction): Promise<number> {
  const [row] = await tx.$queryRaw<{ pages: number }[]>`select (pg_stat_get_xact_blocks_fetched('"PodReference"'::regclass) + (select sum(pg_stat_get_xact_blocks_fetched("indexrelid")) from pg_index where "indrelid" = '"PodReference"'::regclass))::int as "pages"`
  return row?.pages ?? 0
}

it('the pods that name a volume are found by an index, however many name others', async () => {
  const one = await volume('data')
  const naming = await pod([cinder('data')])
  await db.pod.createMany({ data: Array.from({ length: 2000 }, (_, i) => ({ tenantId: ann, namespace: 'default', name: `many-${i}`, spec: {}, networkId: network[ann] ?? '' })) })
  await db.$executeRaw`insert into "PodReference" ("podUid", "tenantId", "namespace", "kind", "name", "optional") select p."uid", md5(p."uid"::text), p."namespace", 'Volume', 'v' || n || p."uid", false from "Pod" p, generate_series(1, 5) n where p."name" like 'many-%'`
  await db.$executeRaw`analyze "PodReference"`
  await db.$executeRaw`analyze "Pod"`
  const pages = await inTransaction(db, async (tx) => {
    const before = await pagesRead(tx)
    expect((await podsNaming(tx, { ...one, claim: null })).map(({ uid }) => uid)).toEqual([naming.uid])
    return (await pagesRead(tx)) - before
  })
  expect([pages > 0, pages < 30], String(pages)).toEqual([true, true])
})

describe('the volumes of a pod', () => {
  it('are found by uid, by name and by claim, each in the pod\'s own tenant', async () => {
    const { uid } = await volume('data')
    const held = await claim('logs')
    await volume('of-claim', { claimUid: held.uid })
    const theirs = await volume('theirs', { tenantId: bob })
    expect(await resolved([cinder(uid), cinder('of-claim'), cinder('theirs'), cinder(theirs.uid)])).toEqual(['data', 'of-claim', 'VolumeNotFound', 'VolumeNotFound'])
    expect(await resolved([cinder('data'), claimed('logs')])).toEqual(['data', 'of-claim'])
    expect(await resolved([cinder('data'), claimed('logs')], { tenantId: bob })).toEqual(['VolumeNotFound', 'ClaimNotFound'])
    const [first, second] = [await pod([cinder('data')]), await pod([claimed('logs')])]
    expect([...(await resolvePodVolumes(db, [first, second, await pod([])])).keys()]).toEqual([first.uid, second.uid])
  })

  it('are the one that has a name now, and a uid counts before a name', async () => {
    await volume('data', { deletedAt: new Date() })
    expect(await resolved([cinder('data')])).toEqual(['VolumeDeleted'])
    const { uid } = await volume('data')
    await volume(uid)
    const one = await pod([cinder('data'), cinder(uid)])
    expect((await resolvePodVolumes(db, [one])).get(one.uid)?.map(({ volume, problem }) => [volume?.uid, problem?.reason])).toEqual([[uid, undefined], [uid, 'VolumeNamedTwice']])
  })

  it('wait for a claim that has none, and for one that goes', async () => {
    await claim('new')
    const going = await claim('going', { deletedAt: new Date() })
    await volume('going', { claimUid: going.uid })
    expect(await resolved([claimed('new'), claimed('going'), claimed('none')])).toEqual(['ClaimPending', 'ClaimDeleted', 'ClaimNotFound'])
  })

  it('are used as what they are', async () => {
    await volume('fs')
    await volume('raw', { spec: { volumeMode: 'Block' } })
    await volume('xfs', { formatted: 'xfs' })
    await volume('wish', { spec: { fsType: 'xfs' } })
    expect(await resolved([cinder('raw'), cinder('fs', { fsType: 'xfs' }), cinder('xfs', { fsType: 'ext4' }), cinder('wish', { fsType: 'ext4' })])).toEqual(['VolumeModeMismatch', 'FilesystemMismatch', 'FilesystemMismatch', 'FilesystemMismatch'])
    expect(await resolved([cinder('fs', { fsType: 'ext4' }), cinder('xfs', { fsType: 'xfs' }), cinder('wish', { fsType: 'xfs' })])).toEqual(['fs', 'xfs', 'wish'])
    await volume('copy', { spec: { source: { kind: 'Snapshot', name: 's' } } })
    expect(await resolved([cinder('copy', { fsType: 'xfs' })])).toEqual(['copy'])
    await volume('sent', { spec: { fsType: 'xfs', source: { kind: 'Upload', uploadId: '00000000-0000-4000-8000-000000000000' } } })
    expect(await resolved([cinder('sent', { fsType: 'ext4' })])).toEqual(['sent'])
    expect(await resolved([cinder('raw'), cinder('fs')], { device: true })).toEqual(['raw', 'VolumeModeMismatch'])
    await volume('shared', { spec: { accessMode: 'ReadOnlyMany', source: { kind: 'Snapshot', name: 's' } } })
    const one = await pod([cinder('shared'), cinder('fs', { readOnly: true }), cinder('wish')])
    expect((await resolvePodVolumes(db, [one])).get(one.uid)?.map(({ readOnly }) => readOnly)).toEqual([true, true, false])
  })

  it('are no configuration of it', async () => {
    const one = await pod([cinder('data'), { configMap: { name: 'settings' } }])
    expect((await findPodConfiguration(db, one.uid))?.objects.map(({ kind, name }) => `${kind}/${name}`)).toEqual(['ConfigMap/settings'])
    expect(await findPodConfiguration(db, (await pod([cinder('data')])).uid)).toBeNull()
  })

  it('say which pods name them, and which a pod has', async () => {
    const held = await claim('data')
    const { uid } = await volume('data', { claimUid: held.uid })
    const other = await volume('other')
    const pods = [await pod([cinder('data')]), await pod([cinder(uid)]), await pod([claimed('data'), cinder('other')])]
    await pod([cinder('data')], { tenantId: bob })
    await pod([cinder('other')])
    const found = await podsNaming(db, { uid, tenantId: ann, name: 'data', claim: { namespace: 'default', name: 'data' } })
    expect(found.map((one) => [one.uid, one.volumes.map(({ name }) => name)])).toEqual(pods.map((one) => [one.uid, ['v0']]))
    expect((await volumesOfPod(db, pods[2]?.uid ?? '')).sort()).toEqual([uid, other.uid].sort())
    const gone = randomUUID()
    await db.volumeAttachment.create({ data: { volumeUid: uid, podUid: gone, tenantId: ann, name: 'data' } })
    expect(await volumesOfPod(db, gone)).toEqual([uid])
  })
})
