import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startTestServer } from '@/server/api/testing/server'
import { storeReport } from '@/server/store/reports'
import { podSorts } from '@/server/store/pod-pages'

let server: Awaited<ReturnType<typeof startTestServer>>
let ann: Awaited<ReturnType<typeof server.signUp>>

/** Twelve pods in two namespaces, on no host, one that answers and one that is silent. */
beforeAll(async () => {
  server = await startTestServer()
  ann = await server.signUp('ann')
  const tenant = ann.tenant.slug
  await ann.caller.namespace.create({ tenant, name: 'other' })
  const [alive, silent] = await Promise.all([['alive', 'Ready'], ['silent', 'Unknown']].map(([name, phase]) => server.db.host.create({ data: { name: name!, publicKey: name!, phase: phase! } })))
  for (let i = 0; i < 12; i++) {
    const pod = await ann.caller.pod.create({ tenant, namespace: i % 2 ? 'other' : 'default', name: `p-${i}`, labels: { third: String(i % 3) }, spec: { initContainers: [{ name: 'i', image: 'registry.example.org/setup:1' }], containers: [{ name: 'a', image: i < 5 ? 'nginx' : 'busybox' }] } })
    const host = i % 4 === 1 ? alive : i % 4 === 2 ? silent : null
    if (!host) continue
    await server.db.pod.update({ where: { uid: pod.metadata.uid }, data: { hostId: host.id, boundAt: new Date() } })
    const container = { ...pod.status.containers[0]!, state: 'Running' as const, restartCount: i }
    await storeReport(server.db, host.id, randomUUID(), 1, { uid: pod.metadata.uid, observedGeneration: 1, phase: 'Running', reason: '', message: '', conditions: [], containers: [container], startMode: null, startSteps: [], startedAt: null })
  }
})
afterAll(() => server.stop())

type Query = Omit<Parameters<typeof ann.caller.pod.list>[0], 'tenant'>
const list = (query: Query) => ann.caller.pod.list({ tenant: ann.tenant.slug, ...query })
const names = async (query: Query) => (await list({ sort: 'name', descending: false, ...query })).items.map((pod) => pod.metadata.name)

it.each(podSorts.flatMap((sort) => [{ sort, descending: false }, { sort, descending: true }]))('pages by $sort, descending $descending, without a gap or a pod twice', async (order) => {
  const whole = (await list({ ...order, limit: 100 })).items.map((pod) => pod.metadata.name)
  expect(new Set(whole).size).toBe(12)
  const paged: string[] = []
  for (let cursor: string | undefined; ;) {
    const page = await list({ ...order, limit: 5, ...(cursor && { cursor }) })
    expect(page.total).toBe(12)
    paged.push(...page.items.map((pod) => pod.metadata.name))
    if (!page.nextCursor) break
    cursor = page.nextCursor
  }
  expect(paged).toEqual(whole)
  expect((await list({ ...order, descending: !order.descending, limit: 100 })).items.map((pod) => pod.metadata.name)).toEqual([...whole].reverse())
})

it('sorts by what is compared: restarts as numbers, hosts and states as words', async () => {
  const byRestarts = (await list({ sort: 'restarts', descending: true })).items.map((pod) => pod.metadata.name)
  expect(byRestarts.slice(0, 6)).toEqual(['p-10', 'p-9', 'p-6', 'p-5', 'p-2', 'p-1'])
  expect((await list({ sort: 'host', descending: true, limit: 3 })).items.map((pod) => pod.status.hostName)).toEqual(['silent', 'silent', 'silent'])
  expect((await list({ sort: 'state', descending: true, limit: 4 })).items.map((pod) => pod.status.phase)).toEqual(['Unknown', 'Unknown', 'Unknown', 'Running'])
})

it('filters by words in namespace, name and images, by state, namespace, labels and host, and counts what matches', async () => {
  expect(await names({ search: 'NGINX' })).toEqual(['p-0', 'p-1', 'p-2', 'p-3', 'p-4'])
  expect(await names({ search: ' nginx  other ' })).toEqual(['p-1', 'p-3'])
  expect((await list({ search: 'Example.org/Setup:1' })).total).toBe(12)
  expect(await names({ search: 'p%' })).toEqual([])
  expect(await names({ phase: ['Unknown'] })).toEqual(['p-10', 'p-2', 'p-6'])
  expect(await names({ phase: ['Running', 'Unknown'], namespace: 'other' })).toEqual(['p-1', 'p-5', 'p-9'])
  expect(await names({ host: 'alive', labelSelector: 'third!=1' })).toEqual(['p-5', 'p-9'])
  expect(await list({ host: 'alive', limit: 1 })).toMatchObject({ total: 3, items: [{}] })
})

it('knows a pod’s state at once when its host falls silent, and when it is deleted', async () => {
  await server.db.host.updateMany({ where: { name: 'alive' }, data: { phase: 'Unknown' } })
  expect((await list({ phase: ['Unknown'] })).total).toBe(6)
  await ann.caller.pod.delete({ tenant: ann.tenant.slug, namespace: 'other', name: 'p-1' })
  expect(await names({ phase: ['Stopping'] })).toEqual(['p-1'])
  await server.db.host.updateMany({ where: { name: 'alive' }, data: { phase: 'Ready' } })
})

it('refuses a cursor of another sort or with another content', async () => {
  const { nextCursor } = await list({ sort: 'name', limit: 1 })
  await expect(list({ sort: 'restarts', cursor: nextCursor! })).rejects.toMatchObject({ cause: { code: 'invalid_input', problems: [{ path: 'cursor' }] } })
  const forged = (cursor: object) => Buffer.from(JSON.stringify(cursor)).toString('base64url')
  for (const value of ['x', '1; drop table', '99999999999']) await expect(list({ sort: 'restarts', cursor: forged({ sort: 'restarts', value, uid: randomUUID() }) })).rejects.toMatchObject({ cause: { code: 'invalid_input' } })
})

it('says what holds a pod up before its host does', async () => {
  const pod = await server.db.pod.findFirstOrThrow({ where: { tenantId: ann.tenant.id, name: 'p-3' } })
  const host = await server.db.host.findFirstOrThrow({ where: { name: 'alive' } })
  await server.db.pod.update({ where: { uid: pod.uid }, data: { hostId: host.id, boundAt: new Date() } })
  await server.db.objectCondition.create({ data: { objectUid: pod.uid, objectKind: 'Pod', type: 'ConfigurationReady', status: 'False', reason: 'ConfigurationMissing', message: 'ConfigMap "a" does not exist.' } })
  expect((await ann.caller.pod.get({ tenant: ann.tenant.slug, namespace: 'other', name: 'p-3' })).status).toMatchObject({ phase: 'Scheduled', reason: 'ConfigurationMissing', message: 'ConfigMap "a" does not exist.' })
})
