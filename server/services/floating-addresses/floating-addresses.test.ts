import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { startTestServer } from '@/server/api/testing/server'
import { namespaceController } from '@/server/control/controllers/namespace/controller'
import { releaseAddress } from '@/server/store/floating-addresses'
import { ensureDefaultPool } from '../address-pools/default-pool'

type Server = Awaited<ReturnType<typeof startTestServer>>
let server: Server
let ann: Awaited<ReturnType<Server['signUp']>>
let bob: Awaited<ReturnType<Server['signUp']>>
let hostId = ''
const tenant = 'ann'
beforeAll(async () => {
  server = await startTestServer()
  ann = await server.signUp('ann')
  bob = await server.signUp('bob')
  hostId = (await server.db.host.create({ data: { name: 'h1', publicKey: 'k' } })).id
})
afterAll(() => server.stop())
beforeEach(async () => {
  await server.db.floatingAddress.deleteMany()
  await server.db.addressPool.deleteMany()
  await server.db.tenant.updateMany({ data: { floatingAddressQuota: null } })
  await ensureDefaultPool(server.db, { externalCidr: '198.18.100.0/24' })
})

const at = (path: string, message: string) => ({ cause: { problems: expect.arrayContaining([expect.objectContaining({ path, message: expect.stringContaining(message) })]) } })
const take = (name: string, spec: object = {}, who = ann) => who.caller.floatingAddress.create({ tenant: who.tenant.slug, name, spec })
const apply = async (yaml: string) => (await ann.caller['manifest.apply']({ tenant, yaml })).results
const makePool = (name: string, cidr: string, { isDefault = false, ...subnet }: { isDefault?: boolean; allocationRanges?: object[] } = {}) =>
  server.db.addressPool.create({ data: { name, family: cidr.includes(':') ? 6 : 4, isDefault, spec: { default: isDefault, subnet: { cidr, gateway: cidr.replace(/0\/\d+$|\/\d+$/, '1'), ...subnet } } } })
const pod = (name: string, namespace = 'default') => ({ kind: 'Pod' as const, namespace, name })
const addressOf = async (name: string) => (await ann.caller.floatingAddress.get({ tenant, name })).status.address

describe('floating addresses', () => {
  it('are the lowest free ones, and stay their tenant\'s until it gives them back', async () => {
    const input = { tenant, name: 'front', labels: { a: 'b' }, spec: { target: pod('web') }, requestId: 'fa-1' }
    const created = await ann.caller.floatingAddress.create(input)
    expect(await ann.caller.floatingAddress.create(input)).toEqual(created)
    expect(created).toMatchObject({ metadata: { name: 'front', generation: 1, labels: { a: 'b' }, deletionTimestamp: null }, spec: { family: 'IPv4', target: pod('web') }, status: { address: '198.18.100.2', family: 'IPv4', pool: 'default', phase: 'Pending', holder: null, host: null, managed: false, conditions: [] } })
    expect((await take('second')).status).toMatchObject({ address: '198.18.100.3', phase: 'Free' })
    expect((await take('third')).status.address).toBe('198.18.100.4')
    await ann.caller.floatingAddress.delete({ tenant, name: 'second' })
    await expect(ann.caller.floatingAddress.get({ tenant, name: 'second' })).rejects.toMatchObject({ cause: { code: 'not_found' } })
    expect((await take('mail', {}, bob)).status.address).toBe('198.18.100.3')
    expect((await server.db.auditEntry.findMany({ where: { tenantId: ann.tenant.id, kind: 'FloatingAddress', name: 'second' }, orderBy: { id: 'asc' } })).map(({ action, detail }) => [action, detail])).toEqual([['floatingAddress.create', '198.18.100.3'], ['floatingAddress.delete', '198.18.100.3']])
    await expect(take('front')).rejects.toMatchObject({ cause: { code: 'already_exists', problems: [{ path: 'name' }] } })
    await expect(ann.caller.floatingAddress.create({ ...input, name: 'other' })).rejects.toMatchObject({ cause: { code: 'conflict' } })
  })

  it('are asked for, and one alone has each', async () => {
    expect((await take('asked', { address: '198.18.100.50' })).status).toMatchObject({ address: '198.18.100.50', pool: 'default' })
    await expect(take('again', { address: '198.18.100.50' })).rejects.toMatchObject(at('spec.address', 'is the floating address "asked" already'))
    await expect(take('again', { address: '198.18.100.50' }, bob)).rejects.toMatchObject(at('spec.address', '198.18.100.50 is not free: ask for another one'))
    await expect(take('gateway', { address: '198.18.100.1' })).rejects.toMatchObject(at('spec.address', 'is no address that tenants may have of the pool "default"'))
    await expect(take('broadcast', { address: '198.18.100.255' })).rejects.toMatchObject(at('spec.address', 'is no address that tenants may have'))
    await expect(take('elsewhere', { address: '192.0.2.1' })).rejects.toMatchObject(at('spec.address', 'is in no pool of addresses'))
    await expect(take('other', { pool: 'nothing' })).rejects.toMatchObject(at('spec.pool', 'There is no pool "nothing"'))
    await expect(take('six', { family: 'IPv6' })).rejects.toMatchObject(at('spec.family', 'No pool is the usual one for IPv6 addresses'))
    await expect(take('both', { address: '198.18.100.9', family: 'IPv6' })).rejects.toMatchObject(at('spec.family', 'must be IPv4, as 198.18.100.9 is'))
    await expect(take('mixed', { address: '2001:db8::1', pool: 'default' })).rejects.toMatchObject(at('spec.address', 'has IPv4 addresses'))
    await expect(take('text', { address: 'nonsense' })).rejects.toMatchObject(at('spec.address', 'must be an IP address'))
    expect(await server.db.floatingAddress.count()).toBe(1)
  })

  it('come of the ranges of the pool that is named, and of the usual one of their family', async () => {
    await makePool('narrow', '198.18.7.0/24', { allocationRanges: [{ start: '198.18.7.100', end: '198.18.7.101' }] })
    await makePool('six', '2001:db8:7::/64', { isDefault: true })
    expect((await take('a', { pool: 'narrow' })).status).toMatchObject({ address: '198.18.7.100', pool: 'narrow' })
    await expect(take('b', { address: '198.18.7.9' })).rejects.toMatchObject(at('spec.address', 'ask for one of 198.18.7.100 to 198.18.7.101 without 198.18.7.1'))
    expect((await take('b', { address: '198.18.7.101' })).status.pool).toBe('narrow')
    await expect(take('c', { pool: 'narrow' })).rejects.toMatchObject(at('spec.pool', 'has no free address: name another pool'))
    expect((await take('six', { family: 'IPv6' })).status).toMatchObject({ address: '2001:db8:7::2', family: 'IPv6', pool: 'six' })
    expect((await take('named', { pool: 'six' })).status.address).toBe('2001:db8:7::3')
    expect((await take('asked', { address: '2001:DB8:7::00ff' })).status.address).toBe('2001:db8:7::ff')
    await expect(take('mixed', { pool: 'six', family: 'IPv4' })).rejects.toMatchObject(at('spec.family', 'The pool "six" has IPv6 addresses'))
  })

  it('move when their target changes, and which they are never changes', async () => {
    const made = await take('front', { target: pod('web') })
    const moved = await ann.caller.floatingAddress.update({ tenant, name: 'front', target: { kind: 'Service', name: 'shop' }, resourceVersion: made.metadata.resourceVersion })
    expect(moved).toMatchObject({ metadata: { generation: 2 }, spec: { target: { kind: 'Service', namespace: 'default', name: 'shop' } }, status: { address: '198.18.100.2', phase: 'Pending' } })
    await expect(ann.caller.floatingAddress.update({ tenant, name: 'front', target: null, resourceVersion: made.metadata.resourceVersion })).rejects.toMatchObject({ cause: { code: 'conflict' } })
    expect(await ann.caller.floatingAddress.update({ tenant, name: 'front', labels: { a: 'b' } })).toMatchObject({ metadata: { generation: 2, labels: { a: 'b' } }, spec: moved.spec })
    expect((await ann.caller.floatingAddress.update({ tenant, name: 'front', spec: {} })).spec).toEqual({ family: 'IPv4' })
    expect((await ann.caller.floatingAddress.update({ tenant, name: 'front', spec: { pool: 'default', address: '198.18.100.2', target: pod('web') } })).spec).toEqual({ pool: 'default', address: '198.18.100.2', family: 'IPv4', target: pod('web') })
    expect((await ann.caller.floatingAddress.update({ tenant, name: 'front', target: null })).status.phase).toBe('Free')
    for (const [spec, path] of [[{ pool: 'other' }, 'spec.pool'], [{ address: '198.18.100.9' }, 'spec.address'], [{ family: 'IPv6' }, 'spec.family']] as const) {
      await expect(ann.caller.floatingAddress.update({ tenant, name: 'front', spec })).rejects.toMatchObject(at(path, 'which address it is never changes'))
    }
    expect((await server.db.auditEntry.findMany({ where: { tenantId: ann.tenant.id, action: 'floatingAddress.update' }, orderBy: { id: 'asc' }, take: 3 })).map(({ detail }) => detail)).toEqual(['198.18.100.2 to Service default/shop', '', '198.18.100.2 to nowhere'])
  })

  it('are one of each family for a pod', async () => {
    await makePool('six', '2001:db8:7::/64', { isDefault: true })
    await take('front', { target: pod('web') })
    await take('six', { family: 'IPv6', target: pod('web') })
    const refused = at('spec.target', 'the pod "web" in namespace "default" has an IPv4 address already, 198.18.100.2 (the floating address "front")')
    await expect(take('second', { target: pod('web') })).rejects.toMatchObject(refused)
    await take('second', { target: pod('web', 'staging') })
    await expect(ann.caller.floatingAddress.update({ tenant, name: 'second', target: pod('web') })).rejects.toMatchObject(refused)
    await ann.caller.floatingAddress.update({ tenant, name: 'front', target: pod('other') })
    await ann.caller.floatingAddress.update({ tenant, name: 'second', target: pod('web') })
    const results = await Promise.allSettled(['a', 'b', 'c'].map((name) => take(name, { target: pod('raced') })))
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
  })

  it('are told with whom they lead to and which host answers', async () => {
    const container = { containers: [{ name: 'a', image: 'busybox' }] }
    const web = await ann.caller.pod.create({ tenant, name: 'held', spec: container })
    await take('front', { target: pod('held') })
    const set = (data: object) => server.db.floatingAddress.updateMany({ where: { name: 'front' }, data })
    const status = async () => (await ann.caller.floatingAddress.get({ tenant, name: 'front' })).status
    await set({ podUid: web.metadata.uid })
    expect(await status()).toMatchObject({ phase: 'Pending', holder: pod('held'), host: null })
    await set({ hostId })
    expect(await status()).toMatchObject({ phase: 'Pending', host: 'h1' })
    for (const [reported, phase] of [['Active', 'Active'], ['Degraded', 'Pending'], ['Failed', 'Failed']]) {
      await set({ reported })
      expect(await status()).toMatchObject({ phase })
    }
    await set({ reported: 'Active' })
    // The old holder still has it.
    await ann.caller.floatingAddress.update({ tenant, name: 'front', target: pod('other') })
    expect(await status()).toMatchObject({ phase: 'Pending', holder: pod('held'), host: 'h1' })
    // Nobody is its target: it leads where it did until the controller has taken it from there, and is free once its host has let go.
    await ann.caller.floatingAddress.update({ tenant, name: 'front', target: null })
    expect(await status()).toMatchObject({ phase: 'Active', holder: pod('held') })
    await set({ podUid: null, reported: '' })
    expect(await status()).toMatchObject({ phase: 'Pending', holder: null, host: 'h1' })
    await set({ hostId: null })
    expect(await status()).toMatchObject({ phase: 'Free', host: null })
    const { uid } = await server.db.floatingAddress.findFirstOrThrow({ where: { name: 'front' } })
    await server.db.objectCondition.create({ data: { objectUid: uid, objectKind: 'FloatingAddress', type: 'Active', status: 'False', reason: 'TargetNotFound', message: 'm' } })
    expect(await status()).toMatchObject({ conditions: [{ type: 'Active', status: 'False', reason: 'TargetNotFound' }] })
  })

  it('of a host that still answers are nobody\'s before it has let go', async () => {
    await take('front', { address: '198.18.100.60' })
    await server.db.floatingAddress.updateMany({ data: { hostId } })
    await ann.caller.floatingAddress.delete({ tenant, name: 'front' })
    await ann.caller.floatingAddress.delete({ tenant, name: 'front' })
    expect(await ann.caller.floatingAddress.get({ tenant, name: 'front' })).toMatchObject({ metadata: { deletionTimestamp: expect.any(String), generation: 2 }, status: { phase: 'Pending', host: 'h1' } })
    await expect(take('mine', { address: '198.18.100.60' }, bob)).rejects.toMatchObject(at('spec.address', 'is not free'))
    await expect(take('front')).rejects.toMatchObject({ cause: { code: 'already_exists', problems: [{ path: 'name' }], message: expect.stringContaining('the host "h1" has not let go of it yet') } })
    await expect(ann.caller.floatingAddress.update({ tenant, name: 'front', target: pod('web') })).rejects.toThrow('was given back, and the host "h1" has not let go of it yet')
    await server.db.floatingAddress.updateMany({ data: { hostId: null } })
    const { uid } = await server.db.floatingAddress.findFirstOrThrow({ where: { name: 'front' } })
    expect(await server.db.$transaction((tx) => releaseAddress(tx, uid))).toBe(true)
    expect((await take('mine', { address: '198.18.100.60' }, bob)).status.address).toBe('198.18.100.60')
  })

  it('are as many as the quota says', async () => {
    const results = await Promise.allSettled(Array.from({ length: 14 }, (_, i) => take(`a${i}`)))
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(10)
    await expect(take('more')).rejects.toMatchObject({ cause: { code: 'failed_precondition', message: expect.stringContaining('has 10 floating addresses, and may have 10: give one back') } })
    const olga = server.callerOf({ ...bob.actor, operator: true, kind: 'session', tenantId: null })
    expect(await olga.addressPool.setQuota({ tenant, quota: 11 })).toEqual({ tenant: { id: ann.tenant.id, slug: tenant }, used: 10, limit: 11 })
    await expect(olga.addressPool.setQuota({ tenant: 'nobody', quota: 11 })).rejects.toMatchObject({ cause: { code: 'not_found' } })
    await take('more')
    await expect(take('beyond')).rejects.toThrow('may have 11')
    expect(await ann.caller.floatingAddress.offer({ tenant })).toEqual({ pools: [{ name: 'default', cidr: '198.18.100.0/24', family: 'IPv4', default: true }], quota: { used: 11, limit: 11 } })
    expect(await olga.addressPool.setQuota({ tenant, quota: null })).toMatchObject({ used: 11, limit: 10 })
    expect((await server.db.auditEntry.findMany({ where: { action: 'addressPool.setQuota', kind: 'Tenant', name: tenant, actor: bob.actor.email }, orderBy: { id: 'asc' } })).map(({ detail }) => detail)).toEqual(['the platform’s to 11', '11 to the platform’s'])
    await server.db.tenant.update({ where: { slug: 'bob' }, data: { floatingAddressQuota: 0 } })
    await expect(take('none', {}, bob)).rejects.toThrow('has 0 floating addresses, and may have 0')
  })

  it('of another tenant look like ones that do not exist', async () => {
    await take('front')
    const refusals = async (name: string) => {
      const calls = [() => bob.caller.floatingAddress.get({ tenant: 'bob', name }), () => bob.caller.floatingAddress.update({ tenant: 'bob', name, target: null }), () => bob.caller.floatingAddress.delete({ tenant: 'bob', name })]
      return Promise.all(calls.map((call) => call().then(() => 'in', (error: Error) => error.message.replace(name, '*'))))
    }
    expect(await refusals('front')).toEqual(await refusals('nothing'))
    expect((await bob.caller.floatingAddress.list({ tenant: 'bob' })).items).toEqual([])
    await take('front', {}, bob)
    expect(await addressOf('front')).toBe('198.18.100.2')
  })

  it('are listed by page, and found by name, address and label', async () => {
    for (const name of ['a', 'b', 'c']) await ann.caller.floatingAddress.create({ tenant, name, labels: { of: name } })
    const page = await ann.caller.floatingAddress.list({ tenant, limit: 2 })
    expect([page.items.map(({ metadata }) => metadata.name), page.total]).toEqual([['a', 'b'], 3])
    expect((await ann.caller.floatingAddress.list({ tenant, limit: 2, cursor: page.nextCursor! })).items.map(({ metadata }) => metadata.name)).toEqual(['c'])
    expect((await ann.caller.floatingAddress.list({ tenant, search: '.100.3' })).items.map(({ metadata }) => metadata.name)).toEqual(['b'])
    expect((await ann.caller.floatingAddress.list({ tenant, labelSelector: 'of in (a, c)' })).total).toBe(2)
  })
})

describe('manifests of kind FloatingAddress', () => {
  const text = (spec: string) => `apiVersion: v1\nkind: FloatingAddress\nmetadata:\n  name: front\n${spec}`

  it('are applied again without a change, and keep the address that was given', async () => {
    expect((await apply(text(''))).map((r) => [r.namespace, r.action, r.problems])).toEqual([[null, 'created', []]])
    expect(await apply(text(''))).toMatchObject([{ action: 'unchanged' }])
    expect(await apply(text('spec:\n  target: {kind: Pod, name: web}\n'))).toMatchObject([{ action: 'configured' }])
    expect(await addressOf('front')).toBe('198.18.100.2')
    expect(await ann.caller.manifest.get({ tenant, kind: 'FloatingAddress', name: 'front' })).toMatchObject({ apiVersion: 'v1', kind: 'FloatingAddress', spec: { target: pod('web') }, status: { address: '198.18.100.2' } })
    expect((await ann.caller.manifest.list({ tenant, kind: 'FloatingAddress' })).items).toHaveLength(1)
    await ann.caller.manifest.delete({ tenant, kind: 'FloatingAddress', name: 'front' })
    expect(await server.db.floatingAddress.count()).toBe(0)
  })
  it.each([
    ['spec:\n  pool: nothing\n', 'spec.pool', 6, 'There is no pool'],
    ['spec:\n  address: 198.18.100.1\n', 'spec.address', 6, 'is no address that tenants may have'],
    ['spec:\n  target:\n    kind: Node\n    name: a\n', 'spec.target.kind', 7, 'must be Pod, Service or Ingress'],
    ['spec:\n  port: 80\n', 'spec.port', 6, 'is not a field'],
  ])('say where %j is wrong', async (spec, path, line, message) => {
    const [result] = await apply(text(spec))
    expect(result?.problems).toEqual([{ path, line, message: expect.stringContaining(message) }])
    expect(await server.db.floatingAddress.count()).toBe(0)
  })
  it('let addresses change places, and give no pod a second one', async () => {
    const both = (first: string, second: string) => ['front', 'back'].map((name, i) => `apiVersion: v1\nkind: FloatingAddress\nmetadata: {name: ${name}}\nspec: {target: {kind: Pod, name: ${i === 0 ? first : second}}}\n`).join('---\n')
    await apply(both('a', 'b'))
    expect(await apply(both('b', 'a'))).toMatchObject([{ action: 'configured', problems: [] }, { action: 'configured', problems: [] }])
    const [, second] = await apply(both('b', 'b'))
    expect(second?.problems).toEqual([{ path: 'spec.target', line: 9, message: expect.stringContaining('has an IPv4 address already') as string }])
    expect((await ann.caller.floatingAddress.get({ tenant, name: 'back' })).spec.target).toEqual(pod('a'))
  })
  it('are no way to make a pool', async () => {
    expect((await apply('apiVersion: v1\nkind: AddressPool\nmetadata: {name: mine}\nspec: {subnet: {cidr: 198.18.9.0/24}}\n'))[0]?.problems).toMatchObject([{ path: 'kind', message: expect.stringContaining('"AddressPool" is not carried out') }])
  })
})

describe('what goes, and what stays', () => {
  const networkId = async (name = 'default') => (await server.db.network.findFirstOrThrow({ where: { tenantId: ann.tenant.id, name } })).uid

  it('an address stays when the namespace of its target goes, and leads nowhere until one is there again', async () => {
    await ann.caller.namespace.create({ tenant, name: 'going' })
    await server.db.ingress.create({ data: { tenantId: ann.tenant.id, namespace: 'going', name: 'site', spec: {}, networkId: await networkId() } })
    await take('front', { target: { kind: 'Ingress', namespace: 'going', name: 'site' } })
    await ann.caller.namespace.delete({ tenant, name: 'going' })
    await namespaceController.reconcile({ db: server.db, log: server.server.log, feed: server.server.feed }, 'all')
    expect([await server.db.ingress.count(), await server.db.namespace.count({ where: { name: 'going' } })]).toEqual([0, 0])
    expect(await ann.caller.floatingAddress.get({ tenant, name: 'front' })).toMatchObject({ spec: { target: { namespace: 'going' } }, status: { address: '198.18.100.2', phase: 'Pending', holder: null } })
  })
  it('an address stays when its pod goes', async () => {
    const web = await ann.caller.pod.create({ tenant, name: 'short', spec: { containers: [{ name: 'a', image: 'busybox' }] } })
    await take('front', { target: pod('short') })
    await server.db.floatingAddress.updateMany({ data: { podUid: web.metadata.uid, hostId, reported: 'Active' } })
    await server.db.pod.deleteMany({ where: { uid: web.metadata.uid } })
    expect((await ann.caller.floatingAddress.get({ tenant, name: 'front' })).status).toMatchObject({ phase: 'Pending', holder: null, host: 'h1' })
  })
  it('a network stays while a load balancer is in it, and its subnet with the balancer\'s address', async () => {
    await ann.caller.network.create({ tenant, name: 'busy', spec: { subnets: { a: { cidr: '10.61.0.0/24' }, b: { cidr: '10.62.0.0/24' } } } })
    const uid = await networkId('busy')
    const balancer = await server.db.loadBalancer.create({ data: { tenantId: ann.tenant.id, namespace: 'default', name: 'web', source: 'Service', sourceUid: randomUUID(), networkId: uid, hostId, leaving: true } })
    await server.db.networkAddress.create({ data: { networkId: uid, address: '10.62.0.2', loadBalancerUid: balancer.uid, mac: '02:00:00:00:00:01' } })
    await expect(ann.caller.network.update({ tenant, name: 'busy', spec: { subnets: { a: { cidr: '10.61.0.0/24' } } } })).rejects.toMatchObject(at('spec.subnets', 'must keep "b" (10.62.0.0/24) while load balancer "web" in namespace "default" has an address of it'))
    await expect(ann.caller.network.delete({ tenant, name: 'busy' })).rejects.toThrow('Network "busy" has the load balancer of default/web, which its host has not let go of yet: wait until that is done')
    const site = await server.db.ingress.create({ data: { tenantId: ann.tenant.id, namespace: 'default', name: 'site', spec: {}, networkId: uid } })
    await expect(ann.caller.network.delete({ tenant, name: 'busy' })).rejects.toThrow('is used by the ingresses default/site: delete them first')
    await server.db.ingress.delete({ where: { uid: site.uid } })
    await server.db.loadBalancer.delete({ where: { uid: balancer.uid } })
    await ann.caller.network.delete({ tenant, name: 'busy' })
  })
})
