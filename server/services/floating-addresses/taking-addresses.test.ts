import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { startTestServer } from '@/server/api/testing/server'
import { inTransaction, type Transaction } from '@/server/store/database'
import { takeAddress } from '@/server/store/floating-addresses'
import { removeFreeAddress } from '@/server/store/load-balancers'
import { ensureDefaultPool } from '../address-pools/default-pool'

type Server = Awaited<ReturnType<typeof startTestServer>>
let server: Server
let ann: Awaited<ReturnType<Server['signUp']>>
let bob: Awaited<ReturnType<Server['signUp']>>
const tenant = 'ann'
beforeAll(async () => {
  server = await startTestServer()
  ann = await server.signUp('ann')
  bob = await server.signUp('bob')
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
const makePool = (name: string, cidr: string, { isDefault = false, ...subnet }: { isDefault?: boolean; allocationRanges?: object[] } = {}) =>
  server.db.addressPool.create({ data: { name, family: 4, isDefault, spec: { default: isDefault, subnet: { cidr, gateway: cidr.replace(/0\/\d+$/, '1'), ...subnet } } } })
const pod = (name: string, namespace = 'default') => ({ kind: 'Pod' as const, namespace, name })

/** A transaction that has done something and has more to do, such as a long manifest's, until it is ended. */
async function open(work: (tx: Transaction) => Promise<unknown>): Promise<() => Promise<void>> {
  let end = () => {}
  const ended = new Promise<void>((resolve) => (end = resolve))
  let begun = () => {}
  const begins = new Promise<void>((resolve) => (begun = resolve))
  const working = server.db.$transaction(async (tx) => {
    await work(tx)
    begun()
    await ended
  }, { timeout: 120_000 })
  await Promise.race([begins, working])
  return async () => {
    end()
    await working
  }
}
const request = (name: string, over: object = {}) => ({ name, managed: false, defaultQuota: 10, ...over })

describe('a transaction that takes an address and goes on for long', () => {
  it('keeps no other tenant from one of the same pool, and none from being asked for but its own', async () => {
    const end = await open((tx) => takeAddress(tx, ann.tenant.id, request('slow')))
    try {
      expect((await take('quick', {}, bob)).status.address).toBe('198.18.100.3')
      expect((await take('asked', { address: '198.18.100.9' }, bob)).status.address).toBe('198.18.100.9')
      await expect(take('same', { address: '198.18.100.2' }, bob)).rejects.toMatchObject(at('spec.address', '198.18.100.2 is not free'))
      const trying = await bob.caller['manifest.apply']({ tenant: 'bob', dryRun: true, yaml: 'apiVersion: v1\nkind: FloatingAddress\nmetadata: {name: tried}\n' })
      expect(trying.results).toMatchObject([{ action: 'created', problems: [] }])
    } finally {
      await end()
    }
    expect((await ann.caller.floatingAddress.get({ tenant, name: 'slow' })).status.address).toBe('198.18.100.2')
    // What was only tried is free still.
    expect((await take('next', {}, bob)).status.address).toBe('198.18.100.4')
  })

  it('waits for no other that takes of the same pools in another order', async () => {
    await makePool('a', '198.18.8.0/24')
    await makePool('b', '198.18.9.0/24')
    const taking = (who: typeof ann, first: string, second: string, met: () => Promise<unknown>) => server.db.$transaction(async (tx) => {
      const one = await takeAddress(tx, who.tenant.id, request('one', { pool: first }))
      await met()
      return [one, await takeAddress(tx, who.tenant.id, request('two', { pool: second }))]
    }, { timeout: 120_000 })
    let arrived = 0
    let bothHave = () => {}
    const both = new Promise<void>((resolve) => (bothHave = resolve))
    const met = () => {
      arrived += 1
      if (arrived === 2) bothHave()
      return both
    }
    const results = await Promise.all([taking(ann, 'a', 'b', met), taking(bob, 'b', 'a', met)])
    expect(results.flat().map((one) => ('taken' in one ? one.taken.address : one.refusal.message)).sort()).toEqual(['198.18.8.2', '198.18.8.3', '198.18.9.2', '198.18.9.3'])
  })
})

describe('many who ask at once', () => {
  it('get different addresses', async () => {
    await server.db.tenant.updateMany({ data: { floatingAddressQuota: 100 } })
    const made = await Promise.all(Array.from({ length: 20 }, (_, i) => take(`a${i}`, {}, i % 2 ? ann : bob)))
    expect(new Set(made.map(({ status }) => status.address)).size).toBe(20)
    expect((await take('next')).status.address).toBe('198.18.100.22')
  })
  it('for the last address leave one of them without, who is told why', async () => {
    await makePool('last', '198.18.8.0/24', { allocationRanges: [{ start: '198.18.8.5', end: '198.18.8.5' }] })
    const results = await Promise.allSettled([take('mine', { pool: 'last' }), take('mine', { pool: 'last' }, bob)])
    expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
    const refused = results.find((result) => result.status === 'rejected')
    expect(refused?.reason).toMatchObject(at('spec.pool', 'The pool "last" has no free address'))
  })
  it('for the same address leave one of them without', async () => {
    const results = await Promise.allSettled([ann, bob, ann, bob].map((who, i) => take(`m${i}`, { address: '198.18.100.77' }, who)))
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
  })
})

describe('addresses that were taken for a balancer', () => {
  const target = { kind: 'Service' as const, namespace: 'default', name: 'shop' }
  const taken = (name: string) => server.db.$transaction((tx) => takeAddress(tx, ann.tenant.id, { name, managed: true, target, defaultQuota: 10 }))

  it('are changed and given back by nobody\'s hand, and whose they are is said', async () => {
    expect(await taken('lb-1')).toMatchObject({ taken: { address: '198.18.100.2', pool: 'default' } })
    const whose = 'was taken for the Service "shop" in namespace "default"'
    await expect(ann.caller.floatingAddress.update({ tenant, name: 'lb-1', target: pod('web') })).rejects.toThrow(`${whose} and cannot be changed by hand`)
    await expect(ann.caller.floatingAddress.update({ tenant, name: 'lb-1', labels: { a: 'b' } })).rejects.toThrow(whose)
    await expect(ann.caller.floatingAddress.delete({ tenant, name: 'lb-1' })).rejects.toThrow(`${whose} and cannot be given back by hand`)
    expect(await ann.caller.floatingAddress.get({ tenant, name: 'lb-1' })).toMatchObject({ metadata: { generation: 1 }, spec: { target }, status: { managed: true } })
  })
  it('count, and are refused as others are', async () => {
    await server.db.tenant.update({ where: { slug: tenant }, data: { floatingAddressQuota: 1 } })
    await taken('lb-1')
    expect(await taken('lb-2')).toMatchObject({ refusal: { reason: 'QuotaExceeded', message: expect.stringContaining('those of load balancers count') } })
    await server.db.tenant.update({ where: { slug: tenant }, data: { floatingAddressQuota: 2 } })
    expect(await taken('lb-1')).toMatchObject({ refusal: { reason: 'NameTaken' } })
  })

  it('stand in the audit with whom they were taken for, and that they were given back', async () => {
    const given = await inTransaction(server.db, (tx) => takeAddress(tx, ann.tenant.id, { name: 'lb-1', managed: true, takenFor: 'Service default/shop', defaultQuota: 10 }))
    if (!('taken' in given)) throw new Error(given.refusal.message)
    await inTransaction(server.db, (tx) => removeFreeAddress(tx, given.taken.uid))
    const { items } = await ann.caller.audit.list({ tenant, limit: 2 })
    expect(items.map(({ actor, action, name, detail }) => [actor, action, name, detail])).toEqual([
      ['system', 'floatingAddress.release', 'lb-1', '198.18.100.2'],
      ['system', 'floatingAddress.create', 'lb-1', '198.18.100.2 for Service default/shop'],
    ])
  })
})

it('what is taken for a balancer is of the family of its service where a usual pool has that, and of the other where none has', async () => {
  const taken = async (name: string, prefers: 'IPv4' | 'IPv6') => {
    const given = await inTransaction(server.db, (tx) => takeAddress(tx, ann.tenant.id, request(name, { managed: true, prefers })))
    return 'taken' in given ? given.taken.pool : given.refusal.reason
  }
  expect(await taken('alone', 'IPv6')).toBe('default')
  await server.db.addressPool.create({ data: { name: 'six', family: 6, isDefault: true, spec: { default: true, subnet: { cidr: '2001:db8:7::/64', gateway: '2001:db8:7::1' } } } })
  expect([await taken('four', 'IPv4'), await taken('six', 'IPv6')]).toEqual(['default', 'six'])
  // Who takes one for themselves gets what they ask for.
  expect((await take('own')).status).toMatchObject({ family: 'IPv4' })
  await server.db.floatingAddress.deleteMany()
  await server.db.addressPool.deleteMany({ where: { name: 'default' } })
  expect(await taken('only', 'IPv4')).toBe('six')
  await expect(take('own')).rejects.toMatchObject(at('spec.family', 'No pool is the usual one for IPv4 addresses'))
  await server.db.floatingAddress.deleteMany()
  await server.db.addressPool.deleteMany()
  expect(await taken('none', 'IPv4')).toBe('NoDefaultPool')
})
