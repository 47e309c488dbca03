import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startTestServer } from '@/server/api/testing/server'
import { networkController } from '@/server/control/controllers/network/controller'
import { readNetworkState } from '@/server/store/network-state'

let server: Awaited<ReturnType<typeof startTestServer>>
let ann: Awaited<ReturnType<typeof server.signUp>>
let bob: Awaited<ReturnType<typeof server.signUp>>
beforeAll(async () => {
  server = await startTestServer()
  ann = await server.signUp('ann')
  bob = await server.signUp('bob')
  for (const [person, name, cidr] of [[ann, 'a1', '10.1.0.0/24'], [ann, 'a2', '10.2.0.0/24'], [ann, 'clash', '10.1.0.0/25'], [bob, 'b1', '10.3.0.0/24']] as const) await person.caller.network.create({ tenant: person.tenant.slug, name, spec: { subnets: { pods: { cidr } } } })
})
afterAll(() => server.stop())

type Person = typeof ann
const create = (person: Person, name: string, network: string, peer: { tenant?: string; network: string }) => person.caller.networkPeering.create({ tenant: person.tenant.slug, name, spec: { network, peer } })
const stateOf = async (person: Person, name: string) => {
  const { status } = await person.caller.networkPeering.get({ tenant: person.tenant.slug, name })
  return [status.active, status.conditions[0]?.reason]
}
const at = (path: string, message: string) => ({ cause: { problems: expect.arrayContaining([expect.objectContaining({ path, message: expect.stringContaining(message) })]) } })

describe('peerings of one tenant', () => {
  it('are one object, and hold at once', async () => {
    const input = { tenant: ann.tenant.slug, name: 'own', spec: { network: 'a1', peer: { network: 'a2' } }, requestId: 'r1' }
    const created = await ann.caller.networkPeering.create(input)
    expect(await ann.caller.networkPeering.create(input)).toEqual(created)
    expect(created.status).toMatchObject({ active: true, peerTenant: ann.tenant.slug, conditions: [{ type: 'Active', status: 'True' }] })
    expect((await ann.caller.networkPeering.list({ tenant: ann.tenant.slug, network: 'a1' })).items).toHaveLength(1)
    await expect(create(ann, 'own', 'a1', { network: 'a2' })).rejects.toMatchObject({ cause: { code: 'already_exists' } })
    await expect(create(ann, 'same', 'a1', { tenant: ann.tenant.id, network: 'a2' })).rejects.toMatchObject(at('spec.peer', 'is what the peering "own" says already'))
    expect((await ann.caller.networkPeering.update({ tenant: ann.tenant.slug, name: 'own', labels: { a: 'b' } })).metadata.labels).toEqual({ a: 'b' })
  })

  it.each([
    [{ network: 'a1' }, 'is the network itself'],
    [{ tenant: 'ann', network: 'a1' }, 'is the network itself'],
    [{ network: 'nowhere' }, 'does not exist: create it first'],
    [{ network: 'clash' }, 'subnet "pods" of network "a1" overlaps 10.1.0.0/25 of network "clash"'],
  ])('with %j are refused', async (peer, message) => {
    await expect(create(ann, 'refused', 'a1', peer)).rejects.toMatchObject(at('spec.peer.network', message))
    expect(await server.db.networkPeering.count({ where: { name: 'refused' } })).toBe(0)
  })

  it('hold each network from taking the other\'s addresses, and tell of one that is gone', async () => {
    await expect(ann.caller.network.update({ tenant: ann.tenant.slug, name: 'a2', spec: { subnets: { pods: { cidr: '10.2.0.0/24' }, more: { cidr: '10.1.0.128/25' } } } })).rejects.toMatchObject(at('spec.subnets.more.cidr', 'overlaps 10.1.0.0/24 of network "a1", which the peering "own" connects it with'))
    await ann.caller.network.create({ tenant: ann.tenant.slug, name: 'a3', spec: { subnets: { pods: { cidr: '10.4.0.0/24' } } } })
    await create(ann, 'short', 'a1', { network: 'a3' })
    await expect(ann.caller.network.delete({ tenant: ann.tenant.slug, name: 'a3' })).rejects.toThrow('Network "a3" is used by the peerings short: delete them first.')
    await ann.caller.networkPeering.delete({ tenant: ann.tenant.slug, name: 'short' })
    await ann.caller.network.delete({ tenant: ann.tenant.slug, name: 'a3' })
  })

  it('are applied, read and deleted as manifests, and do not change', async () => {
    const text = 'apiVersion: v1\nkind: NetworkPeering\nmetadata: {name: text}\nspec:\n  network: a2\n  peer: {network: default}\n'
    const apply = async (yaml: string) => (await ann.caller['manifest.apply']({ tenant: ann.tenant.slug, yaml })).results[0]
    expect(await apply(text)).toMatchObject({ action: 'created', problems: [] })
    expect(await apply(text)).toMatchObject({ action: 'unchanged' })
    expect(await apply(text.replace('default', 'a1'))).toMatchObject({ problems: [{ path: 'spec', line: 4, message: 'cannot change: delete the peering and create it anew' }] })
    expect(await ann.caller.manifest.get({ tenant: ann.tenant.slug, kind: 'NetworkPeering', name: 'text' })).toMatchObject({ kind: 'NetworkPeering', spec: { network: 'a2' }, status: { active: true } })
    expect((await ann.caller.manifest.list({ tenant: ann.tenant.slug, kind: 'NetworkPeering' })).items.map((p) => p.metadata.name)).toEqual(['own', 'text'])
    await ann.caller.manifest.delete({ tenant: ann.tenant.slug, kind: 'NetworkPeering', name: 'text' })
  })
})

describe('peerings of two tenants', () => {
  it('hold when both sides agree, and no longer when one takes its word back', async () => {
    await create(ann, 'to-bob', 'a1', { tenant: 'bob', network: 'b1' })
    expect(await stateOf(ann, 'to-bob')).toEqual([false, 'NotAgreed'])
    await create(bob, 'wrong-way', 'b1', { tenant: 'ann', network: 'a2' })
    expect(await stateOf(ann, 'to-bob')).toEqual([false, 'NotAgreed'])
    await create(bob, 'to-ann', 'b1', { tenant: ann.tenant.id, network: 'a1' })
    expect([await stateOf(ann, 'to-bob'), await stateOf(bob, 'to-ann'), await stateOf(bob, 'wrong-way')]).toEqual([[true, 'Agreed'], [true, 'Agreed'], [false, 'NotAgreed']])
    await bob.caller.network.update({ tenant: 'bob', name: 'b1', spec: { subnets: { pods: { cidr: '10.3.0.0/24' }, clash: { cidr: '10.1.0.0/24' } } } })
    expect([await stateOf(ann, 'to-bob'), await stateOf(bob, 'to-ann')]).toEqual([[false, 'SubnetsOverlap'], [false, 'SubnetsOverlap']])
    await bob.caller.network.update({ tenant: 'bob', name: 'b1', spec: { subnets: { pods: { cidr: '10.3.0.0/24' } } } })
    expect(await stateOf(ann, 'to-bob')).toEqual([true, 'Agreed'])
    expect((await ann.caller.network.topology({ tenant: 'ann', name: 'a1' })).peers).toContainEqual({ name: 'to-bob', network: 'b1', tenant: 'bob', active: true })
    await bob.caller.networkPeering.delete({ tenant: 'bob', name: 'to-ann' })
    expect(await stateOf(ann, 'to-bob')).toEqual([false, 'NotAgreed'])
  })

  it('tell nobody who exists, or what they have', async () => {
    const words = async (name: string, peer: { tenant: string; network: string }) => {
      const { status } = await create(ann, name, 'clash', peer)
      return JSON.stringify({ ...status, conditions: status.conditions.map(({ lastTransitionTime: _, ...rest }) => rest) }).replaceAll(peer.tenant, 'T').replaceAll(peer.network, 'N')
    }
    const there = await words('there', { tenant: 'bob', network: 'b1' })
    expect(await words('no-network', { tenant: 'bob', network: 'xx' })).toBe(there)
    expect(await words('no-tenant', { tenant: 'nobody', network: 'b1' })).toBe(there)
    expect(await words('no-id', { tenant: 'f'.repeat(32), network: 'b1' })).toBe(there)
    // A name and an id are two things until somebody agrees: that one is the other's is told to nobody.
    const standIn = createHash('sha256').update('no tenant: nobody').digest('hex').slice(0, 32)
    expect(await words('stand-in', { tenant: standIn, network: 'b1' })).toBe(there)
    expect(await words('its-id', { tenant: bob.tenant.id, network: 'b1' })).toBe(there)
    await expect(create(ann, 'again', 'clash', { tenant: 'nobody', network: 'b1' })).rejects.toMatchObject(at('spec.peer', 'is what the peering "no-tenant" says already'))
  })
})

describe('judged by the controller, peerings of two tenants', () => {
  const judge = async (...networks: { tenant: Person; name: string }[]) => {
    for (const { tenant, name } of networks) {
      const { uid } = await server.db.network.findFirstOrThrow({ where: { tenantId: tenant.tenant.id, name } })
      await networkController.reconcile({ db: server.db, log: server.server.log, feed: server.server.feed }, uid)
    }
  }
  const both = () => judge({ tenant: ann, name: 'mine' }, { tenant: bob, name: 'yours' })
  const uidOf = async (person: Person, name: string) => (await server.db.network.findFirstOrThrow({ where: { tenantId: person.tenant.id, name } })).uid
  const subnetsTold = async () => ((await readNetworkState(server.db, await uidOf(ann, 'mine')))?.peers ?? []).flatMap(({ spec }) => Object.values(spec.subnets).map(({ cidr }) => cidr))
  const subnets = (person: Person, name: string, ...cidrs: string[]) => person.caller.network.update({ tenant: person.tenant.slug, name, spec: { subnets: Object.fromEntries(cidrs.map((cidr, i) => [`s${i}`, { cidr }])) } })

  it('lead to the subnets that were agreed on, and to no other', async () => {
    await ann.caller.network.create({ tenant: 'ann', name: 'mine', spec: { subnets: { s0: { cidr: '10.20.0.0/24' } } } })
    await bob.caller.network.create({ tenant: 'bob', name: 'yours', spec: { subnets: { s0: { cidr: '10.21.0.0/24' } } } })
    await create(ann, 'to-yours', 'mine', { tenant: 'bob', network: 'yours' })
    await create(bob, 'to-mine', 'yours', { tenant: 'ann', network: 'mine' })
    await both()
    expect([await stateOf(ann, 'to-yours'), await stateOf(bob, 'to-mine'), await subnetsTold()]).toEqual([[true, 'Agreed'], [true, 'Agreed'], ['10.21.0.0/24']])
    await subnets(bob, 'yours', '10.21.0.0/24', '10.22.0.0/24')
    // At once, before the controller has said anything of it.
    expect([await subnetsTold(), await stateOf(ann, 'to-yours'), await stateOf(bob, 'to-mine')]).toEqual([[], [false, 'SubnetsChanged'], [false, 'SubnetsChanged']])
    await bob.caller.networkPeering.delete({ tenant: 'bob', name: 'to-mine' })
    await create(bob, 'to-mine', 'yours', { tenant: 'ann', network: 'mine' })
    await both()
    expect([await subnetsTold(), await stateOf(ann, 'to-yours'), await stateOf(bob, 'to-mine')]).toEqual([[], [false, 'SubnetsChanged'], [false, 'SubnetsChanged']])
    await ann.caller.networkPeering.delete({ tenant: 'ann', name: 'to-yours' })
    await create(ann, 'to-yours', 'mine', { tenant: 'bob', network: 'yours' })
    await both()
    expect([await subnetsTold(), await stateOf(ann, 'to-yours')]).toEqual([['10.21.0.0/24', '10.22.0.0/24'], [true, 'Agreed']])
    await subnets(bob, 'yours', '10.21.0.0/24', '8.8.8.0/24')
    await both()
    expect([await subnetsTold(), await stateOf(ann, 'to-yours')]).toEqual([[], [false, 'PublicSubnet']])
    await subnets(bob, 'yours', '10.21.0.0/24')
    await both()
    expect([await subnetsTold(), await stateOf(ann, 'to-yours')]).toEqual([['10.21.0.0/24'], [true, 'Agreed']])
  })

  it('wake the other side when they come, change and go, and not by labels', async () => {
    const told = async () => server.db.$queryRaw<unknown[]>`select 1 from "Change" where "kind" in ('Network', 'NetworkSpec', 'NetworkPeers') and "objectUid" = ${await uidOf(ann, 'mine')}::uuid`.then((rows) => rows.length)
    const before = await told()
    for (let i = 0; i < 3; i++) await bob.caller.networkPeering.update({ tenant: 'bob', name: 'to-mine', labels: { i: String(i) } })
    expect(await told()).toBe(before)
    const keys = async () => (await server.db.$queryRaw<{ kind: string; uid: string }[]>`select "kind", "objectUid" as uid from "Change" where "action" = 'modified'`).flatMap(({ kind, uid }) => networkController.keysOf({ cursor: { epoch: '', xid: '0', seq: '0' }, kind, uid, tenantId: null, namespace: null, name: '', action: 'modified', oldLabels: null, newLabels: null })).length
    const woken = await keys()
    await bob.caller.network.update({ tenant: 'bob', name: 'yours', labels: { a: 'b' } })
    expect(await keys()).toBe(woken)
    await bob.caller.network.update({ tenant: 'bob', name: 'yours', outbound: 'none' })
    expect(await keys()).toBe(woken + 1)
    await bob.caller.networkPeering.delete({ tenant: 'bob', name: 'to-mine' })
    expect(await told()).toBeGreaterThan(before)
    expect(await subnetsTold()).toEqual([])
  })

  it('hold nothing of the other tenant while they are written', async () => {
    await server.db.$transaction(async (tx) => {
      await tx.$queryRaw`select 1 from "Network" where "uid" = ${await uidOf(ann, 'mine')}::uuid for update`
      await create(bob, 'to-mine', 'yours', { tenant: 'ann', network: 'mine' })
      await bob.caller.networkPeering.delete({ tenant: 'bob', name: 'to-mine' })
    }, { timeout: 10_000 })
  })

  it('mean a tenant that came after they were written', async () => {
    await create(ann, 'to-eve', 'mine', { tenant: 'eve', network: 'hers' })
    const eve = await server.signUp('eve')
    await eve.caller.network.create({ tenant: 'eve', name: 'hers', spec: { subnets: { s0: { cidr: '10.30.0.0/24' } } } })
    await create(eve, 'to-mine', 'hers', { tenant: 'ann', network: 'mine' })
    await judge({ tenant: eve, name: 'hers' })
    expect([await stateOf(ann, 'to-eve'), await stateOf(eve, 'to-mine')]).toEqual([[true, 'Agreed'], [true, 'Agreed']])
  })
})
