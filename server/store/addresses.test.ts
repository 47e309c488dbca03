import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startTestServer } from '@/server/api/testing/server'
import { allocateAddress } from './addresses'
import { inTransaction } from './database'

const subnet = { cidr: '10.9.0.0/29', gateway: '10.9.0.1' }
let server: Awaited<ReturnType<typeof startTestServer>>
let ann: Awaited<ReturnType<typeof server.signUp>>
let networkId = ''
beforeAll(async () => {
  server = await startTestServer()
  ann = await server.signUp('ann')
  const network = await ann.caller.network.create({ tenant: ann.tenant.slug, name: 'small', spec: { subnets: { a: subnet } } })
  networkId = network.metadata.uid
  await ann.caller.namespace.create({ tenant: ann.tenant.slug, name: 'small', network: 'small' })
})
afterAll(() => server.stop())

const pod = async (name: string) => (await ann.caller.pod.create({ tenant: ann.tenant.slug, namespace: 'small', name, spec: { containers: [{ name: 'a', image: 'busybox' }] } })).metadata.uid
const allocate = (uid: string) => inTransaction(server.db, (tx) => allocateAddress(tx, networkId, subnet, uid))

describe('addresses', () => {
  it('are each given once, however many ask, and never the network\'s, the gateway\'s or the broadcast address', async () => {
    const uids = await Promise.all(['a', 'b', 'c', 'd', 'e', 'f'].map(pod))
    const given = await Promise.all(uids.map(allocate))
    const addresses = given.flatMap((g) => g?.address ?? []).sort()
    // A /29 has six hosts, one of them the gateway: the sixth pod gets none.
    expect(addresses).toEqual(['10.9.0.2', '10.9.0.3', '10.9.0.4', '10.9.0.5', '10.9.0.6'])
    expect(new Set(given.flatMap((g) => g?.mac ?? [])).size).toBe(5)
    const holder = uids[given.findIndex((g) => g !== null)]!
    expect(await allocate(holder)).toEqual(given[uids.indexOf(holder)])
  })
  it('are held unique by the database', async () => {
    const taken = await server.db.$queryRaw<{ podUid: string }[]>`select "podUid" from "NetworkAddress" where "networkId" = ${networkId}::uuid limit 1`
    const uid = await pod('g')
    await expect(server.db.$executeRaw`insert into "NetworkAddress" ("networkId", "address", "podUid", "mac") select "networkId", "address", ${uid}::uuid, '02:00:00:00:00:00' from "NetworkAddress" where "podUid" = ${taken[0]?.podUid}::uuid`).rejects.toThrow('NetworkAddress_pkey')
  })
})
