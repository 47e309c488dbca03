import { randomUUID } from 'node:crypto'
import { cp, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { logger } from '@/platform/logger'
import { snapshotController } from '@/server/control/controllers/volume/snapshots/controller'
import { FeedReader } from '@/server/store/feed-reader'
import { openDatabase, type DatabaseClient } from '@/server/store/database'
import { listAssignments } from '@/server/store/assignments'
import { migrateDeploy } from '@/server/store/migrate'
import { findClassOf, readVolumeUse } from '@/server/store/volumes'
import { ensureDefaultStore } from '@/server/services/volume-stores/default-store'
import { createEmptyDatabase, type TestDatabase } from '@/tools/testing/database'

const migrations = fileURLToPath(new URL('../../prisma/migrations', import.meta.url))

/** Migrates as a version did that had those of before this name alone. */
async function migrateBefore(url: string, name: string): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'migrations-'))
  try {
    for (const one of await readdir(migrations)) if (one < name) await cp(join(migrations, one), join(folder, one), { recursive: true })
    await migrateDeploy(url, folder)
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** What a version without volumes has stored of a pod, field by field. */
const container = { name: 'web', image: 'busybox', command: [], args: [], env: [], envFrom: [], resources: { limits: {}, requests: {} }, ports: [], volumeMounts: [{ name: 'cache', mountPath: '/cache', readOnly: false }], stdin: false, stdinOnce: false, tty: false, terminationMessagePath: '/dev/termination-log', terminationMessagePolicy: 'File' }

describe('an installation of before volumes', () => {
  const usual = { volumes: 7, bytes: 2 ** 30, snapshots: 9 }
  const tenantId = 'a'.repeat(32)
  const [hostId, podUid, networkId] = [randomUUID(), randomUUID(), randomUUID()]
  let database: TestDatabase
  let db: DatabaseClient
  let spec: Record<string, unknown>
  let applied: string[]

  beforeAll(async () => {
    database = await createEmptyDatabase()
    await migrateBefore(database.url, '20261127')
    const client = new pg.Client({ connectionString: database.url })
    await client.connect()
    try {
      await client.query('insert into "Tenant" ("id", "slug", "name") values ($1, $2, $2)', [tenantId, 'ann'])
      await client.query('insert into "Host" ("id", "name", "publicKey", "phase", "lastHeartbeat") values ($1, $2, $2, \'Ready\', now())', [hostId, 'h1'])
      await client.query('insert into "Network" ("uid", "tenantId", "name", "spec") values ($1, $2, $3, $4)', [networkId, tenantId, 'n', { subnets: {} }])
      const pod = { restartPolicy: 'Always', initContainers: [], containers: [container], volumes: [{ name: 'cache', emptyDir: { medium: '' } }] }
      await client.query('insert into "Pod" ("uid", "tenantId", "namespace", "name", "spec", "networkId", "hostId", "boundAt") values ($1, $2, \'default\', \'web\', $3, $4, $5, now())', [podUid, tenantId, pod, networkId, hostId])
      const document = { uid: podUid, tenantId, namespace: 'default', name: 'web', generation: 1, hostname: 'web', spec: pod, size: { vcpus: 1, memoryMiB: 64, scratchMiB: null }, network: { id: networkId, number: 1, name: 'n', cidr: '10.1.0.0/24', gateway: '10.1.0.1', outbound: 'nat', address: '10.1.0.2', prefixLength: 24, mac: '02:00:00:00:00:01', dns: [] }, deletion: null }
      await client.query('insert into "PodAssignment" ("podUid", "hostId", "document") values ($1, $2, $3)', [podUid, hostId, document])
      spec = pod
    } finally {
      await client.end()
    }
    applied = await migrateDeploy(database.url, migrations)
    db = openDatabase(database.url, 2)
  })
  afterAll(async () => {
    await db?.$disconnect()
    await database?.drop()
  })

  it('keeps its tenants, hosts and pods: nobody is given up, and no pod is another one to its host', async () => {
    expect(applied[0]).toBe('20261127000100_volumes')
    expect(await db.host.findUniqueOrThrow({ where: { id: hostId } })).toMatchObject({ phase: 'Ready', lostAt: null })
    expect(await db.pod.findUniqueOrThrow({ where: { uid: podUid } })).toMatchObject({ hostId, deletedAt: null, forced: false, spec })
    const [assigned] = await listAssignments(db, hostId)
    expect(assigned).toMatchObject({ uid: podUid })
    // An agent of before refuses a field that it does not know.
    expect(assigned?.spec.containers).toEqual([container])
    expect(assigned).not.toHaveProperty('volumes')
  })

  it('has the usual store and class from its next start on, once, and its tenants as much as the setting says', async () => {
    expect([await ensureDefaultStore(db), await ensureDefaultStore(db)]).toEqual([{ created: true }, { created: false }])
    expect(await db.$transaction((tx) => findClassOf(tx, undefined))).toMatchObject({ name: 'standard', store: { name: 'local' } })
    expect(await readVolumeUse(db, { tenantId }, usual)).toEqual({ used: { volumes: 0, bytes: 0, snapshots: 0 }, limits: usual })
  })

  it('tells of what changes of its hosts and pods as before', async () => {
    const last = async () => (await db.$queryRaw<{ kind: string }[]>`select "kind" from "Change" order by "seq" desc limit 1`)[0]?.kind
    await db.host.update({ where: { id: hostId }, data: { lostAt: new Date() } })
    expect(await last()).toBe('Host')
    const { revision } = await db.pod.findUniqueOrThrow({ where: { uid: podUid } })
    await db.objectCondition.create({ data: { objectUid: podUid, objectKind: 'Pod', type: 'VolumesAvailable', status: 'True', reason: '', message: '' } })
    expect((await db.pod.findUniqueOrThrow({ where: { uid: podUid } })).revision).toBeGreaterThan(revision)
  })
})

it('volumes of before have their claims\' labels, beside those that somebody set on them', async () => {
  const database = await createEmptyDatabase()
  const client = new pg.Client({ connectionString: database.url })
  try {
    await migrateBefore(database.url, '20261127000180')
    await client.connect()
    const [tenantId, storeId, classId] = ['b'.repeat(32), randomUUID(), randomUUID()]
    await client.query('insert into "Tenant" ("id", "slug", "name") values ($1, $2, $2)', [tenantId, 'bob'])
    await client.query('insert into "VolumeStore" ("uid", "name", "spec") values ($1, $2, $3)', [storeId, 'local', { kind: 'file' }])
    await client.query('insert into "StorageClass" ("uid", "name", "storeId", "spec") values ($1, $2, $3, $4)', [classId, 'standard', storeId, { store: 'local' }])
    const volume = async (name: string, labels: object, ofClaim: object | null) => {
      const claimUid = ofClaim && randomUUID()
      if (claimUid) await client.query('insert into "VolumeClaim" ("uid", "tenantId", "namespace", "name", "labels", "spec") values ($1, $2, \'default\', $3, $4, \'{}\')', [claimUid, tenantId, name, ofClaim])
      await client.query('insert into "Volume" ("uid", "tenantId", "name", "labels", "spec", "classId", "storeId", "sizeBytes", "claimUid") values ($1, $2, $3, $4, \'{}\', $5, $6, 1, $7)', [randomUUID(), tenantId, name, labels, classId, storeId, claimUid])
    }
    await volume('claimed', { tier: 'gold' }, { app: 'db', tier: 'silver' })
    await volume('plain', { tier: 'gold' }, {})
    await volume('free', { tier: 'gold' }, null)
    await migrateDeploy(database.url, migrations)
    const { rows } = await client.query('select "name", "labels", "claimLabels" from "Volume" order by "name"')
    expect(rows).toEqual([{ name: 'claimed', labels: { app: 'db', tier: 'gold' }, claimLabels: { app: 'db' } }, { name: 'free', labels: { tier: 'gold' }, claimLabels: {} }, { name: 'plain', labels: { tier: 'gold' }, claimLabels: {} }])
  } finally {
    await client.end()
    await database.drop()
  }
})

it('groups of snapshots of which one had failed before stand with what is Ready of them, and nobody is told anything of them', async () => {
  const database = await createEmptyDatabase()
  const client = new pg.Client({ connectionString: database.url })
  try {
    await migrateBefore(database.url, '20261127000190')
    await client.connect()
    const [tenantId, storeId, group] = ['c'.repeat(32), randomUUID(), randomUUID()]
    await client.query('insert into "Tenant" ("id", "slug", "name") values ($1, $2, $2)', [tenantId, 'cem'])
    await client.query('insert into "VolumeStore" ("uid", "name", "spec") values ($1, $2, $3)', [storeId, 'local', { kind: 'file' }])
    const uids = { Failed: randomUUID(), Ready: randomUUID() }
    for (const [phase, uid] of Object.entries(uids)) await client.query('insert into "VolumeSnapshot" ("uid", "tenantId", "name", "spec", "storeId", "groupUid", "phase", "sizeBytes") values ($1, $2, $3, \'{}\', $4, $5, $3, 1)', [uid, tenantId, phase, storeId, group])
    const changes = async () => (await client.query<{ count: string }>('select count(*) from "Change" where "kind" = \'VolumeSnapshot\'')).rows[0]?.count
    const before = await changes()
    await migrateDeploy(database.url, migrations)
    // A control plane of before, which may run still, gives up the group of one that failed whenever that changes.
    expect(await changes()).toBe(before)
    const db = openDatabase(database.url, 2)
    try {
      const log = logger('test')
      log.level = 'silent'
      const ctx = { db, log, feed: new FeedReader(db, database.url, () => {}) }
      for (const key of await snapshotController.allKeys(ctx)) await snapshotController.reconcile(ctx, key)
      await snapshotController.reconcile(ctx, `snapshot:${uids.Failed}`)
      expect(await db.volumeSnapshot.findMany({ select: { uid: true, phase: true, remains: true, endsGroup: true, deletedAt: true }, orderBy: { phase: 'asc' } })).toEqual([{ uid: uids.Failed, phase: 'Failed', remains: true, endsGroup: false, deletedAt: null }, { uid: uids.Ready, phase: 'Ready', remains: false, endsGroup: false, deletedAt: null }])
    } finally {
      await db.$disconnect()
    }
  } finally {
    await client.end()
    await database.drop()
  }
})
