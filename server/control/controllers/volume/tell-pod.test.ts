import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { networkSpec } from '@/domain/network/spec'
import { volumeSpec } from '@/domain/volume/spec'
import { openDatabase, type DatabaseClient } from '@/server/store/database'
import { createTestDatabase, type TestDatabase } from '@/tools/testing/database'
import { PodVerdicts } from './pod-verdicts'
import { tellPod } from './tell-pod'

let database: TestDatabase
let db: DatabaseClient
const tenantId = 'a'.repeat(32)
let hostId = ''
let podUid = ''
let volumeUid = ''
beforeAll(async () => {
  database = await createTestDatabase()
  db = openDatabase(database.url)
  await db.tenant.create({ data: { id: tenantId, slug: 'ann', name: 'ann' } })
  const { uid: networkId } = await db.network.create({ data: { tenantId, name: 'main', spec: networkSpec.parse({ subnets: { a: { cidr: '10.9.0.0/24' } } }) } })
  hostId = (await db.host.create({ data: { name: 'h1', publicKey: 'h1', phase: 'Ready' } })).id
  const { uid: storeId } = await db.volumeStore.create({ data: { name: 'files', spec: { kind: 'file' } } })
  const { uid: classId } = await db.storageClass.create({ data: { name: 'files', storeId, spec: { store: 'files' } } })
  const { uid: claimUid } = await db.volumeClaim.create({ data: { tenantId, namespace: 'default', name: 'logs', spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } }, deletedAt: new Date() } })
  volumeUid = (await db.volume.create({ data: { tenantId, name: 'of-logs', spec: volumeSpec.parse({ size: '1Gi' }), sizeBytes: 1n << 30n, storeId, classId, claimUid, storedPhase: 'Ready', hostId, homeHostId: hostId, epoch: 1n } })).uid
  const spec = { containers: [{ name: 'a', image: 'busybox', volumeMounts: [{ name: 'logs', mountPath: '/logs' }] }], volumes: [{ name: 'logs', persistentVolumeClaim: { claimName: 'logs' } }] }
  podUid = (await db.pod.create({ data: { tenantId, namespace: 'default', name: 'web', networkId, hostId, spec } })).uid
  await db.podReference.create({ data: { podUid, tenantId, namespace: 'default', kind: 'PersistentVolumeClaim', name: 'logs', optional: false } })
})
afterAll(async () => {
  await db.$disconnect()
  await database.drop()
})
beforeEach(async () => {
  await db.volumeAttachment.deleteMany()
  await db.objectCondition.deleteMany()
  await db.event.deleteMany()
})

const verdicts = new PodVerdicts()
/** What the pod and its events say once its volume is so far. */
async function told(phase: 'Attached' | 'Waiting' | null): Promise<unknown[]> {
  if (phase) await db.volumeAttachment.create({ data: { tenantId, podUid, volumeUid, name: 'logs', phase, ...(phase === 'Attached' && { hostId, epoch: 1n }) } })
  verdicts.note(volumeUid, phase === 'Attached' ? [{ podUid, status: 'True', reason: 'Attached', message: 'Volume "of-logs" is attached.' }] : [])
  await tellPod(db, podUid, verdicts)
  const { status, reason } = await db.objectCondition.findUniqueOrThrow({ where: { objectUid_type: { objectUid: podUid, type: 'VolumesAvailable' } } })
  return [`${status}/${reason}`, (await db.event.findMany({ where: { objectUid: podUid } })).map(({ reason: why }) => why)]
}

it('a pod that has the volume of a claim that is deleted keeps it, and is warned of nothing', async () => {
  expect(await told('Attached')).toEqual(['True/Attached', []])
})
it.each(['Waiting', null] as const)('a pod that has it not yet (%s) is told to name another one', async (phase) => {
  expect(await told(phase)).toEqual(['False/ClaimDeleted', ['ClaimDeleted']])
})
