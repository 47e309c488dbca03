import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { PodReport } from '@/contracts/host/v1'
import { startTestServer } from '@/server/api/testing/server'
import type { Actor } from '@/server/auth/scope'
import { registerHost } from './hosts'
import { pruneStarts, recordStarts } from './pod-starts'
import { storeReport } from './reports'

let server: Awaited<ReturnType<typeof startTestServer>>
let ann: Awaited<ReturnType<typeof server.signUp>>
let bob: Awaited<ReturnType<typeof server.signUp>>
let host: string
beforeAll(async () => {
  server = await startTestServer()
  ann = await server.signUp('ann')
  bob = await server.signUp('bob')
  host = (await registerHost(server.db, 'h1', 'key1')).id
  await server.db.host.update({ where: { id: host }, data: { hello: { accelerator: 'tcg' } } })
})
beforeEach(() => server.db.podStart.deleteMany())
afterAll(() => server.stop())

const bootId = '00000000-0000-4000-8000-000000000001'
let sequence = 0

/** A pod that was created `ageMs` ago and bound 20 ms later. */
async function pod(person: typeof ann, name: string, ageMs = 2000, image = 'busybox') {
  await person.caller.pod.create({ tenant: person.tenant.slug, name, spec: { containers: [{ name: 'a', image }] } })
  const created = Date.now() - ageMs
  const { uid } = await server.db.pod.update({ where: { tenantId_namespace_name: { tenantId: person.tenant.id, namespace: 'default', name } }, data: { hostId: host, createdAt: new Date(created), boundAt: new Date(created + 20) } })
  return { uid, created, at: (ms: number) => new Date(created + ms).toISOString() }
}
type Made = Awaited<ReturnType<typeof pod>>

const report = ({ uid, at }: Made, startedMs: number | null, over: Partial<PodReport> = {}): PodReport => ({
  uid, observedGeneration: 1, phase: 'Running', reason: '', message: '', conditions: [], containers: [], startMode: 'template',
  startSteps: [{ name: 'image', startedAt: at((startedMs ?? 1000) - 950), ms: 50 }, { name: 'vm', startedAt: at((startedMs ?? 1000) - 900), ms: 400 }, { name: 'guest', startedAt: at((startedMs ?? 1000) - 500), ms: 400 }],
  startedAt: startedMs === null ? null : at(startedMs), ...over,
})
/** As the gateway does it. */
const tell = (...reports: PodReport[]) => server.db.$transaction(async (tx) => {
  const starts = await recordStarts(tx, host, reports)
  sequence += 1
  for (const each of reports) await storeReport(tx, host, bootId, sequence, each)
  return starts
})
const starts = (person: typeof ann, name: string) => person.caller.start.list({ tenant: person.tenant.slug, name }).then(({ items }) => items)

describe('a start', () => {
  it('is kept once, when a report first tells of its first process, with parts that add up', async () => {
    const web = await pod(ann, 'web')
    expect(await tell(report(web, null, { phase: 'Starting' }))).toEqual([])
    expect(await tell(report(web, 1000))).toMatchObject([{ mode: 'template', first: true, waterfall: { wholeMs: 1000 } }])
    expect(await tell(report(web, 1000, { message: 'something else has changed' }))).toEqual([])
    const [start, ...others] = await starts(ann, 'web')
    expect(others).toEqual([])
    expect(start).toMatchObject({ first: true, wholeMs: 1000, image: 'busybox', host: 'h1', mode: 'template', accelerator: 'tcg', clockShiftMs: 0, beganAt: web.at(0), startedAt: web.at(1000) })
    expect(start!.parts).toEqual({ queued: 20, scheduled: 30, image: 50, network: 0, disks: 0, vm: 400, guest: 400, container: 100 })
    expect(start!.steps).toHaveLength(3)
  })

  it('of a VM that comes again begins on the host, and stands before the first', async () => {
    const web = await pod(ann, 'again', 100_000)
    await tell(report(web, 1000))
    await tell(report(web, null))
    await tell(report(web, 90_000))
    const items = await starts(ann, 'again')
    expect(items.map((item) => [item.first, item.wholeMs, item.parts.queued])).toEqual([[false, 950, 0], [true, 1000, 20]])
  })

  it('that was told of before starts were kept is known by the report that stands', async () => {
    const web = await pod(ann, 'old', 100_000)
    await tell(report(web, 1000))
    await server.db.podStart.deleteMany()
    await tell(report(web, 90_000))
    expect((await starts(ann, 'old')).map((item) => item.first)).toEqual([false])
  })

  it('of another host’s pod, or at a time that cannot be, is not kept and harms no report', async () => {
    const web = await pod(ann, 'odd')
    for (const startedAt of ['soon', '1970-01-01T00:00:00Z', '9999-01-01T00:00:00Z', '']) expect(await tell(report(web, 1000, { startedAt }))).toEqual([])
    await server.db.pod.update({ where: { uid: web.uid }, data: { hostId: null } })
    expect(await tell(report(web, 1000))).toEqual([])
    expect(await starts(ann, 'odd')).toEqual([])
    expect((await server.db.podReport.findUnique({ where: { podUid: web.uid } }))?.document).toMatchObject({ startedAt: '' })
  })

  it('is its tenant’s alone', async () => {
    await tell(report(await pod(ann, 'mine'), 1000))
    await expect(bob.caller.start.list({ tenant: bob.tenant.slug, name: 'mine' })).rejects.toMatchObject({ message: expect.stringContaining('mine') as string })
    expect(await bob.caller.start.percentiles({ tenant: bob.tenant.slug })).toEqual({ items: [] })
  })
})

describe('percentiles', () => {
  it('are of first starts, by image and mode for a tenant, by host too for operators', async () => {
    for (let i = 1; i <= 20; i += 1) await tell(report(await pod(ann, `p${i}`, 60_000, 'nginx:1'), 1000 + i * 100))
    await tell(report(await pod(ann, 'cold', 60_000, 'nginx:1'), 9000, { startMode: 'cold' }), report(await pod(bob, 'other', 60_000, 'redis:7'), 1500))
    const { items } = await ann.caller.start.percentiles({ tenant: ann.tenant.slug })
    expect(items.map((item) => [item.image, item.host, item.mode, item.count, item.p50, item.p90, item.p95])).toEqual([['nginx:1', null, 'template', 20, 2050, 2810, 2905], ['nginx:1', null, 'cold', 1, 9000, 9000, 9000]])
    expect(items[0]!.parts).toMatchObject({ queued: 20, vm: 400, guest: 400 })
    const operator: Actor = { ...ann.actor, kind: 'session', tenantId: null, operator: true }
    const fleet = await server.callerOf(operator).start.fleetPercentiles({})
    expect(fleet.items.map((item) => [item.image, item.host, item.mode, item.count])).toEqual([['nginx:1', 'h1', 'template', 20], ['nginx:1', 'h1', 'cold', 1], ['redis:7', 'h1', 'template', 1]])
  })
})

it('starts end after 30 days, but for the last one of a pod that is still there', async () => {
  const kept = await pod(ann, 'kept', 100_000)
  await tell(report(kept, 1000))
  await tell(report(kept, 50_000))
  const gone = await pod(ann, 'gone')
  await tell(report(gone, 1000))
  await server.db.pod.delete({ where: { uid: gone.uid } })
  expect((await starts(ann, 'gone')).length).toBe(1)
  await server.db.$executeRaw`update "PodStart" set "startedAt" = "startedAt" - interval '31 days'`
  await pruneStarts(server.db)
  expect((await server.db.podStart.findMany()).map((row) => [row.name, row.first])).toEqual([['kept', false]])
})
