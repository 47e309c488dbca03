import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import type { PodReport } from '@/contracts/host/v1'
import type { NetworkMessage, NetworkObject } from '@/contracts/host/v1/networks'
import { networkPolicySpec } from '@/domain/network-policy/spec'
import { networkSpec } from '@/domain/network/spec'
import { securityGroupSpec } from '@/domain/security-group/spec'
import { serviceSpec } from '@/domain/service/spec'
import { startTestServer } from '@/server/api/testing/server'
import { createEndpointsController } from '@/server/control/controllers/endpoints/controller'
import { podController } from '@/server/control/controllers/pod/controller'
import { runControllers } from '@/server/control/runtime/controller'
import { allocateServiceAddresses } from '@/server/store/addresses'
import { removePod } from '@/server/store/assignments'
import { inTransaction } from '@/server/store/database'
import { toNetworkObjects } from '@/server/drivers/native/network/objects'
import { readNetworkState } from '@/server/store/network-state'
import { HostSessions } from './host-sessions'
import { leftOutMessage } from './left-out'
import { ToldNetworks } from './network-objects'
import { connectHost } from './testing/connected-host'
import { wakeHostsOnChanges } from './wake-hosts'

let server: Awaited<ReturnType<typeof startTestServer>>
let ann: Awaited<ReturnType<typeof server.signUp>>
let stop = () => {}
const sessions = new HostSessions()
beforeAll(async () => {
  server = await startTestServer()
  ann = await server.signUp('ann')
  const stopWaking = wakeHostsOnChanges(server.server.feed, sessions, server.db)
  const ended = new AbortController()
  const running = runControllers({ db: server.db, log: server.server.log, feed: server.server.feed }, [podController, createEndpointsController()], ended.signal)
  stop = () => {
    stopWaking()
    ended.abort()
  }
  void running
})
afterAll(async () => {
  stop()
  await server.stop()
})
type Host = Awaited<ReturnType<typeof connectHost>>
const hosts: Host[] = []
const connect = async (name: string) => {
  const host = await connectHost(server, sessions, name)
  hosts.push(host)
  return host
}
afterEach(() => hosts.splice(0).forEach((host) => host.close()))

const act = <T>(work: Parameters<typeof inTransaction<T>>[1]) => inTransaction(server.db, work)
const network = (name: string) => act((tx) => tx.network.create({ data: { tenantId: ann.tenant.id, name, spec: networkSpec.parse({ subnets: { a: { cidr: '10.9.0.0/16' }, b: { cidr: 'fd09::/64' } } }) } }))
const namespace = (name: string, of: string) => act((tx) => tx.namespace.create({ data: { tenantId: ann.tenant.id, name, spec: { network: of } } }))
const container = { name: 'a', image: 'busybox', ports: [{ name: 'http', containerPort: 8080, protocol: 'TCP' }] }
const pod = (networkId: string, hostId: string, ns: string, name: string, labels: Record<string, string> = {}, place?: object) =>
  act((tx) => tx.pod.create({ data: { tenantId: ann.tenant.id, namespace: ns, name, labels, networkId, hostId, spec: { containers: [container], ...(place ? { network: { addresses: [], securityGroups: [], ...place } } : {}) } } })).then(({ uid }) => uid)
const service = (networkId: string, ns: string, name: string, spec: object) => act(async (tx) => {
  const parsed = serviceSpec.parse({ ports: [{ port: 80, targetPort: 'http' }], ...spec })
  const { uid } = await tx.service.create({ data: { tenantId: ann.tenant.id, namespace: ns, name, networkId, spec: parsed } })
  await allocateServiceAddresses(tx, { uid, networkId, spec: parsed })
  return uid
})
const ready = (uid: string, isReady: boolean): PodReport => ({ uid, observedGeneration: 1, phase: 'Running', reason: '', message: '', containers: [], startMode: null, startSteps: [], startedAt: null, conditions: [{ type: 'Ready', status: isReady ? 'True' : 'False', reason: '', message: '', lastTransitionTime: new Date().toISOString() }] })
const of = <K extends NetworkObject['kind']>(kind: K, { set }: NetworkMessage) => set.filter((one): one is Extract<NetworkObject, { kind: K }> => one.kind === kind)

describe('what hosts are told of networks', () => {
  it('comes whole before the pods of a network, then what changes, and whole again after the host had none', async () => {
    const host = await connect('h1')
    expect(await host.desired()).toEqual([])
    const { uid: id } = await network('one')
    await namespace('one', 'one')
    const web = await pod(id, host.hostId, 'one', 'web', { app: 'web' })
    const first = await host.network()
    expect(first).toMatchObject({ networkId: id, complete: true, remove: [] })
    expect(first.set.map(({ kind }) => kind)).toEqual(['network', 'pod'])
    expect(of('pod', first)).toMatchObject([{ uid: web, hostId: host.hostId, addresses: ['10.9.0.2', 'fd09::2'] }])
    expect((await host.desired()).map(({ network: { address, ipv6, dns, domain, mtu } }) => ({ address, ipv6, dns, domain, mtu }))).toEqual([{ address: '10.9.0.2', ipv6: { cidr: 'fd09::/64', gateway: 'fd09::1', address: 'fd09::2', prefixLength: 64 }, dns: ['10.9.0.1'], domain: 'cluster.local', mtu: 1450 }])

    const uid = await service(id, 'one', 'web', { selector: { app: 'web' } })
    const services = async () => of('service', await host.network())[0]
    expect(await services()).toMatchObject({ uid, addresses: ['10.96.0.1'], ports: [{ port: 80, endpoints: [] }] })
    await host.report(ready(web, true))
    expect(await services()).toMatchObject({ ports: [{ endpoints: [{ address: '10.9.0.2', port: 8080, hostId: host.hostId }] }] })
    await host.report(ready(web, false))
    expect(await services()).toMatchObject({ ports: [{ endpoints: [] }] })
    await act((tx) => tx.service.delete({ where: { uid } }))
    expect(await host.network()).toMatchObject({ complete: false, set: [], remove: [`service/${uid}`] })

    await act((tx) => removePod(tx, web))
    // The address is given back with the pod: what the host is told of the network, if it is, comes before it has no pod of it.
    const last = await host.next()
    if (last.kind === 'networkObjects') expect(await host.desired()).toEqual([])
    else expect(last).toMatchObject({ kind: 'desired', assignments: [] })
    await pod(id, host.hostId, 'one', 'again')
    expect(await host.network()).toMatchObject({ complete: true, set: [{ kind: 'network' }, { kind: 'pod', name: 'again' }] })
    expect(await host.desired()).toHaveLength(1)
  })

  it('comes to the hosts with pods of the network alone, with the pods on others and the rules', async () => {
    const [one, two] = [await connect('m1'), await connect('m2')]
    expect([await one.desired(), await two.desired()]).toEqual([[], []])
    const [{ uid: id }, { uid: other }] = [await network('rules'), await network('elsewhere')]
    await namespace('rules', 'rules')
    await namespace('elsewhere', 'elsewhere')
    const group = await act((tx) => tx.securityGroup.create({ data: { tenantId: ann.tenant.id, name: 'rules-group', networkId: id, spec: securityGroupSpec.parse({ network: 'rules', rules: [{ direction: 'ingress', protocol: 'tcp', ports: [{ port: 22 }], group: 'rules-group' }] }) } }))
    await pod(id, one.hostId, 'rules', 'first', {}, { securityGroups: ['rules-group'] })
    // The rules are there before the pod.
    expect(of('policy', await one.network())).toMatchObject([{ uid: group.uid, members: ['10.9.0.2', 'fd09::2'], rules: [{ id: 'rules[0]', peer: { addresses: ['10.9.0.2', 'fd09::2'] } }] }])
    expect(await one.desired()).toHaveLength(1)
    await pod(other, two.hostId, 'elsewhere', 'foreign')
    expect(of('pod', await two.network()).map(({ name }) => name)).toEqual(['foreign'])
    expect(await two.desired()).toHaveLength(1)
    const uid = await pod(id, two.hostId, 'rules', 'second', { app: 'db' })
    const whole = await two.network()
    expect([whole.networkId, whole.complete, of('pod', whole).map(({ name }) => name).sort()]).toEqual([id, true, ['first', 'second']])
    expect(await two.desired()).toHaveLength(2)
    expect(of('pod', await one.network()).map(({ name }) => name)).toEqual(['second'])
    await act((tx) => tx.networkPolicy.create({ data: { tenantId: ann.tenant.id, namespace: 'rules', name: 'np', spec: networkPolicySpec.parse({ podSelector: { matchLabels: { app: 'web' } }, ingress: [{ from: [{ namespaceSelector: { matchLabels: { team: 'x' } } }] }] }) } }))
    for (const host of [one, two]) expect(of('policy', await host.network())).toMatchObject([{ name: 'np', members: [] }])
    await act((tx) => tx.pod.update({ where: { uid }, data: { labels: { app: 'web' } } }))
    expect(of('policy', await one.network())).toMatchObject([{ name: 'np', members: ['10.9.0.3', 'fd09::3'] }])
    await act((tx) => tx.namespace.update({ where: { tenantId_name: { tenantId: ann.tenant.id, name: 'rules' } }, data: { labels: { team: 'x' } } }))
    expect(of('policy', await one.network()).flatMap(({ rules }) => rules.flatMap(({ peer }) => peer.addresses ?? [])).sort()).toEqual(['10.9.0.2', '10.9.0.3', 'fd09::2', 'fd09::3'])
    await act((tx) => tx.network.update({ where: { uid: id }, data: { spec: { ...networkSpec.parse({ subnets: { a: { cidr: '10.9.0.0/16' }, b: { cidr: 'fd09::/64' } }, outbound: 'none' }) } } }))
    expect(of('network', await one.network())).toMatchObject([{ outbound: 'none' }])
    expect(await one.desired()).toMatchObject([{ network: { outbound: 'none' } }])
  })

  it('is told of peers, once both sides of two tenants agree, and no longer than that', async () => {
    const bob = await server.signUp('bob')
    const host = await connect('p1')
    await host.desired()
    const { uid: mine } = await network('peered')
    const { uid: theirs } = await act((tx) => tx.network.create({ data: { tenantId: bob.tenant.id, name: 'theirs', spec: networkSpec.parse({ subnets: { a: { cidr: '10.8.0.0/16' } } }) } }))
    await pod(mine, host.hostId, 'peered', 'web')
    await host.network()
    await host.desired()
    const peering = (tenantId: string, networkId: string, peerTenantId: string, peerNetwork: string) => act((tx) => tx.networkPeering.create({ data: { tenantId, name: 'p', networkId, peerTenantId, peerNetwork, spec: {} } }))
    const own = await peering(ann.tenant.id, mine, bob.tenant.id, 'theirs')
    const activate = (objectUid: string) => act((tx) => tx.objectCondition.create({ data: { objectUid, objectKind: 'NetworkPeering', type: 'Active', status: 'True', reason: 'Active', message: '' } }))
    await activate(own.uid)
    const back = await peering(bob.tenant.id, theirs, ann.tenant.id, 'peered')
    expect(await host.network()).toMatchObject({ set: [{ kind: 'peer', uid: theirs, name: 'theirs', subnets: ['10.8.0.0/16'] }] })
    await act((tx) => tx.network.update({ where: { uid: theirs }, data: { spec: networkSpec.parse({ subnets: { a: { cidr: '10.7.0.0/16' } } }) } }))
    expect(await host.network()).toMatchObject({ set: [{ kind: 'peer', subnets: ['10.7.0.0/16'] }] })
    await act((tx) => tx.networkPeering.delete({ where: { uid: back.uid } }))
    expect(await host.network()).toMatchObject({ set: [], remove: [`peer/${theirs}`] })
  })

  it('is told of one of two peers that share addresses: that whose peering is older, whatever was said of them', async () => {
    const [{ uid: own }, old, young] = [await network('between'), await network('twin-a'), await network('twin-b')]
    await act((tx) => tx.network.update({ where: { uid: own }, data: { spec: networkSpec.parse({ subnets: { a: { cidr: '10.5.0.0/16' } } }) } }))
    const peer = async (name: string, createdAt: Date) => {
      const { uid } = await act((tx) => tx.networkPeering.create({ data: { tenantId: ann.tenant.id, name, networkId: own, peerTenantId: ann.tenant.id, peerNetwork: name, spec: {}, createdAt } }))
      await act((tx) => tx.objectCondition.create({ data: { objectUid: uid, objectKind: 'NetworkPeering', type: 'Active', status: 'True', reason: 'Active', message: '' } }))
    }
    for (const [first, second] of [[old, young], [young, old]] as const) {
      await server.db.networkPeering.deleteMany({ where: { networkId: own } })
      await peer(second.name, new Date('2026-01-02'))
      await peer(first.name, new Date('2026-01-01'))
      const state = await readNetworkState(server.db, own)
      expect(toNetworkObjects(state!).filter(({ kind }) => kind === 'peer')).toMatchObject([{ uid: first.uid }])
    }
  })

  it('comes before each further pod of a network, however late the wake for the network is', async () => {
    const host = await connect('l1')
    await host.desired()
    const { uid: id } = await network('late')
    await namespace('late', 'late')
    await act((tx) => tx.securityGroup.create({ data: { tenantId: ann.tenant.id, name: 'late-group', networkId: id, spec: securityGroupSpec.parse({ network: 'late', podSelector: { matchLabels: { app: 'web' } } }) } }))
    await pod(id, host.hostId, 'late', 'first')
    await host.network()
    await host.desired()
    const woken = vi.spyOn(sessions.get(host.hostId)!, 'wakeNetwork').mockImplementation(() => {})
    await pod(id, host.hostId, 'late', 'second', { app: 'web' })
    expect(of('policy', await host.network())).toMatchObject([{ name: 'late-group', members: ['10.9.0.3', 'fd09::3'] }])
    expect(await host.desired()).toHaveLength(2)
    expect(woken).toHaveBeenCalled()
  })

  it('a report that changes nothing of it says nothing, and a gap in the feed tells what was missed', async () => {
    const host = await connect('g1')
    await host.desired()
    const { uid: id } = await network('gap')
    await namespace('gap', 'gap')
    const web = await pod(id, host.hostId, 'gap', 'web')
    await host.network()
    await host.desired()
    const session = sessions.get(host.hostId)
    const woken = vi.spyOn(session!, 'wakeNetwork')
    await host.report(ready(web, true))
    await service(id, 'gap', 'told', {})
    expect(of('service', await host.network()).map(({ name }) => name)).toEqual(['told'])
    expect(woken.mock.calls.every(([uid]) => uid === id)).toBe(true)
    woken.mockImplementation(() => {})
    await service(id, 'gap', 'missed', {})
    session?.wakeWhole()
    expect(of('service', await host.network()).map(({ name }) => name)).toEqual(['missed'])
  })
})

it('of a network with more than its hosts carry out people are told, and once it is less, too', async () => {
  const host = await connect('x1')
  await host.desired()
  const { uid: id } = await network('vast')
  await namespace('vast', 'vast')
  const ports = Array.from({ length: 100 }, (_, i) => ({ name: `p${i}`, protocol: 'TCP', port: i + 1 }))
  const addresses = Array.from({ length: 1000 }, (_, i) => ({ ip: `192.0.${i >> 8}.${i & 255}` }))
  await act((tx) => tx.endpoints.create({ data: { tenantId: ann.tenant.id, namespace: 'vast', name: 'vast', subsets: [{ addresses, notReadyAddresses: [], ports }, { addresses: [{ ip: '192.0.9.9' }], notReadyAddresses: [], ports }] } }))
  await service(id, 'vast', 'vast', { ports })
  await pod(id, host.hostId, 'vast', 'web')
  const condition = async () => (await server.db.objectCondition.findUnique({ where: { objectUid_type: { objectUid: id, type: 'ObjectsComplete' } } }))
  expect(of('service', await host.network()).map((one) => one.ports.flatMap(({ endpoints }) => endpoints).length)).toEqual([0])
  await host.desired()
  expect(await condition()).toMatchObject({ status: 'False', reason: 'TooLarge', message: 'The services of network "vast" have too many endpoints together: vast/vast have none. Use fewer ports or pods a service, or a network more.' })
  await act((tx) => tx.endpoints.deleteMany({ where: { tenantId: ann.tenant.id, namespace: 'vast' } }))
  // The host is told nothing, for the service has no endpoints as before; its stream is at work nevertheless.
  void host.next().catch(() => {})
  await expect.poll(async () => (await condition())?.status, { timeout: 30_000, interval: 10 }).toBe('True')
})

describe('what goes wrong with one network', () => {
  it('costs the pods that would begin in it, and nobody else; what the host was told of it stays', async () => {
    const host = await connect('b1')
    await host.desired()
    const [{ uid: broken }, { uid: whole }] = [await network('broken'), await network('whole')]
    await pod(broken, host.hostId, 'broken', 'running')
    await host.network()
    expect(await host.desired()).toHaveLength(1)
    // A row that an older or a newer version wrote.
    await act((tx) => tx.network.update({ where: { uid: broken }, data: { spec: { subnets: { a: { cidr: '10.9.0.0/16' } }, mtu: 'none' } } }))
    await act(async (tx) => {
      const { uid } = await tx.pod.create({ data: { tenantId: ann.tenant.id, namespace: 'broken', name: 'comes', networkId: broken, hostId: host.hostId, spec: { containers: [container] } } })
      const { document } = await tx.podAssignment.findFirstOrThrow({ where: { hostId: host.hostId } })
      await tx.podAssignment.create({ data: { podUid: uid, hostId: host.hostId, document: { ...(document as object), uid, name: 'comes' } } })
    })
    await pod(whole, host.hostId, 'whole', 'neighbour')
    const message = await host.network()
    expect(message).toMatchObject({ networkId: whole, complete: true })
    expect((await host.desired()).map(({ name }) => name).sort()).toEqual(['neighbour', 'running'])
    // Another connection does not know what was said on this one: what the host has reported, it has.
    const { uid: running } = await server.db.pod.findFirstOrThrow({ where: { name: 'running', networkId: broken } })
    await host.report(ready(running, true))
    host.close()
    const again = await connect('b1')
    expect(await again.network()).toMatchObject({ networkId: whole, complete: true })
    expect((await again.desired()).map(({ name }) => name).sort()).toEqual(['neighbour', 'running'])
    await act((tx) => tx.network.update({ where: { uid: broken }, data: { spec: networkSpec.parse({ subnets: { a: { cidr: '10.9.0.0/16' } } }) } }))
    sessions.get(again.hostId)?.wake()
    expect(await again.network()).toMatchObject({ networkId: broken, complete: true })
    expect((await again.desired()).map(({ name }) => name).sort()).toEqual(['comes', 'neighbour', 'running'])
  })

  it('an object that no host would take is left out, and a policy among them lets nothing through', () => {
    const spec = networkSpec.parse({ subnets: { a: { cidr: '10.0.0.0/8' } } })
    const rules = [{ direction: 'ingress' as const, protocol: 'tcp' as const, ports: [{ port: 0 }], cidr: undefined, icmpTypes: undefined, group: undefined }]
    const state = {
      network: { uid: 'n', number: 1, name: 'n', tenantId: 't', spec }, namespaces: [], endpoints: [], policies: [], peers: [], pods: [],
      services: [{ uid: 'nonsense', namespace: 'default', name: 's', spec: serviceSpec.parse({ ports: [{ port: 80 }] }), addresses: [] }],
      groups: [{ uid: '00000000-0000-4000-8000-000000000001', name: 'g', spec: { ...securityGroupSpec.parse({}), rules: rules as never } }],
    }
    const { messages, leftOut, misshapen } = new ToldNetworks().messages(state)
    expect(messages).toMatchObject([{ set: [{ kind: 'network' }, { kind: 'policy', name: 'g', rules: [] }] }])
    expect(messages[0]?.set).toHaveLength(2)
    expect(misshapen.map(({ key }) => key)).toEqual(['policy/00000000-0000-4000-8000-000000000001', 'service/nonsense'])
    expect(leftOutMessage(state, leftOut)).toContain('Hosts cannot be told of policy/00000000-0000-4000-8000-000000000001, service/nonsense')
  })

  it('an agent of before networks were told is told none, and its pods run as before', async () => {
    const host = await connectHost(server, sessions, 'old', null)
    hosts.push(host)
    expect(await host.desired()).toEqual([])
    const { uid } = await network('old')
    await pod(uid, host.hostId, 'old', 'web')
    expect((await host.desired()).map(({ name }) => name)).toEqual(['web'])
    sessions.get(host.hostId)?.wakeWhole()
    await pod(uid, host.hostId, 'old', 'second')
    expect(await host.desired()).toHaveLength(2)
  })
})

it('a set that is too large for one message comes in several, of which the last says so', () => {
  const spec = networkSpec.parse({ subnets: { a: { cidr: '10.0.0.0/8' } } })
  const pods = Array.from({ length: 12_000 }, (_, i) => ({ uid: `00000000-0000-4000-8000-${String(i).padStart(12, '0')}`, namespace: 'default', name: `p${i}`, labels: {}, hostId: null, hostname: null, subdomain: null, securityGroups: [], addresses: [`10.${i >> 8}.${i & 255}.9`], ports: [] }))
  const state = { network: { uid: 'n', number: 1, name: 'n', tenantId: 't', spec }, namespaces: [], services: [], endpoints: [], groups: [], policies: [], peers: [], pods }
  const told = new ToldNetworks()
  const { messages } = told.messages(state)
  expect(messages.map(({ complete, more, set }) => [complete, more, set.length])).toEqual([[true, true, 5000], [false, true, 5000], [false, undefined, 2001]])
  expect(told.messages(state).messages).toEqual([])
  expect(told.messages({ ...state, pods: pods.slice(1) }).messages).toMatchObject([{ complete: false, set: [], remove: [`pod/${pods[0]?.uid}`] }])
  told.keep(new Set())
  expect(told.messages({ ...state, pods: [] }).messages).toMatchObject([{ complete: true, set: [{ kind: 'network' }] }])
})
