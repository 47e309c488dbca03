import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { networkSpec, type NetworkSpecInput } from '@/domain/network/spec'
import { serviceSpec } from '@/domain/service/spec'
import { startTestServer } from '@/server/api/testing/server'
import { allocateAddresses, allocateBalancerAddresses, allocateServiceAddresses, releaseServiceAddresses } from './addresses'
import { removePod } from './assignments'
import { inTransaction } from './database'

let server: Awaited<ReturnType<typeof startTestServer>>
let ann: Awaited<ReturnType<typeof server.signUp>>
beforeAll(async () => {
  server = await startTestServer()
  ann = await server.signUp('ann')
})
afterAll(() => server.stop())

const network = async (name: string, spec: NetworkSpecInput) => (await server.db.network.create({ data: { tenantId: ann.tenant.id, name, spec: networkSpec.parse(spec) } })).uid
const pod = async (networkId: string, name: string) => (await server.db.pod.create({ data: { tenantId: ann.tenant.id, namespace: 'default', name, networkId, spec: {} } })).uid
type Place = Parameters<typeof allocateAddresses>[2]['spec']['network']
const ask = (subnet?: string, ...addresses: string[]): Place => ({ subnet, addresses, securityGroups: [] })
const allocate = (networkId: string, uid: string, place?: Place) => inTransaction(server.db, (tx) => allocateAddresses(tx, networkId, { uid, spec: { network: place } }))
/** The addresses of a new pod, or the reason why there are none. */
async function given(networkId: string, name: string, place?: Place) {
  const result = await allocate(networkId, await pod(networkId, name), place)
  return 'refusal' in result ? result.refusal.reason : result.addresses.map(({ address }) => address)
}

describe('addresses of pods', () => {
  it('are each given once, however many ask, and never the network\'s, the gateway\'s or the broadcast address', async () => {
    const id = await network('small', { subnets: { a: { cidr: '10.9.0.0/29', gateway: '10.9.0.1' } } })
    const uids = await Promise.all(['a', 'b', 'c', 'd', 'e', 'f'].map((name) => pod(id, name)))
    const results = await Promise.all(uids.map((uid) => allocate(id, uid)))
    const held = results.flatMap((result) => ('addresses' in result ? result.addresses : []))
    // A /29 has six hosts, one of them the gateway: the sixth pod gets none.
    expect(held.map(({ address }) => address).sort()).toEqual(['10.9.0.2', '10.9.0.3', '10.9.0.4', '10.9.0.5', '10.9.0.6'])
    expect(new Set(held.map(({ mac }) => mac)).size).toBe(5)
    const refused = results.flatMap((result) => ('refusal' in result ? result.refusal : []))
    expect(refused).toEqual([expect.objectContaining({ reason: 'NoFreeAddress', message: expect.stringContaining('Network "small" has no free address in subnet "a" (10.9.0.0/29): delete pods of it') as string })])
    const first = results.findIndex((result) => 'addresses' in result)
    expect(await allocate(id, uids[first] ?? '')).toEqual(results[first])
    await inTransaction(server.db, (tx) => removePod(tx, uids[first] ?? ''))
    expect('addresses' in (await allocate(id, uids[results.findIndex((result) => 'refusal' in result)] ?? ''))).toBe(true)
  })

  it('are held unique by the database', async () => {
    const id = await network('unique', { subnets: { a: { cidr: '10.9.0.0/29' } } })
    const [one, other] = [await pod(id, 'u1'), await pod(id, 'u2')]
    await allocate(id, one)
    await expect(server.db.$executeRaw`insert into "NetworkAddress" ("networkId", "address", "podUid", "mac") select "networkId", "address", ${other}::uuid, '02:00:00:00:00:00' from "NetworkAddress" where "podUid" = ${one}::uuid`).rejects.toThrow('NetworkAddress_pkey')
  })

  it('are of both families, from the first subnet with room, in ranges where there are any', async () => {
    const id = await network('both', { subnets: { a: { cidr: '10.9.0.0/29', gateway: '10.9.0.3', allocationRanges: [{ start: '10.9.0.3', end: '10.9.0.4' }] }, six: { cidr: 'fd00:1::/64' }, b: { cidr: '10.9.1.0/24', allocationRanges: [{ start: '10.9.1.200', end: '10.9.1.201' }, { start: '10.9.1.100', end: '10.9.1.100' }] }, wide: { cidr: 'fd00:2::/120', gateway: 'fd00:2::ff' } } })
    expect(await given(id, 'b1')).toEqual(['10.9.0.4', 'fd00:1::2'])
    expect(await given(id, 'b2')).toEqual(['10.9.1.100', 'fd00:1::3'])
    expect(await given(id, 'b3', ask('wide'))).toEqual(['10.9.1.200', 'fd00:2::1'])
    expect(await given(id, 'b4', ask('b'))).toEqual(['10.9.1.201', 'fd00:1::4'])
    expect(await given(id, 'b5')).toBe('NoFreeAddress')
    expect(await given(id, 'b6', ask(undefined, '10.9.1.7', 'fd00:1::5'))).toEqual(['10.9.1.7', 'fd00:1::5'])
    expect(await given(id, 'b7', ask('b', '10.9.1.8'))).toEqual(['10.9.1.8', 'fd00:1::6'])
  })

  it('that are asked for are given to one pod alone, and where they lie outside to none', async () => {
    const id = await network('asked', { subnets: { a: { cidr: '10.9.0.0/24' }, b: { cidr: '10.9.1.0/24' } } })
    const uids = await Promise.all(['q1', 'q2', 'q3', 'q4'].map((name) => pod(id, name)))
    const results = await Promise.all(uids.map((uid) => allocate(id, uid, ask(undefined, '10.9.0.9'))))
    expect(results.filter((result) => 'addresses' in result)).toHaveLength(1)
    const holder = ['q1', 'q2', 'q3', 'q4'][results.findIndex((result) => 'addresses' in result)]
    for (const result of results) if ('refusal' in result) expect(result.refusal).toMatchObject({ reason: 'AddressTaken', path: ['network', 'addresses', 0], message: expect.stringContaining(`10.9.0.9 of network "asked" is held by pod "${holder}" in namespace "default"`) as string })
    for (const outside of ['10.9.0.0', '10.9.0.1', '10.9.0.255', '10.9.2.1']) expect(await given(id, `out-${outside}`, ask(undefined, outside))).toBe('AddressNotInNetwork')
    expect(await given(id, 'q5', ask('b', '10.9.0.8'))).toBe('AddressNotInNetwork')
    expect(await given(id, 'q6', ask('c'))).toBe('SubnetNotFound')
  })

  it('are not given in a network of IPv6 alone, which is said, to pods and load balancers', async () => {
    const six = await network('six-alone', { subnets: { a: { cidr: 'fd00:66::/64' } } })
    const forBalancer = await inTransaction(server.db, (tx) => allocateBalancerAddresses(tx, six, '00000000-0000-4000-8000-000000000066'))
    expect(forBalancer).toMatchObject({ refusal: { reason: 'FamilyNotInNetwork', message: expect.stringContaining('add an IPv4 subnet') as string } })
    const id = await network('six', { subnets: { a: { cidr: 'fd00:1::/64' } } })
    expect(await given(id, 's1')).toBe('FamilyNotInNetwork')
  })
})

const service = async (networkId: string, name: string, spec: object = {}) => {
  const parsed = serviceSpec.parse({ ports: [{ port: 80 }], ...spec })
  const { uid } = await server.db.service.create({ data: { tenantId: ann.tenant.id, namespace: 'default', name, networkId, spec: parsed } })
  return { uid, networkId, spec: parsed }
}
type Service = Awaited<ReturnType<typeof service>>
const allocateService = (one: Service) => inTransaction(server.db, (tx) => allocateServiceAddresses(tx, one))
const heldBy = async (one: Service) => (await server.db.$queryRaw<{ a: string }[]>`select host("address") as a from "ServiceAddress" where "serviceUid" = ${one.uid}::uuid order by "address"`).map(({ a }) => a)
async function serviceGiven(networkId: string, name: string, spec: object = {}) {
  const result = await allocateService(await service(networkId, name, spec))
  return 'refusal' in result ? result.refusal.reason : result.addresses
}

describe('addresses of services', () => {
  it('are each given once, however many ask, and no more than there are', async () => {
    const id = await network('services', { subnets: { a: { cidr: '10.9.0.0/24' } }, serviceCIDRs: ['10.96.0.0/28'] })
    const services = await Promise.all(Array.from({ length: 15 }, (_, i) => service(id, `s${i}`)))
    const results = await Promise.all(services.map(allocateService))
    const given = results.flatMap((result) => ('addresses' in result ? result.addresses : []))
    expect(new Set(given).size).toBe(14)
    expect(results.flatMap((result) => ('refusal' in result ? result.refusal : []))).toEqual([expect.objectContaining({ reason: 'NoFreeAddress', message: expect.stringContaining('10.96.0.0/28') as string })])
    const first = services[results.findIndex((result) => 'addresses' in result)]
    if (first) await inTransaction(server.db, (tx) => releaseServiceAddresses(tx, first.uid))
    const last = services[results.findIndex((result) => 'refusal' in result)]
    expect(last && 'addresses' in (await allocateService(last))).toBe(true)
  })

  it('are of the families that the service asks for and the network has', async () => {
    const id = await network('families', { subnets: { a: { cidr: '10.9.0.0/24' }, b: { cidr: 'fd00:1::/64' } } })
    expect(await serviceGiven(id, 'plain')).toEqual(['10.96.0.1'])
    expect(await serviceGiven(id, 'six', { ipFamilies: ['IPv6'] })).toEqual(['fd96::1'])
    expect(await serviceGiven(id, 'prefer', { ipFamilyPolicy: 'PreferDualStack', ipFamilies: ['IPv6'] })).toEqual(['fd96::2', '10.96.0.2'])
    expect(await serviceGiven(id, 'require', { ipFamilyPolicy: 'RequireDualStack' })).toEqual(['10.96.0.3', 'fd96::3'])
    expect(await serviceGiven(id, 'asked', { clusterIP: '10.96.0.7', clusterIPs: ['10.96.0.7', 'fd96::7'] })).toEqual(['10.96.0.7', 'fd96::7'])
    expect(await serviceGiven(id, 'taken', { clusterIP: '10.96.0.7' })).toBe('AddressTaken')
    expect(await serviceGiven(id, 'outside', { clusterIP: '10.97.0.7' })).toBe('AddressNotInNetwork')
    const four = await network('four', { subnets: { a: { cidr: '10.96.1.0/24' } } })
    expect(await serviceGiven(four, 'prefer4', { ipFamilyPolicy: 'PreferDualStack' })).toEqual(['172.29.0.1'])
    expect(await serviceGiven(four, 'require4', { ipFamilyPolicy: 'RequireDualStack' })).toBe('FamilyNotInNetwork')
    expect(await serviceGiven(four, 'six4', { clusterIP: 'fd96::9' })).toBe('FamilyNotInNetwork')
  })

  it('follow the spec: kept where they fit, given back where it wants none', async () => {
    const id = await network('follow', { subnets: { a: { cidr: '10.9.0.0/24' }, b: { cidr: 'fd00:1::/64' } } })
    const one = await service(id, 'follow')
    const become = async (spec: object) => {
      const result = await allocateService({ ...one, spec: serviceSpec.parse({ ports: [{ port: 80 }], ...spec }) })
      expect('addresses' in result ? [...result.addresses].sort() : result.refusal.reason).toEqual('addresses' in result ? await heldBy(one) : result.refusal.reason)
      return 'addresses' in result ? result.addresses : result.refusal.reason
    }
    expect(await become({})).toEqual(['10.96.0.1'])
    expect(await become({ ipFamilyPolicy: 'RequireDualStack' })).toEqual(['10.96.0.1', 'fd96::1'])
    expect(await become({ clusterIP: '10.96.0.9' })).toEqual(['10.96.0.9'])
    expect(await become({ clusterIP: '10.97.0.9' })).toBe('AddressNotInNetwork')
    expect(await heldBy(one)).toEqual(['10.96.0.9'])
    expect(await become({})).toEqual(['10.96.0.9'])
    expect(await become({ clusterIP: 'None' })).toEqual([])
    expect(await become({ type: 'ExternalName', externalName: 'example.com', ports: [] })).toEqual([])
  })
})
