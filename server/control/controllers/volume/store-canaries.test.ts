import { afterAll, beforeAll, expect, it } from 'vitest'
import type { VolumeReport } from '@/contracts/host/v1/volumes'
import { storeTrouble } from '@/domain/volume/store-trouble'
import { appRouter } from '@/server/api/root'
import { inputs, spec } from '@/server/api/testing/procedure-inputs'
import { startTestServer } from '@/server/api/testing/server'
import type { ProcedureMeta } from '@/server/api/trpc'
import { inTransaction } from '@/server/store/database'
import { storeSnapshotReport, storeVolumeReport } from '@/server/store/volume-reports'
import { createVolumeControllers } from './controller'

const canaries = { pool: 'canary-pool', monitor: '198.51.100.77', user: 'canary-user', network: '198.51.100.64', folder: '/srv/canary-folder' }
const stores = {
  ceph: { spec: { kind: 'rbd', monitors: [`${canaries.monitor}:3300`], pool: canaries.pool, user: canaries.user, networks: [`${canaries.network}/26`] }, said: `The store tested could not do rbd create: look at its monitors (no answer from v2:${canaries.monitor}:3300 for client.${canaries.user} in ${canaries.pool}/ns, ${canaries.network}/26).` },
  files: { spec: { kind: 'file', folder: canaries.folder, shared: true }, said: `write ${canaries.folder}/volumes/1.qcow2: the disk does not answer` },
}

let server: Awaited<ReturnType<typeof startTestServer>>
beforeAll(async () => { server = await startTestServer() })
afterAll(() => server.stop())

const read = Object.entries(appRouter._def.procedures as unknown as Record<string, { _def: { type: string; meta?: ProcedureMeta } }>).flatMap(([path, { _def: { type, meta } }]) => (type === 'query' && (meta?.rung === 'tenant' || meta?.rung === 'signedIn') ? [path] : []))

/** What a procedure answers, or how it refuses. */
async function answer(caller: unknown, path: string, input: unknown): Promise<string> {
  const call = path.split('.').reduce((at, key) => (at as Record<string, unknown>)[key], caller)
  return JSON.stringify(await (call as (input: unknown) => Promise<unknown>)(input).catch((error: unknown) => String(error))) ?? ''
}

async function failed(kind: keyof typeof stores) {
  const { db } = server
  const ann = await server.signUp(kind)
  const tenant = ann.tenant.slug
  const { id: hostId } = await db.host.create({ data: { name: `host-of-${kind}`, publicKey: kind, phase: 'Ready' } })
  const { uid: storeId } = await db.volumeStore.create({ data: { name: kind, spec: stores[kind].spec } })
  await db.volumeStoreHost.create({ data: { storeId, hostId, reachable: false, message: stores[kind].said } })
  const { uid: classId } = await db.storageClass.create({ data: { name: kind, storeId, spec: { store: kind } } })
  await ann.caller.volume.create({ tenant, name: 'data', spec: { size: '1Gi', storageClassName: kind } })
  await ann.caller.volumeClaim.create({ tenant, name: 'data', spec: { accessModes: ['ReadWriteOnce'], storageClassName: kind, resources: { requests: { storage: '1Gi' } } } })
  const { uid } = await db.volume.findFirstOrThrow({ where: { name: 'data', classId } })
  await db.volume.update({ where: { uid }, data: { hostId, epoch: 1n } })
  const pod = await ann.caller.pod.create({ tenant, name: 'web', spec })
  await db.pod.update({ where: { uid: pod.metadata.uid }, data: { hostId } })
  await db.volumeAttachment.create({ data: { volumeUid: uid, podUid: pod.metadata.uid, tenantId: ann.tenant.id, name: 'data', phase: 'Attaching', hostId, epoch: 1n } })
  const snapshot = await db.volumeSnapshot.create({ data: { tenantId: ann.tenant.id, name: 'before', spec: { source: { volumeName: 'data' }, consistency: 'CrashConsistent' }, volumeUid: uid, storeId, sizeBytes: 1n << 30n, phase: 'Taking' } })
  const trouble = { reason: 'Unreachable', message: stores[kind].said }
  const report: VolumeReport = { kind: 'volume', uid, epoch: 1, phase: 'Creating', ...trouble, attachments: [{ podUid: pod.metadata.uid, epoch: 1, phase: 'Failed', ...trouble, device: null, usedBytes: null, fsBytes: null, paused: true, transport: 'direct' }] }
  await inTransaction(db, (tx) => storeVolumeReport(tx, hostId, report))
  await inTransaction(db, (tx) => storeSnapshotReport(tx, hostId, { kind: 'snapshot', uid: snapshot.uid, epoch: 0, phase: 'Failed', ...trouble }))
  const [controller] = createVolumeControllers({ steady: () => 0 })
  for (const key of [`volume:${uid}`, `pod:${pod.metadata.uid}`]) await controller?.reconcile({ db, log: server.server.log, feed: server.server.feed }, key)
  return { ann, uid }
}

it.each(['ceph', 'files'] as const)('nothing that a tenant can read says where its store is (%s), whatever a host passes on of it; operators read all of it', async (kind) => {
  const { ann, uid } = await failed(kind)
  const answers = new Map<string, string>()
  for (const path of read) answers.set(path, await answer(ann.caller, path, { tenant: ann.tenant.slug, ...inputs[path] }))
  const told = storeTrouble('Unreachable')
  for (const path of ['volume.get', 'volume.list', 'volumeSnapshot.get', 'event.list']) expect(answers.get(path), path).toContain(told)
  for (const [path, text] of answers) for (const canary of Object.values(canaries)) expect(text, path).not.toContain(canary)
  const conditions = await server.db.objectCondition.findMany({ where: { objectUid: uid } })
  expect(JSON.stringify([conditions, await server.db.event.findMany({ where: { tenantId: ann.tenant.id } })])).not.toMatch(/canary|198\.51\.100/)
  const operator = server.callerOf({ ...ann.actor, operator: true, kind: 'session', tenantId: null })
  expect((await operator.volumeStore.get({ name: kind })).status.hosts.map(({ message }) => message)).toEqual([stores[kind].said])
})
