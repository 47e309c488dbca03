import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { VolumeFigures } from '@/contracts/host/v1/figures'
import { volumeSpec } from '@/domain/volume/spec'
import { startTestServer } from '@/server/api/testing/server'
import { resolveScope } from '@/server/auth/authenticate'
import type { Scope } from '@/server/auth/scope'
import { exportMetrics } from '@/server/services/figures/export-metrics'
import { volumeFigures } from '@/server/services/figures/volume-figures'
import { rollFigures, storeFigures } from './figures'
import { registerHost } from './hosts'

let server: Awaited<ReturnType<typeof startTestServer>>
let ann: Awaited<ReturnType<typeof server.signUp>>
let [scope, foreign]: Scope[] = []
let hosts: string[]
let uid: string
const t0 = Date.parse('2026-03-01T00:00:00Z')
const at = (seconds: number) => new Date(t0 + seconds * 1000)
const did = (over: Partial<VolumeFigures> = {}): VolumeFigures => ({ volumeUid: uid, ageMs: 0, intervalMs: 10_000, readBytes: 40_960, writtenBytes: 10_000, readOperations: 20, writeOperations: 5, readMicroseconds: 40_000, writeMicroseconds: 50_000, storedBytes: 4096, ...over })
const send = (host: number, second: number, volumes: VolumeFigures[]) => storeFigures(server.db, hosts[host] ?? '', { host: null, pods: [], volumes }, at(second))
const read = (second: number, over: { range?: '1h' | '24h' } = {}, who = scope) => {
  if (!who) throw new Error('no scope')
  return volumeFigures(server.context(null), who, { name: 'data', range: '1h', ...over }, at(second))
}

beforeAll(async () => {
  server = await startTestServer()
  ann = await server.signUp('ann')
  const bob = await server.signUp('bob')
  for (const who of [ann, bob]) {
    const found = await resolveScope(server.db, who.actor, who.tenant.slug)
    if (!found) throw new Error('no scope')
    if (scope) foreign = found
    else scope = found
  }
  hosts = [(await registerHost(server.db, 'h1', 'key1')).id, (await registerHost(server.db, 'h2', 'key2')).id]
  const { uid: storeId } = await server.db.volumeStore.create({ data: { name: 'files', spec: { kind: 'file', shared: false } } })
  const { uid: classId } = await server.db.storageClass.create({ data: { name: 'standard', storeId, spec: { store: 'files' } } })
  uid = (await server.db.volume.create({ data: { tenantId: ann.tenant.id, name: 'data', spec: volumeSpec.parse({ size: '1Gi' }), sizeBytes: 1n << 30n, storeId, classId, hostId: hosts[0], epoch: 1n } })).uid
  await server.db.volumeStoreHost.create({ data: { storeId, hostId: hosts[0] ?? '', reachable: true, totalBytes: 1000n, freeBytes: 400n } })
})
afterAll(() => server.stop())

it('what a volume does is kept of the hosts that keep or read it, and told to its tenant', async () => {
  expect(await read(0)).toMatchObject({ times: [], totals: { reads: 0 } })
  expect(await send(0, 10, [did(), did({ volumeUid: randomUUID() })])).toBe(1)
  expect(await send(1, 10, [did()]), 'a host that has nothing of it').toBe(0)
  expect(await read(20)).toMatchObject({
    times: [at(10).toISOString()], readBytesPerSecond: [4096], writtenBytesPerSecond: [1000], readsPerSecond: [2], writesPerSecond: [0.5], readMilliseconds: [2], writeMilliseconds: [10], storedBytes: [4096], totals: { readBytes: 40_960, writtenBytes: 10_000, reads: 20, writes: 5 },
  })
  await expect(read(20, {}, foreign)).rejects.toThrow('data')
  await expect(ann.caller.figures.volume({ tenant: ann.tenant.slug, name: 'nothing' })).rejects.toThrow('nothing')
  await server.db.volumeAttachment.create({ data: { volumeUid: uid, podUid: randomUUID(), tenantId: ann.tenant.id, name: 'v', readOnly: true, hostId: hosts[1], epoch: 1n, phase: 'Attached' } })
  expect(await send(1, 20, [did({ readOperations: 0, readMicroseconds: 0, writeOperations: null, storedBytes: null })])).toBe(1)
  expect(await read(30)).toMatchObject({ readMilliseconds: [2, null], writesPerSecond: [0.5, null], storedBytes: [4096, null] })
})

it('is the same rolled', async () => {
  while ((await rollFigures(server.db, at(3600))) > 0);
  expect(await read(3600, { range: '24h' })).toMatchObject({ times: [at(0).toISOString()], totals: { reads: 20, writes: 5 }, readMilliseconds: [2], storedBytes: [4096] })
})

it('is told to Prometheus as of now, with how full stores are', async () => {
  await storeFigures(server.db, hosts[0] ?? '', { host: null, pods: [], volumes: [did()] })
  const told = { podUid: randomUUID(), epoch: 1, phase: 'Attached', reason: '', message: '', device: '/dev/vdc', usedBytes: 95, fsBytes: 100, paused: false, transport: 'direct' }
  await server.db.volume.update({ where: { uid }, data: { report: { epoch: 1, attachments: [{ ...told, fsBytes: null, usedBytes: null }, told] } } })
  const text = await exportMetrics(server.context(null))
  expect(text).toContain('hypernetes_volume_filesystem_total_bytes{tenant="ann",volume="data",host="h1"} 100')
  expect(text).toContain('hypernetes_volume_filesystem_used_bytes{tenant="ann",volume="data",host="h1"} 95')
  expect(text).toContain('hypernetes_volume_reads_per_second{tenant="ann",volume="data",host="h1"} 2')
  expect(text).toContain('hypernetes_volume_write_seconds{tenant="ann",volume="data",host="h1"} 0.01')
  expect(text).toContain('hypernetes_volume_store_reachable{store="files",host="h1"} 1')
  expect(text).toContain('hypernetes_volume_store_free_bytes{store="files",host="h1"} 400')
})
