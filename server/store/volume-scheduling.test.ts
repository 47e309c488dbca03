import { afterAll, beforeAll, expect, it } from 'vitest'
import { volumeSpec } from '@/domain/volume/spec'
import { createTestDatabase, type TestDatabase } from '@/tools/testing/database'
import { inTransaction, openDatabase, type DatabaseClient } from './database'
import { listHostStores } from './volume-scheduling'
import { listVolumeHosts } from './volume-world'

let database: TestDatabase
let db: DatabaseClient
const tenantId = 'a'.repeat(32)
const gib = 1n << 30n
const hosts: string[] = []
const stores: Record<'local' | 'shared', { storeId: string; classId: string }> = { local: { storeId: '', classId: '' }, shared: { storeId: '', classId: '' } }
beforeAll(async () => {
  database = await createTestDatabase()
  db = openDatabase(database.url)
  await db.tenant.create({ data: { id: tenantId, slug: 'ann', name: 'ann' } })
  for (let n = 0; n < 30; n += 1) hosts.push((await db.host.create({ data: { name: `h${n}`, publicKey: `h${n}`, phase: 'Ready' } })).id)
  for (const name of ['local', 'shared'] as const) {
    const { uid: storeId } = await db.volumeStore.create({ data: { name, spec: name === 'local' ? { kind: 'file' } : { kind: 'file', folder: '/srv', shared: true } } })
    for (const hostId of hosts) await db.volumeStoreHost.create({ data: { storeId, hostId, reachable: true, totalBytes: 100n * gib, freeBytes: 50n * gib } })
    stores[name] = { storeId, classId: (await db.storageClass.create({ data: { name, storeId, spec: { store: name } } })).uid }
  }
  const volume = (store: keyof typeof stores, name: string, data: object) => db.volume.create({ data: { tenantId, name, spec: volumeSpec.parse({ size: '10Gi' }), sizeBytes: 10n * gib, ...stores[store], ...data } })
  await volume('local', 'a', { homeHostId: hosts[0], hostId: hosts[0], epoch: 1n, storedPhase: 'Ready', storedBytes: 4n * gib })
  await volume('local', 'b', { homeHostId: hosts[1] })
  await volume('local', 'nowhere', {})
  await volume('local', 'failed', { homeHostId: hosts[0], storedPhase: 'Failed' })
  await volume('shared', 'c', { hostId: hosts[0], epoch: 1n, storedPhase: 'Ready', storedBytes: gib })
})
afterAll(async () => {
  await db.$disconnect()
  await database.drop()
})

const freeGib = (bytes: number | null | undefined) => (bytes ?? 0) / 2 ** 30

it('a host has room less what was promised on its disk, or in a store that all see to all, and is not written', async () => {
  const found = await listHostStores(db, [stores.local.storeId, stores.shared.storeId])
  const of = (store: keyof typeof stores) => hosts.slice(0, 3).map((id) => freeGib(found.get(id)?.get(stores[store].storeId)?.freeBytes))
  expect([of('local'), of('shared')]).toEqual([[43, 39, 49], [40, 40, 40]])
  const weighed = await listVolumeHosts(db, stores.local.storeId, [], true)
  expect(hosts.slice(0, 3).map((id) => freeGib(weighed.find((host) => host.id === id)?.freeBytes))).toEqual([43, 39, 49])
  expect((await listVolumeHosts(db, stores.local.storeId, hosts.slice(0, 1), false)).map(({ id }) => id)).toEqual(hosts.slice(0, 1))
})

it('that is summed once, however many hosts there are', async () => {
  const scanned = await inTransaction(db, async (tx) => {
    const scans = async () => (await tx.$queryRaw<{ scans: number }[]>`select (pg_stat_get_xact_numscans('"Volume"'::regclass) + (select coalesce(sum(pg_stat_get_xact_numscans("indexrelid")), 0) from pg_index where "indrelid" = '"Volume"'::regclass))::int as "scans"`)[0]?.scans ?? 0
    const before = await scans()
    await listHostStores(tx, [stores.local.storeId])
    return (await scans()) - before
  })
  expect([scanned > 0, scanned < 5]).toEqual([true, true])
})
