import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { PodFigures, Usage } from '@/contracts/host/v1/figures'
import { figureRange } from '@/domain/figures/levels'
import { startTestServer } from '@/server/api/testing/server'
import { resolveScope } from '@/server/auth/authenticate'
import type { Scope } from '@/server/auth/scope'
import { podFigures } from '@/server/services/figures/pod-figures'
import { findPodSeries, pruneFigures, readFigures, rollFigures, storeFigures } from './figures'
import { topFleetPods, topHosts, topPods } from './figures-top'
import { registerHost } from './hosts'

let server: Awaited<ReturnType<typeof startTestServer>>
let ann: Awaited<ReturnType<typeof server.signUp>>
let bob: Awaited<ReturnType<typeof server.signUp>>
let host: string
let elsewhere: string
const scopes = new Map<string, Scope>()
const scopeOf = (person: typeof ann) => scopes.get(person.tenant.id)!
const t0 = Date.parse('2026-03-01T00:00:00Z')
const at = (seconds: number) => new Date(t0 + seconds * 1000)

beforeAll(async () => {
  server = await startTestServer()
  ann = await server.signUp('ann')
  bob = await server.signUp('bob')
  for (const person of [ann, bob]) scopes.set(person.tenant.id, (await resolveScope(server.db, person.actor, person.tenant.slug))!)
  host = (await registerHost(server.db, 'h1', 'key1')).id
  elsewhere = (await registerHost(server.db, 'h2', 'key2')).id
})
afterAll(() => server.stop())

const usage = (over: Partial<Usage> = {}): Usage => ({ cpuMicroseconds: 1_000_000, memoryBytes: 100, readBytes: 10, writtenBytes: 20, receivedBytes: 30, sentBytes: 40, diskUsedBytes: 50, ...over })
const figures = (podUid: string, over: Partial<PodFigures> = {}): PodFigures => ({ podUid, ageMs: 0, intervalMs: 10_000, vm: usage(), containers: [], ...over })

async function pod(person: typeof ann, name: string, hostId = host): Promise<string> {
  await person.caller.pod.create({ tenant: person.tenant.slug, name, spec: { containers: [{ name: 'a', image: 'busybox' }] } })
  return (await server.db.pod.update({ where: { tenantId_namespace_name: { tenantId: person.tenant.id, namespace: 'default', name } }, data: { hostId, boundAt: new Date() } })).uid
}

describe('figures that a host sends', () => {
  it('are kept for its own pods alone, at the time that they were measured', async () => {
    const own = await pod(ann, 'own')
    const foreign = await pod(ann, 'foreign', elsewhere)
    const stored = await storeFigures(server.db, host, { host: null, pods: [figures(own, { ageMs: 2500, containers: [{ name: 'a', ...usage() }] }), figures(foreign), figures(randomUUID())] }, at(0))
    expect(stored).toBe(2)
    const rows = await server.db.figure.findMany({ where: { seriesId: { in: (await findPodSeries(server.db, scopeOf(ann), 'default', 'own')).map((s) => s.id) } } })
    expect(rows.map((row) => row.at)).toEqual([at(-2.5), at(-2.5)])
    expect(await findPodSeries(server.db, scopeOf(ann), 'default', 'foreign')).toEqual([])
    expect(await findPodSeries(server.db, scopeOf(bob), 'default', 'own')).toEqual([])
  })

  it('are told twice without being counted twice', async () => {
    const uid = await pod(ann, 'twice')
    expect(await storeFigures(server.db, host, { host: null, pods: [figures(uid)] }, at(5))).toBe(1)
    expect(await storeFigures(server.db, host, { host: null, pods: [figures(uid)] }, at(5))).toBe(0)
  })
})

describe('figures over 40 days', () => {
  const cpu = (second: number) => 1_000_000 + (second % 977) * 1000
  const memory = (second: number) => 1000 + (second % 1009)
  /** One interval every 10 s of the hours named; the rest is a gap. */
  const hours = [0, 1, 2, 5]
  const seconds = hours.flatMap((hour) => Array.from({ length: 360 }, (_, i) => hour * 3600 + (i + 1) * 10 - 5))
  const between = (from: number, to: number) => seconds.filter((second) => second >= from && second < to)
  const total = (list: number[], of: (second: number) => number) => list.reduce((sum, second) => sum + of(second), 0)
  let uid: string
  let series: number

  beforeAll(async () => {
    uid = await pod(ann, 'long')
    const vm = (second: number) => usage({ cpuMicroseconds: cpu(second), memoryBytes: second % 60 < 10 ? null : memory(second) })
    for (let half = 0; half < 12; half += 1) {
      const end = (half + 1) * 1800
      await storeFigures(server.db, host, { host: null, pods: between(half * 1800, end).map((second) => figures(uid, { ageMs: (end - second) * 1000, vm: vm(second) })) }, at(end))
      // The controller comes by as it likes: here what is not rolled yet is sometimes a minute and sometimes an hour.
      if (half % 3 !== 1) await rollFigures(server.db, at(end))
    }
    series = (await findPodSeries(server.db, scopeOf(ann), 'default', 'long'))[0]!.id
  })

  const rows = (resolution: number) => server.db.figure.findMany({ where: { seriesId: series, resolution }, orderBy: { at: 'asc' } })

  it('are rolled up exactly: sums are sums, maxima maxima, and a gap stays one', async () => {
    await rollFigures(server.db, at(7 * 3600))
    for (const resolution of [60, 600, 3600]) {
      const found = await rows(resolution)
      const expected = [...new Set(seconds.map((second) => Math.floor(second / resolution) * resolution))]
      expect(found.map((row) => (row.at.getTime() - t0) / 1000)).toEqual(expected)
      for (const row of found) {
        const from = (row.at.getTime() - t0) / 1000
        const inside = between(from, from + resolution)
        const measured = inside.filter((second) => second % 60 >= 10)
        expect(Number(row.cpuMicroseconds)).toBe(total(inside, cpu))
        expect(row.cpuPeakMilli).toBe(Math.max(...inside.map((second) => Math.floor(cpu(second) / 10_000))))
        expect(Number(row.coveredMs)).toBe(inside.length * 10_000)
        expect(row.samples).toBe(inside.length)
        expect(row.memorySamples).toBe(measured.length)
        expect(Number(row.memorySum)).toBe(total(measured, memory))
        expect(Number(row.memoryMax)).toBe(Math.max(...measured.map(memory)))
        expect(Number(row.sentBytes)).toBe(inside.length * 40)
        expect(Number(row.diskUsedMax)).toBe(50)
      }
    }
  })

  it('are rolled once, however often that is asked and by however many at a time', async () => {
    const before = await rows(3600)
    await Promise.all([server.db.$transaction((tx) => rollFigures(tx, at(7 * 3600))), server.db.$transaction((tx) => rollFigures(tx, at(7 * 3600))), server.db.$transaction((tx) => rollFigures(tx, at(6 * 3600)))])
    expect(await rows(3600)).toEqual(before)
  })

  it('are read whole from every range, rolled up or not', async () => {
    const now = at(6 * 3600 - 1)
    for (const range of ['6h', '24h', '7d', '30d'] as const) {
      const found = await readFigures(server.db, [series], figureRange[range], now)
      expect(found.reduce((sum, row) => sum + Number(row.cpuMicroseconds), 0), range).toBe(total(seconds, cpu))
      expect(Math.max(...found.map((row) => row.cpuPeakMilli ?? 0)), range).toBe(Math.max(...seconds.map((second) => Math.floor(cpu(second) / 10_000))))
    }
    const raw = await readFigures(server.db, [series], figureRange['1h'], now)
    expect(raw.map((row) => (row.at.getTime() - t0) / 1000)).toEqual(between(5 * 3600 - 1, 6 * 3600))
    // Just after the last sample nothing of the last minute is rolled yet.
    const fresh = await pod(ann, 'fresh')
    await storeFigures(server.db, host, { host: null, pods: [figures(fresh)] }, at(8 * 3600))
    const [own] = await findPodSeries(server.db, scopeOf(ann), 'default', 'fresh')
    for (const range of ['1h', '6h', '24h', '7d', '30d'] as const) expect(await readFigures(server.db, [own!.id], figureRange[range], at(8 * 3600 + 5)), range).toHaveLength(1)
  })

  it('fall in resolution as they age, and end after 30 days', async () => {
    const after = async (days: number) => {
      for (let calls = 0; calls < 20 && ((await rollFigures(server.db, at(days * 86_400))) > 0 || (await pruneFigures(server.db, at(days * 86_400))) > 0); calls += 1);
      return Promise.all([10, 60, 600, 3600].map(async (resolution) => (await rows(resolution)).length))
    }
    const minutes = new Set(seconds.map((second) => Math.floor(second / 60))).size
    const tens = new Set(seconds.map((second) => Math.floor(second / 600))).size
    expect(await after(0.5)).toEqual([0, minutes, tens, 4])
    expect(await after(2)).toEqual([0, 0, tens, 4])
    expect(await after(8)).toEqual([0, 0, 0, 4])
    expect(await after(29)).toEqual([0, 0, 0, 4])
    const month = await podFigures(server.server, scopeOf(ann), { namespace: 'default', name: 'long', range: '30d' }, at(29 * 86_400))
    expect(month.times).toHaveLength(3)
    expect(await after(31)).toEqual([0, 0, 0, 0])
    expect(await findPodSeries(server.db, scopeOf(ann), 'default', 'long')).toEqual([])
  })

  it('are never removed before they were rolled up', async () => {
    const late = await pod(ann, 'late')
    await storeFigures(server.db, host, { host: null, pods: [figures(late)] }, at(40 * 86_400))
    await pruneFigures(server.db, at(41 * 86_400))
    const [own] = await findPodSeries(server.db, scopeOf(ann), 'default', 'late')
    expect(await server.db.figure.count({ where: { seriesId: own!.id } })).toBe(1)
    await rollFigures(server.db, at(41.5 * 86_400))
    while ((await pruneFigures(server.db, at(41.5 * 86_400))) > 0);
    expect((await server.db.figure.findMany({ where: { seriesId: own!.id }, orderBy: { resolution: 'asc' } })).map((row) => row.resolution)).toEqual([600, 3600])
  })
})

describe('a pod’s figures', () => {
  const now = at(50 * 86_400)

  it('tell what of the VM is no container’s, and stay when the pod is gone', async () => {
    const uid = await pod(bob, 'web')
    const containers = [{ name: 'a', ...usage({ cpuMicroseconds: 3_000_000, memoryBytes: 60 }) }, { name: 'b', ...usage({ cpuMicroseconds: 1_000_000, memoryBytes: 70 }) }]
    await storeFigures(server.db, host, { host: null, pods: [figures(uid, { vm: usage({ cpuMicroseconds: 5_000_000, memoryBytes: 120 }), containers })] }, now)
    await server.db.pod.delete({ where: { uid } })
    const view = await podFigures(server.server, scopeOf(bob), { namespace: 'default', name: 'web', range: '1h' }, now)
    expect(view.times).toEqual([now.toISOString()])
    expect(view.vm).toMatchObject({ cpu: [0.5], memoryBytes: [120], readBytesPerSecond: [1], sentBytesPerSecond: [4], diskUsedBytes: [50] })
    // The guest claims more memory than the host sees: the rest is nothing, not less.
    expect(view.overhead).toEqual({ cpu: [0.1], memoryBytes: [0] })
    expect(view.containers.map((c) => [c.name, c.cpu, c.memoryBytes])).toEqual([['a', [0.3], [60]], ['b', [0.1], [70]]])
    await expect(podFigures(server.server, scopeOf(ann), { namespace: 'default', name: 'web', range: '1h' }, now)).rejects.toMatchObject({ code: 'not_found' })
  })

  it('are empty for a pod that was not measured, and those of the new one after a pod of the same name', async () => {
    const first = await pod(bob, 'again')
    const ask = () => podFigures(server.server, scopeOf(bob), { namespace: 'default', name: 'again', range: '24h' }, now)
    expect(await ask()).toMatchObject({ times: [], containers: [] })
    await storeFigures(server.db, host, { host: null, pods: [figures(first, { vm: usage({ memoryBytes: 1 }) })] }, at(50 * 86_400 - 600))
    await server.db.pod.delete({ where: { uid: first } })
    const second = await pod(bob, 'again')
    await storeFigures(server.db, host, { host: null, pods: [figures(second, { vm: usage({ memoryBytes: 2 }) })] }, now)
    expect((await ask()).vm.memoryBytes).toEqual([2])
  })
})

describe('top', () => {
  const now = at(60 * 86_400)
  const page = { sort: 'cpu', descending: true, limit: 2, offset: 0 } as const

  it('orders what is measured now, a page at a time, and each tenant sees its own', async () => {
    const uids = await Promise.all(['p1', 'p2', 'p3'].map((name) => pod(ann, name)))
    const foreign = await pod(bob, 'p4')
    const busy = (uid: string, share: number, memoryBytes: number) => figures(uid, { vm: usage({ cpuMicroseconds: share * 10_000_000, memoryBytes }) })
    const host1 = { ...usage({ cpuMicroseconds: 15_000_000, memoryBytes: 9000, readBytes: null, writtenBytes: null, receivedBytes: null, sentBytes: null }), ageMs: 0, intervalMs: 10_000 }
    await storeFigures(server.db, host, { host: host1, pods: [busy(uids[0]!, 0.1, 500), busy(uids[1]!, 0.9, 100), busy(uids[2]!, 0.5, 300), busy(foreign, 0.7, 900)] }, now)
    const mine = await topPods(server.db, scopeOf(ann), page, now)
    expect(mine.total).toBe(3)
    expect(mine.rows.map((row) => [row.name, row.cpuMilli, row.host])).toEqual([['p2', 900, 'h1'], ['p3', 500, 'h1']])
    expect((await topPods(server.db, scopeOf(ann), { ...page, offset: 2 }, now)).rows.map((row) => row.name)).toEqual(['p1'])
    const fleet = await topFleetPods(server.db, { ...page, sort: 'memory', limit: 10 }, now)
    expect(fleet.rows.map((row) => [row.tenant, row.name, row.memoryBytes])).toEqual([['bob', 'p4', 900], ['ann', 'p1', 500], ['ann', 'p3', 300], ['ann', 'p2', 100]])
    const hosts = await topHosts(server.db, page, now)
    expect(hosts.rows.map((row) => [row.name, row.cpuMilli, row.memoryBytes, row.networkBytesPerSecond])).toEqual([['h1', 1500, 9000, 4 * 7], ['h2', null, null, null]])
  })

  it('leaves out what is not measured any more', async () => {
    expect((await topPods(server.db, scopeOf(ann), page, at(60 * 86_400 + 60))).rows).toEqual([])
  })

  it('of a tenant reads no figures of others', async () => {
    const then = at(61 * 86_400)
    const [mine, theirs] = [await pod(ann, 'read'), await pod(bob, 'unread')]
    await storeFigures(server.db, host, { host: null, pods: [figures(mine), figures(theirs)] }, then)
    // A figure that cannot be divided by its time stops whoever reads it.
    await server.db.figure.updateMany({ where: { seriesId: (await findPodSeries(server.db, scopeOf(bob), 'default', 'unread'))[0]!.id }, data: { coveredMs: 0 } })
    expect((await topPods(server.db, scopeOf(ann), page, then)).rows.map((row) => row.name)).toEqual(['read'])
    await expect(topPods(server.db, scopeOf(bob), page, then)).rejects.toThrow('zero')
  })
})
