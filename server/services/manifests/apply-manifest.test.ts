import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { startTestServer } from '@/server/api/testing/server'
import { recordEvent } from '@/server/store/reports'

let server: Awaited<ReturnType<typeof startTestServer>>
let ann: Awaited<ReturnType<typeof server.signUp>>
beforeAll(async () => {
  server = await startTestServer()
  ann = await server.signUp('ann')
})
afterAll(() => server.stop())

const apply = (yaml: string, options: { dryRun?: boolean; requestId?: string } = {}) => ann.caller['manifest.apply']({ tenant: ann.tenant.slug, yaml, ...options })
const pod = (name: string, image = 'busybox', namespace = 'default') => `apiVersion: v1\nkind: Pod\nmetadata: {name: ${name}, namespace: ${namespace}}\nspec:\n  containers:\n  - {name: a, image: "${image}"}\n`
const names = async () => (await ann.caller.pod.list({ tenant: ann.tenant.slug, sort: 'name', descending: false })).items.map((p) => p.metadata.name)

describe('manifest.apply', () => {
  it('applies several documents, whatever their order', async () => {
    const network = `apiVersion: v1\nkind: Network\nmetadata: {name: net1}\nspec: {tenantID: ${ann.tenant.id}, subnets: {subnet1: {cidr: 192.168.0.0/24, gateway: 192.168.0.1}}}\n`
    const { results } = await apply([pod('first', 'busybox', 'ns1'), 'apiVersion: v1\nkind: Namespace\nmetadata: {name: ns1}\nspec: {network: net1}\n', network].join('---\n'))
    expect(results.map((r) => [r.kind, r.name, r.action, r.problems])).toEqual([['Pod', 'first', 'created', []], ['Namespace', 'ns1', 'created', []], ['Network', 'net1', 'created', []]])
    expect((await apply(network)).results[0]).toMatchObject({ action: 'unchanged', problems: [] })
    expect((await apply(network.replace('{name: net1}', '{name: net1, labels: {a: b}}'))).results[0]).toMatchObject({ action: 'configured' })
  })

  it('changes nothing when one document is wrong, and tells each problem with its line', async () => {
    const before = await names()
    const { results } = await apply(`${pod('good')}---\n${pod('bad', 'busybox', 'nowhere')}---\n${pod('worse', '///')}`)
    expect(results.map((r) => r.problems.length > 0)).toEqual([false, false, true])
    expect(results[2]?.problems[0]).toMatchObject({ path: 'spec.containers[0].image', line: 20 })
    const second = await apply(`${pod('good')}---\n${pod('bad', 'busybox', 'nowhere')}`)
    expect(second.results.map((r) => r.action)).toEqual(['unchanged', 'unchanged'])
    expect(second.results[1]?.problems[0]?.message).toContain('"nowhere" does not exist')
    expect(await names()).toEqual(before)
  })

  it('refuses another tenant\'s id', async () => {
    const { results } = await apply('apiVersion: v1\nkind: Network\nmetadata: {name: net2}\nspec: {tenantID: 065f210a2ca9442aad898ab129426350, subnets: {a: {cidr: 10.1.0.0/24}}}')
    expect(results[0]?.problems[0]).toMatchObject({ path: 'spec.tenantID', line: 4 })
  })

  it('only tries with dryRun', async () => {
    const before = await names()
    expect((await apply(pod('dry'), { dryRun: true })).results[0]).toMatchObject({ action: 'created', problems: [] })
    expect(await names()).toEqual(before)
  })

  it('refuses to change a pod\'s spec, and changes its labels', async () => {
    await apply(pod('fixed'))
    expect((await apply(pod('fixed', 'nginx'))).results[0]?.problems[0]).toMatchObject({ path: 'spec', line: 4 })
    expect((await apply(pod('fixed').replace('{name: fixed', '{labels: {x: y}, name: fixed'))).results[0]).toMatchObject({ action: 'configured' })
    expect((await ann.caller.pod.get({ tenant: ann.tenant.slug, name: 'fixed' })).metadata.labels).toEqual({ x: 'y' })
  })

  it('does a request with an id once, and refuses the id for another request', async () => {
    const first = await apply(pod('once').replace('name: once', 'generateName: once-'), { requestId: 'r1' })
    const again = await apply(pod('once').replace('name: once', 'generateName: once-'), { requestId: 'r1' })
    expect(again).toEqual(first)
    expect((await names()).filter((n) => n.startsWith('once-'))).toHaveLength(1)
    await expect(apply(pod('other'), { requestId: 'r1' })).rejects.toMatchObject({ cause: { code: 'conflict' } })
  })

  it('creates one pod when the same request comes twice at once', async () => {
    const create = () => ann.caller.pod.create({ tenant: ann.tenant.slug, generateName: 'twice-', spec: { containers: [{ name: 'a', image: 'busybox' }] }, requestId: 'r2' })
    const [a, b] = await Promise.all([create(), create()])
    expect(a.metadata.uid).toBe(b.metadata.uid)
  })

  it('is done once more where another transaction was in its way', async () => {
    const tenant = ann.tenant.slug
    const text = (label: string) => ['knot-x', 'knot-y'].map((name, i) => `apiVersion: v1\nkind: Network\nmetadata: {name: ${name}, labels: {l: ${label}}}\nspec: {subnets: {a: {cidr: 10.8${i}.0.0/24}}}\n`).join('---\n')
    await ann.caller['manifest.apply']({ tenant, yaml: text('first') })
    const hold = (tx: Pick<typeof server.db, '$queryRaw'>, name: string) => tx.$queryRaw`select 1 from "Network" where "tenantId" = ${ann.tenant.id} and "name" = ${name} for update`
    let applied: Promise<unknown> | undefined
    const knot = () => server.db.$transaction(async (tx) => {
      await hold(tx, 'knot-y')
      applied = ann.caller['manifest.apply']({ tenant, yaml: text(randomUUID()) })
      await vi.waitFor(async () => expect(await server.db.$queryRaw`select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database() and query like '%"Network"%'`).toHaveLength(1), { timeout: 15_000, interval: 20 })
      // It waits for us and now we for it: PostgreSQL ends the one that has waited for a second first.
      await hold(tx, 'knot-x')
    }, { timeout: 20_000 })
    // Where we come later than that second, on a busy machine, it has looked before, and we are ended.
    for (let tries = 1; ; tries += 1) {
      const ended = await knot().then(() => null, (error: Error) => error)
      if (!ended) break
      await applied
      if (tries === 5) throw ended
    }
    expect(await applied).toMatchObject({ results: [{ action: 'configured', problems: [] }, { action: 'configured', problems: [] }] })
  })

  it('does not confuse a taken name with something else', async () => {
    await expect(ann.caller.pod.create({ tenant: ann.tenant.slug, name: 'fixed', spec: { containers: [{ name: 'a', image: 'busybox' }] } })).rejects.toMatchObject({ cause: { code: 'already_exists', problems: [{ path: 'name' }] } })
  })
})

/** A tracked event reaches a caller of the same process as [id, data, mark]; its type says an object. */
async function* watched<T>(events: AsyncIterable<{ id: string; data: T }>): AsyncGenerator<{ data: T }> {
  for await (const event of events) yield { data: (event as unknown as [string, T])[1] }
}

describe('pod.list', () => {
  it('pages, sorts, filters and counts on the server', async () => {
    const bob = await server.signUp('bob')
    const tenant = bob.tenant.slug
    for (let i = 0; i < 7; i++) await bob.caller.pod.create({ tenant, name: `p${i}`, labels: { even: String(i % 2 === 0) }, spec: { containers: [{ name: 'a', image: i < 3 ? 'nginx' : 'busybox' }] } })
    const seen: string[] = []
    let cursor: string | undefined
    do {
      const page = await bob.caller.pod.list({ tenant, sort: 'name', descending: true, limit: 3, cursor })
      expect(page.total).toBe(7)
      seen.push(...page.items.map((p) => p.metadata.name))
      cursor = page.nextCursor ?? undefined
    } while (cursor)
    expect(seen).toEqual(['p6', 'p5', 'p4', 'p3', 'p2', 'p1', 'p0'])
    expect((await bob.caller.pod.list({ tenant, labelSelector: 'even!=true' })).total).toBe(3)
    expect((await bob.caller.pod.list({ tenant, search: 'nginx' })).total).toBe(3)
    expect((await bob.caller.pod.list({ tenant, phase: ['Running'] })).total).toBe(0)
    expect((await bob.caller.pod.list({ tenant, phase: ['Pending'] })).total).toBe(7)
    await expect(bob.caller.pod.list({ tenant, cursor: 'x' })).rejects.toMatchObject({ cause: { code: 'invalid_input' } })
    await expect(bob.caller.pod.list({ tenant, labelSelector: '=' })).rejects.toMatchObject({ cause: { code: 'invalid_input' } })
  })

  it('is watched from a list on without a gap', async () => {
    const tenant = ann.tenant.slug
    const { resourceVersion } = await ann.caller.pod.list({ tenant })
    await ann.caller.pod.create({ tenant, name: 'seen', spec: { containers: [{ name: 'a', image: 'busybox' }] } })
    const events: string[] = []
    for await (const { data: event } of watched(await ann.caller.pod.watch({ tenant, resourceVersion }))) {
      if (event.object?.metadata.name === 'seen') events.push(event.type)
      if (events.length === 1) await ann.caller.pod.update({ tenant, name: 'seen', labels: { a: 'b' }, annotations: {} })
      if (events.length === 2) break
    }
    expect(events).toEqual(['added', 'modified'])
  })
})

it('a watch of one pod tells that something happened to it', async () => {
  const tenant = ann.tenant.slug
  const { resourceVersion } = await ann.caller.pod.list({ tenant })
  const { metadata } = await ann.caller.pod.create({ tenant, name: 'happens', spec: { containers: [{ name: 'a', image: 'busybox' }] } })
  for await (const { data: event } of watched(await ann.caller.pod.watch({ tenant, name: 'happens', resourceVersion }))) {
    // Only what is recorded once the pod's own coming is told is a batch of its own: one in which a pod comes says just that.
    if (event.type === 'added') await recordEvent(server.db, { tenantId: ann.tenant.id, objectUid: metadata.uid, objectKind: 'Pod', objectNamespace: 'default', objectName: 'happens', type: 'Normal', reason: 'Tested', message: 'x', source: 'test' })
    if (event.type === 'modified') return
  }
  throw new Error('the watch ended')
})

describe('namespaces and networks', () => {
  it('name what still uses them', async () => {
    const tenant = ann.tenant.slug
    await expect(ann.caller.network.delete({ tenant, name: 'net1' })).rejects.toThrow('is used by 1 pod: delete it first')
    await expect(ann.caller.network.delete({ tenant, name: 'default' })).rejects.toThrow('belongs to the tenant')
    await expect(ann.caller.namespace.delete({ tenant, name: 'default' })).rejects.toThrow('belongs to the tenant')
    await ann.caller.network.create({ tenant, name: 'net3', spec: { subnets: { a: { cidr: '10.3.0.0/24' } } } })
    await ann.caller.namespace.create({ tenant, name: 'ns3', network: 'net3' })
    await expect(ann.caller.network.delete({ tenant, name: 'net3' })).rejects.toThrow('used by the namespaces ns3')
    expect((await ann.caller.network.update({ tenant, name: 'net3', outbound: 'none' })).spec.outbound).toBe('none')
    expect((await ann.caller.network.list({ tenant })).items.find((n) => n.metadata.name === 'net3')?.status).toMatchObject({ namespaces: ['ns3'], addressesTotal: 253 })
  })
})
