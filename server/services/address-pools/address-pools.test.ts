import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { startTestServer, type TestCaller } from '@/server/api/testing/server'
import { takeAddress } from '@/server/store/floating-addresses'
import { ensureDefaultPool } from './default-pool'

let server: Awaited<ReturnType<typeof startTestServer>>
let ann: Awaited<ReturnType<typeof server.signUp>>
let operator: TestCaller
let tenant = ''
beforeAll(async () => {
  server = await startTestServer()
  ann = await server.signUp('ann')
  tenant = ann.tenant.slug
  const olga = await server.signUp('olga')
  operator = server.callerOf({ ...olga.actor, operator: true, kind: 'session', tenantId: null })
})
afterAll(() => server.stop())
beforeEach(async () => {
  await server.db.floatingAddress.deleteMany()
  await server.db.addressPool.deleteMany()
})

const at = (path: string, message: string) => ({ cause: { problems: expect.arrayContaining([expect.objectContaining({ path, message: expect.stringContaining(message) })]) } })
const create = (name: string, subnet: object, more: object = {}) => operator.addressPool.create({ name, spec: { subnet: { cidr: '', ...subnet }, ...more } })
const update = (name: string, subnet: object, more: object = {}) => operator.addressPool.update({ name, spec: { subnet: { cidr: '', ...subnet }, ...more } })
const take = (name: string, spec: object = {}) => ann.caller.floatingAddress.create({ tenant, name, spec })

describe('pools of addresses', () => {
  it('are made, listed, changed and deleted by operators, who leave a trace', async () => {
    const made = await create('outside', { cidr: '198.18.1.0/24' })
    expect(made).toMatchObject({ metadata: { name: 'outside', generation: 1 }, spec: { subnet: { cidr: '198.18.1.0/24', gateway: '198.18.1.1' }, default: false }, status: { family: 'IPv4', addressesUsed: 0, addressesTotal: 253 } })
    await create('six', { cidr: '2001:db8:1::/64' }, { default: true })
    expect((await operator.addressPool.list()).items.map(({ metadata, status }) => [metadata.name, status.family])).toEqual([['outside', 'IPv4'], ['six', 'IPv6']])
    const changed = await operator.addressPool.update({ name: 'outside', labels: { a: 'b' }, spec: { subnet: { cidr: '198.18.1.0/24', allocationRanges: [{ start: '198.18.1.10', end: '198.18.1.19' }] }, default: true }, resourceVersion: made.metadata.resourceVersion })
    expect(changed).toMatchObject({ metadata: { generation: 2, labels: { a: 'b' } }, spec: { default: true }, status: { addressesTotal: 10 } })
    expect((await operator.addressPool.update({ name: 'outside', labels: { a: 'b' } })).metadata.resourceVersion).toBe(changed.metadata.resourceVersion)
    await expect(operator.addressPool.update({ name: 'outside', labels: {}, resourceVersion: made.metadata.resourceVersion })).rejects.toMatchObject({ cause: { code: 'conflict' } })
    await operator.addressPool.delete({ name: 'outside' })
    for (const call of [() => operator.addressPool.get({ name: 'outside' }), () => operator.addressPool.update({ name: 'outside' }), () => operator.addressPool.delete({ name: 'outside' })]) await expect(call()).rejects.toMatchObject({ cause: { code: 'not_found' } })
    expect((await server.db.auditEntry.findMany({ where: { kind: 'AddressPool', name: 'outside' }, orderBy: { id: 'asc' } })).map(({ action, actor, tenantId, detail }) => [action, actor, tenantId, detail])).toEqual([
      ['addressPool.create', 'olga@example.com', null, '198.18.1.0/24 by 198.18.1.1, 198.18.1.1-198.18.1.254'],
      ['addressPool.update', 'olga@example.com', null, '198.18.1.0/24 by 198.18.1.1, 198.18.1.1-198.18.1.254 to 198.18.1.0/24 by 198.18.1.1, 198.18.1.10-198.18.1.19, usual'],
      ['addressPool.delete', 'olga@example.com', null, '198.18.1.0/24 by 198.18.1.1, 198.18.1.10-198.18.1.19, usual'],
    ])
  })

  it('are made once for a request that comes twice', async () => {
    const input = { name: 'outside', spec: { subnet: { cidr: '198.18.1.0/24' } }, requestId: 'pool-1' }
    const [first, second] = await Promise.all([operator.addressPool.create(input), operator.addressPool.create(input)])
    expect(second).toEqual(first)
    await expect(operator.addressPool.create({ ...input, name: 'other' })).rejects.toMatchObject({ cause: { code: 'conflict' } })
    expect(await server.db.addressPool.count()).toBe(1)
  })

  it('are not waited for for long while a tenant takes addresses of them: the operator is told, and tenants wait for nobody', async () => {
    await create('outside', { cidr: '198.18.1.0/24' }, { default: true })
    let end = () => {}
    const ended = new Promise<void>((resolve) => (end = resolve))
    let begun = () => {}
    const begins = new Promise<void>((resolve) => (begun = resolve))
    const manifest = server.db.$transaction(async (tx) => {
      await takeAddress(tx, ann.tenant.id, { name: 'slow', managed: false, defaultQuota: 10 })
      begun()
      await ended
    }, { timeout: 120_000 })
    await begins
    for (const change of [() => operator.addressPool.delete({ name: 'outside' }), () => update('outside', { cidr: '198.18.1.0/25' }, { default: true })]) await expect(change()).rejects.toMatchObject({ cause: { code: 'unavailable' } })
    end()
    await manifest
    await expect(operator.addressPool.delete({ name: 'outside' })).rejects.toThrow('tenants have 1 address of it')
  })

  it('say who has which address', async () => {
    await create('outside', { cidr: '198.18.1.0/24' }, { default: true })
    const bob = await server.signUp('bob')
    await take('front')
    await bob.caller.floatingAddress.create({ tenant: 'bob', name: 'mail', spec: { address: '198.18.1.9' } })
    expect(await operator.addressPool.get({ name: 'outside' })).toMatchObject({
      status: { addressesUsed: 2 },
      addresses: [{ address: '198.18.1.2', tenant: { slug: 'ann' }, name: 'front', holder: null, host: null }, { address: '198.18.1.9', tenant: { id: bob.tenant.id, slug: 'bob' }, name: 'mail', holder: null, host: null }],
    })
  })

  it('overlap nothing else', async () => {
    await create('outside', { cidr: '198.18.0.0/22' })
    await expect(create('outside', { cidr: '198.18.8.0/24' })).rejects.toMatchObject({ cause: { code: 'already_exists', problems: [{ path: 'name' }] } })
    await expect(create('inner', { cidr: '198.18.2.0/24' })).rejects.toMatchObject(at('spec.subnet.cidr', 'overlaps the pool "outside" (198.18.0.0/22)'))
    await expect(create('transit', { cidr: '100.100.0.0/24' })).rejects.toMatchObject(at('spec.subnet.cidr', 'overlaps 100.64.0.0/10, where hosts have their addresses'))
    await expect(create('pods', { cidr: '10.244.7.0/24' })).rejects.toMatchObject(at('spec.subnet.cidr', 'the network "default" that each tenant begins with'))
    await expect(create('services', { cidr: '10.96.7.0/24' })).rejects.toMatchObject(at('spec.subnet.cidr', 'the network "default" that each tenant begins with'))
    await ann.caller.network.create({ tenant, name: 'secret-lab', spec: { subnets: { a: { cidr: '10.51.0.0/24' } }, serviceCIDRs: ['10.52.0.0/24'], routes: [{ destination: '10.53.0.0/16', via: '10.51.0.9' }] } })
    for (const cidr of ['10.51.0.0/25', '10.52.0.0/16', '10.53.9.0/24']) {
      const error: unknown = await create('met', { cidr }).catch((e: unknown) => e)
      expect(error).toMatchObject(at('spec.subnet.cidr', 'overlaps a network of a tenant'))
      expect(String(error)).not.toMatch(/secret-lab|\bann\b/)
    }
    await ann.caller.network.create({ tenant, name: 'second-lab', spec: { subnets: { a: { cidr: '10.51.0.0/16' } } } })
    await expect(create('met', { cidr: '10.51.0.0/25' })).rejects.toMatchObject(at('spec.subnet.cidr', 'overlaps 2 networks of tenants'))
    await expect(update('outside', { cidr: '10.51.0.0/25' })).rejects.toMatchObject(at('spec.subnet.cidr', 'overlaps 2 networks of tenants'))
    expect(await server.db.addressPool.count()).toBe(1)
  })

  it.each([
    [{ cidr: '198.18.1.7/24' }, 'spec.subnet.cidr', 'host bits set'],
    [{ cidr: '198.18.1.0/30' }, 'spec.subnet.cidr', 'prefix length from 8 to 29'],
    [{ cidr: '169.254.0.0/24' }, 'spec.subnet.cidr', 'is reserved'],
    [{ cidr: '198.18.1.0/24', gateway: '198.18.2.1' }, 'spec.subnet.gateway', 'must be a host address of 198.18.1.0/24'],
    [{ cidr: '198.18.1.0/24', allocationRanges: [{ start: '198.18.1.9', end: '198.18.1.2' }] }, 'spec.subnet.allocationRanges[0].end', 'must not be before start'],
    [{ cidr: '198.18.1.0/24', allocationRanges: [{ start: '2001:db8::1', end: '198.18.1.2' }] }, 'spec.subnet.allocationRanges[0].start', 'must be a host address'],
  ])('refuse %j', async (subnet, path, message) => {
    await expect(create('wrong', subnet)).rejects.toMatchObject(at(path, message))
  })

  it('are where addresses come from that name none, one of each family', async () => {
    await create('outside', { cidr: '198.18.1.0/24' }, { default: true })
    await create('six', { cidr: '2001:db8:1::/64' }, { default: true })
    await expect(create('second', { cidr: '198.18.2.0/24' }, { default: true })).rejects.toMatchObject(at('spec.default', 'is what the pool "outside" is for IPv4: set it to false there first'))
    await create('second', { cidr: '198.18.2.0/24' })
    await expect(update('second', { cidr: '198.18.2.0/24' }, { default: true })).rejects.toMatchObject(at('spec.default', 'is what the pool "outside" is'))
    await update('outside', { cidr: '198.18.1.0/24' })
    expect((await update('second', { cidr: '198.18.2.0/24' }, { default: true })).spec.default).toBe(true)
  })

  it('keep the addresses that tenants have', async () => {
    await create('outside', { cidr: '198.18.1.0/24' }, { default: true })
    await take('front')
    await take('back', { address: '198.18.1.200' })
    await expect(operator.addressPool.delete({ name: 'outside' })).rejects.toThrow('tenants have 2 addresses of it')
    await expect(update('outside', { cidr: '198.18.0.0/22', gateway: '198.18.1.1' })).rejects.toMatchObject(at('spec.subnet.cidr', 'cannot change while tenants have 2 addresses of it: make another pool'))
    await expect(update('outside', { cidr: '198.18.1.0/24', gateway: '198.18.1.254' })).rejects.toMatchObject(at('spec.subnet.gateway', 'cannot change while'))
    await expect(update('outside', { cidr: '198.18.1.0/24', allocationRanges: [{ start: '198.18.1.2', end: '198.18.1.100' }] })).rejects.toMatchObject(at('spec.subnet.allocationRanges', '198.18.1.200 would be left out'))
    await update('outside', { cidr: '198.18.1.0/24', allocationRanges: [{ start: '198.18.1.2', end: '198.18.1.3' }, { start: '198.18.1.200', end: '198.18.1.200' }] })
    for (const name of ['front', 'back']) await ann.caller.floatingAddress.delete({ tenant, name })
    await update('outside', { cidr: '198.18.4.0/24' })
    await operator.addressPool.delete({ name: 'outside' })
    expect(await server.db.addressPool.count()).toBe(0)
  })
})

describe('networks', () => {
  it('do not overlap a pool, whoever comes first', async () => {
    await create('outside', { cidr: '198.18.1.0/24' })
    const spec = { subnets: { a: { cidr: '198.18.0.0/20' }, b: { cidr: '10.60.0.0/24' } } }
    await expect(ann.caller.network.create({ tenant, name: 'met', spec })).rejects.toMatchObject(at('spec.subnets.a.cidr', 'overlaps 198.18.1.0/24, the floating addresses of the pool "outside"'))
    await expect(ann.caller.network.create({ tenant, name: 'met', spec: { subnets: { b: { cidr: '10.60.0.0/24' } }, serviceCIDRs: ['198.18.1.0/25'] } })).rejects.toMatchObject(at('spec.serviceCIDRs[0]', 'overlaps 198.18.1.0/24'))
    await ann.caller.network.create({ tenant, name: 'apart', spec: { subnets: { b: { cidr: '10.60.0.0/24' } } } })
    await expect(ann.caller.network.update({ tenant, name: 'apart', spec })).rejects.toMatchObject(at('spec.subnets.a.cidr', 'overlaps 198.18.1.0/24'))
    const [result] = (await ann.caller['manifest.apply']({ tenant, yaml: 'apiVersion: v1\nkind: Network\nmetadata: {name: met}\nspec:\n  subnets:\n    a:\n      cidr: 198.18.1.0/28\n' })).results
    expect(result?.problems).toEqual([{ path: 'spec.subnets.a.cidr', line: 7, message: expect.stringContaining('overlaps 198.18.1.0/24') }])
    expect(await server.db.network.count({ where: { name: 'met' } })).toBe(0)
  })

  it('and a pool that are made at once do not overlap either', async () => {
    for (let i = 0; i < 4; i++) {
      const results = await Promise.allSettled([create(`pool-${i}`, { cidr: `10.7${i}.0.0/24` }), ann.caller.network.create({ tenant, name: `race-${i}`, spec: { subnets: { a: { cidr: `10.7${i}.0.0/16` } } } })])
      expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
    }
  })
})

describe('the pool "default"', () => {
  it('is made once, however many start, and never changed by the setting', async () => {
    const results = await Promise.all([1, 2, 3].map(() => ensureDefaultPool(server.db, { externalCidr: '198.18.100.0/24' })))
    expect(results.filter(({ created }) => created)).toHaveLength(1)
    expect(await ensureDefaultPool(server.db, { externalCidr: '198.18.200.0/24' })).toEqual({ created: false })
    expect(await server.db.addressPool.findMany({ select: { name: true, isDefault: true, family: true, spec: true } })).toEqual([{ name: 'default', isDefault: true, family: 4, spec: { default: true, subnet: { cidr: '198.18.100.0/24', gateway: '198.18.100.1' } } }])
  })
  it('is not made where none is wanted', async () => {
    expect(await ensureDefaultPool(server.db, { externalCidr: 'none' })).toEqual({ created: false })
    expect(await server.db.addressPool.count()).toBe(0)
  })
  it.each([['198.18.100.7/24', 'host bits'], ['nonsense', 'is not a subnet'], ['198.18.100.0/31', 'prefix length']])('is refused from %s, with the setting named', async (externalCidr, message) => {
    await expect(ensureDefaultPool(server.db, { externalCidr })).rejects.toThrow(new RegExp(`HYPERNETES_EXTERNAL_CIDR: .*${message}.*such as 198.18.100.0/24`))
  })
  it('keeps nobody from starting where tenants have the addresses', async () => {
    await ann.caller.network.create({ tenant, name: 'benchmarks', spec: { subnets: { a: { cidr: '198.19.0.0/16' } } } })
    expect(await ensureDefaultPool(server.db, { externalCidr: '198.19.5.0/24' })).toEqual({ created: false, warning: expect.stringContaining('overlaps a network of a tenant') })
    expect(await server.db.addressPool.count()).toBe(0)
  })
})
