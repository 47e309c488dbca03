import { randomUUID } from 'node:crypto'
import { startTestServer } from '@/server/api/testing/server'
import { resolveScope } from '@/server/auth/authenticate'
import type { Scope } from '@/server/auth/scope'

const rbd = { kind: 'rbd', monitors: ['192.0.2.1:3300'], pool: 'p', user: 'u', networks: ['192.0.2.0/24'] }

/** A server with two tenants, a host and two stores: `local` (files, on that host's disk) and `ceph`, each with a class of its name. Rows are written as hosts and controllers would. */
export async function startVolumeServer() {
  const test = await startTestServer()
  const { db } = test
  const scopeOf = async (name: string): Promise<Scope> => {
    const { actor, tenant } = await test.signUp(name)
    const scope = await resolveScope(db, actor, tenant.slug, { requestId: 'test', address: '127.0.0.1' })
    if (!scope) throw new Error('no scope')
    return scope
  }
  const [ann, bob] = [await scopeOf('ann'), await scopeOf('bob')]
  const hostId = (await db.host.create({ data: { name: 'h1', publicKey: 'k', phase: 'Ready' } })).id
  const makeClass = async (name: string, spec: object) => {
    const { uid: storeId } = await db.volumeStore.create({ data: { name, spec } })
    const { uid: classId } = await db.storageClass.create({ data: { name, storeId, isDefault: name === 'local', spec: { store: name } } })
    return { storeId, classId }
  }
  const stores = { local: await makeClass('local', { kind: 'file', shared: false }), ceph: await makeClass('ceph', rbd) }

  /** A volume that is there, as its keeper reported; in the store `local` on the host's disk. */
  const volume = (name: string, data: object = {}, store: keyof typeof stores = 'local') =>
    db.volume.create({ data: { tenantId: ann.tenantId, name, spec: { size: '1Gi', storageClassName: store, accessMode: 'ReadWriteOnce', volumeMode: 'Filesystem', source: { kind: 'Blank' }, limits: {} }, sizeBytes: 1n << 30n, storedSizeBytes: 1n << 30n, storedPhase: 'Ready', homeHostId: store === 'local' ? hostId : null, ...stores[store], ...data } })
  const attach = (volumeUid: string, podUid: string = randomUUID(), data: object = {}) =>
    db.volumeAttachment.create({ data: { volumeUid, podUid, tenantId: ann.tenantId, name: 'data', phase: 'Attached', hostId, epoch: 1n, ...data } })
  const snapshot = (name: string, volumeUid: string | null, data: object = {}) =>
    db.volumeSnapshot.create({ data: { tenantId: ann.tenantId, name, spec: { source: { volumeName: 'data' }, consistency: 'CrashConsistent' }, volumeUid, storeId: stores.local.storeId, sizeBytes: 1n << 30n, phase: 'Ready', takenAt: new Date('2026-03-01T00:00:00Z'), ...data } })
  const pod = async (name: string) => db.pod.create({ data: { tenantId: ann.tenantId, namespace: 'default', name, spec: {}, networkId: (await db.network.findFirstOrThrow({ where: { tenantId: ann.tenantId } })).uid } })
  /** Removes what a test has made. */
  const clear = async () => {
    await db.volumeAttachment.deleteMany()
    await db.volumeSnapshot.deleteMany()
    await db.volume.deleteMany()
    await db.volumeClaim.deleteMany()
    await db.volumeUpload.deleteMany()
    await db.snapshotSchedule.deleteMany()
    await db.pod.deleteMany()
    await db.event.deleteMany()
    await db.tenant.updateMany({ data: { volumeQuota: null, volumeBytesQuota: null, snapshotQuota: null } })
    await db.host.updateMany({ data: { phase: 'Ready', lostAt: null } })
  }
  /** What of a kind was done, oldest first: action, name, detail. */
  const audits = async (kind: string) => (await db.auditEntry.findMany({ where: { tenantId: ann.tenantId, kind }, orderBy: { id: 'asc' } })).map(({ action, name, detail }) => [action, name, detail])
  /** What was told of volumes, oldest first: type, reason, message. */
  const events = async () => (await db.event.findMany({ where: { tenantId: ann.tenantId, objectKind: 'Volume' }, orderBy: { firstTimestamp: 'asc' } })).map(({ type, reason, message }) => `${type} ${reason}: ${message.replace(ann.actor.email, 'Ann')}`)
  return { ...test, ann, bob, hostId, stores, volume, attach, snapshot, pod, clear, audits, events }
}
