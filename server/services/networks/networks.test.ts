import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { podSubnet, subnetsOf } from '@/domain/network/spec'
import { startTestServer } from '@/server/api/testing/server'

let server: Awaited<ReturnType<typeof startTestServer>>
let ann: Awaited<ReturnType<typeof server.signUp>>
let tenant = ''
beforeAll(async () => {
  server = await startTestServer()
  ann = await server.signUp('ann')
  tenant = ann.tenant.slug
})
afterAll(() => server.stop())

const apply = async (yaml: string, options: { dryRun?: boolean } = {}) => (await ann.caller['manifest.apply']({ tenant, yaml, ...options })).results
const network = (name: string, spec: string) => `apiVersion: v1\nkind: Network\nmetadata: {name: ${name}}\nspec:\n${spec}\n`
const containers = [{ name: 'a', image: 'busybox' }]
const refusedWith = (path: string, message: string) => ({ cause: { problems: expect.arrayContaining([expect.objectContaining({ path, message: expect.stringContaining(message) })]) } })

describe('the manifests of Hypernetes\' own documents', () => {
  it('are applied as written: a Network, a Namespace, a Pod and a Service', async () => {
    const text = `apiVersion: v1  
kind: Network  
metadata:  
  name: net1  
spec:  
  tenantID: ${ann.tenant.id}  
  subnets:  
    subnet1:  
      cidr: 192.168.0.0/24  
      gateway: 192.168.0.1
---
apiVersion: v1  
kind: Namespace  
metadata:  
  name: ns1  
spec:  
  network: net1
---
apiVersion: v1  
kind: Pod  
metadata:  
  name: nginx  
  namespace: ns1
  labels:  
    app: nginx  
spec:  
  containers:  
  - name: nginx  
    image: nginx  
    ports:  
    - containerPort: 80  
---
apiVersion: v1
kind: Service
metadata:
  name: nginx
  namespace: ns1
  labels:
    app: nginx
spec:
  type: NetworkProvider
  externalIPs:
    - 58.215.33.98
  ports:
  - port: 8078
    name: nginx
    targetPort: 80
    protocol: TCP
  selector:
    app: nginx
`
    expect((await apply(text)).map((r) => [r.kind, r.action, r.problems])).toEqual([['Network', 'created', []], ['Namespace', 'created', []], ['Pod', 'created', []], ['Service', 'created', []]])
    expect((await apply(text)).map((r) => [r.action, r.problems])).toEqual([['unchanged', []], ['unchanged', []], ['unchanged', []], ['unchanged', []]])
    const service = await ann.caller.service.get({ tenant, namespace: 'ns1', name: 'nginx' })
    expect(service).toMatchObject({ spec: { type: 'NetworkProvider', externalIPs: ['58.215.33.98'], ports: [{ port: 8078, targetPort: 80 }] }, status: { network: 'net1', addresses: ['10.96.0.1'], hostname: 'nginx.ns1.svc.cluster.local' } })
    expect(service.status.conditions).toMatchObject([{ type: 'LoadBalancer', status: 'False', reason: 'Pending' }])
  })
})

describe('a network', () => {
  it('keeps where its services have their addresses, whatever comes later', async () => {
    const created = await ann.caller.network.create({ tenant, name: 'kept', spec: { subnets: { a: { cidr: '10.1.0.0/24' } } } })
    expect(created.spec.serviceCIDRs).toEqual(['10.96.0.0/16'])
    const [clash] = await apply(network('kept', '  subnets:\n    a: {cidr: 10.1.0.0/24}\n    b: {cidr: 10.96.4.0/24}'))
    expect(clash?.problems).toMatchObject([{ path: 'spec.subnets.b.cidr', line: 7, message: expect.stringContaining('overlaps 10.96.0.0/16') }])
    expect(await apply(network('kept', '  subnets:\n    a: {cidr: 10.1.0.0/24}\n    six: {cidr: "fd00:1::/64"}'))).toMatchObject([{ action: 'configured', problems: [] }])
    expect((await ann.caller.network.get({ tenant, name: 'kept' })).spec.serviceCIDRs).toEqual(['10.96.0.0/16', 'fd96::/112'])
    expect((await ann.caller.network.create({ tenant, name: 'moved', spec: { subnets: { a: { cidr: '10.96.0.0/12' } } } })).spec.serviceCIDRs).toEqual(['172.29.0.0/16'])
    await expect(ann.caller.network.create({ tenant, name: 'full', spec: { subnets: { a: { cidr: '10.0.0.0/8' }, b: { cidr: '172.16.0.0/12' }, c: { cidr: '192.168.0.0/16' } } } })).rejects.toMatchObject(refusedWith('spec.serviceCIDRs', 'must name a subnet of IPv4'))
  })

  it('takes subnets, ranges and routes while it is used, and loses nothing that a pod has', async () => {
    const subnets = { a: { cidr: '10.2.0.0/24' }, b: { cidr: '10.2.1.0/24' } }
    await ann.caller.network.create({ tenant, name: 'used', spec: { subnets } })
    await ann.caller.namespace.create({ tenant, name: 'used', network: 'used' })
    await ann.caller.pod.create({ tenant, namespace: 'used', name: 'holder', spec: { containers, network: { addresses: ['10.2.0.9'] } } })
    await ann.caller.pod.create({ tenant, namespace: 'used', name: 'namer', spec: { containers, network: { subnet: 'b' } } })
    const update = (spec: Parameters<typeof ann.caller.network.update>[0]['spec']) => ann.caller.network.update({ tenant, name: 'used', spec })
    const before = await ann.caller.network.get({ tenant, name: 'used' })
    await expect(update({ subnets: { b: subnets.b } })).rejects.toMatchObject(refusedWith('spec.subnets', 'must keep "a" (10.2.0.0/24) while pod "holder" in namespace "used" has an address of it: delete it first'))
    await expect(update({ subnets: { ...subnets, a: { cidr: '10.2.0.0/23' }, b: { cidr: '10.2.2.0/24' } } })).rejects.toMatchObject(refusedWith('spec.subnets.a.cidr', 'cannot change while pod "holder"'))
    await expect(update({ subnets: { ...subnets, a: { cidr: '10.2.0.0/24', gateway: '10.2.0.2' } } })).rejects.toMatchObject(refusedWith('spec.subnets.a.gateway', 'cannot change'))
    await expect(update({ subnets: { a: subnets.a } })).rejects.toMatchObject(refusedWith('spec.subnets', 'must keep "b" (10.2.1.0/24) while pod "namer" in namespace "used" names it: delete it first'))
    await expect(update({ subnets, mtu: 1400 })).rejects.toMatchObject(refusedWith('spec.mtu', 'cannot change while 2 pods use the network'))
    await expect(update({ subnets, dns: { domain: 'example.test' } })).rejects.toMatchObject(refusedWith('spec.dns.domain', 'cannot change while 2 pods'))
    expect(await ann.caller.network.get({ tenant, name: 'used' })).toEqual(before)
    const grown = await update({ subnets: { a: { cidr: '10.2.0.0/24', allocationRanges: [{ start: '10.2.0.100', end: '10.2.0.199' }] }, b: subnets.b, c: { cidr: '10.2.9.0/24' } }, routes: [{ destination: '10.50.0.0/16', via: '10.2.0.9' }] })
    expect(Object.keys(grown.spec.subnets)).toEqual(['a', 'b', 'c'])
    expect(grown.status).toMatchObject({ addressesTotal: 100 + 253 + 253, addressesUsed: 1, pods: 2, namespaces: ['used'] })
    expect((await ann.caller.network.update({ tenant, name: 'used', outbound: 'none' })).spec).toMatchObject({ outbound: 'none', routes: [{ via: '10.2.0.9' }] })
    await expect(ann.caller.network.update({ tenant, name: 'used', outbound: 'nat', resourceVersion: before.metadata.resourceVersion })).rejects.toMatchObject({ cause: { code: 'conflict' } })
  })

  it('keeps the addresses that its services have', async () => {
    await ann.caller.network.create({ tenant, name: 'served', spec: { subnets: { a: { cidr: '10.3.0.0/24' } }, serviceCIDRs: ['10.100.0.0/24'] } })
    await ann.caller.namespace.create({ tenant, name: 'served', network: 'served' })
    await ann.caller.service.create({ tenant, namespace: 'served', name: 'web', spec: { ports: [{ port: 80 }] } })
    const update = (serviceCIDRs: string[]) => ann.caller.network.update({ tenant, name: 'served', spec: { subnets: { a: { cidr: '10.3.0.0/24' } }, serviceCIDRs } })
    await expect(update(['10.101.0.0/24'])).rejects.toMatchObject(refusedWith('spec.serviceCIDRs', 'such as 10.100.0.1'))
    expect((await update(['10.100.0.0/23'])).spec.serviceCIDRs).toEqual(['10.100.0.0/23'])
    await expect(ann.caller.namespace.delete({ tenant, name: 'served' }).then(() => apply('apiVersion: v1\nkind: Namespace\nmetadata: {name: served}\nspec: {network: net1}\n'))).resolves.toMatchObject([{ problems: [{ message: expect.stringContaining('is being deleted') }] }])
  })

  it('has its subnets by name, in whichever order they are written', async () => {
    const text = network('ordered', '  subnets:\n    web: {cidr: 10.60.0.0/24}\n    apps: {cidr: 10.61.0.0/24}\n    b: {cidr: 10.62.0.0/24}')
    expect((await apply(text)).map((r) => r.action)).toEqual(['created'])
    expect((await apply(text)).map((r) => r.action)).toEqual(['unchanged'])
    const { spec } = await ann.caller.network.get({ tenant, name: 'ordered' })
    expect([subnetsOf(spec).map(({ name }) => name), podSubnet(spec).name]).toEqual([['apps', 'b', 'web'], 'apps'])
  })

  it('is of one of two peers what the other has no route or services in', async () => {
    await ann.caller.network.create({ tenant, name: 'left', spec: { subnets: { a: { cidr: '10.70.0.0/24' } } } })
    await ann.caller.network.create({ tenant, name: 'right', spec: { subnets: { a: { cidr: '10.71.0.0/24' } }, routes: [{ destination: '10.72.0.0/16', via: '10.71.0.9' }] } })
    await ann.caller.networkPeering.create({ tenant, name: 'sides', spec: { network: 'left', peer: { network: 'right' } } })
    const update = (more: object) => ann.caller.network.update({ tenant, name: 'left', spec: { subnets: { a: { cidr: '10.70.0.0/24' } }, ...more } })
    await expect(update({ subnets: { a: { cidr: '10.70.0.0/24' }, b: { cidr: '10.72.9.0/24' } } })).rejects.toMatchObject(refusedWith('spec.subnets.b.cidr', 'overlaps 10.72.0.0/16 of network "right"'))
    await expect(update({ routes: [{ destination: '10.71.0.0/16', via: '10.70.0.9' }] })).rejects.toMatchObject(refusedWith('spec.routes[0].destination', 'overlaps 10.71.0.0/24'))
    await expect(update({ serviceCIDRs: ['10.71.0.0/20'] })).rejects.toMatchObject(refusedWith('spec.serviceCIDRs[0]', 'overlaps 10.71.0.0/24'))
    await expect(ann.caller.network.delete({ tenant, name: 'right' })).rejects.toThrow('used by the peerings sides')
  })

  it('of a namespace stays while Endpoints of it were written by hand', async () => {
    await ann.caller.namespace.create({ tenant, name: 'written', network: 'net1' })
    await apply('apiVersion: v1\nkind: Endpoints\nmetadata: {name: far, namespace: written}\nsubsets: [{addresses: [{ip: 192.168.0.77}], ports: [{port: 80}]}]\n')
    const [moved] = await apply('apiVersion: v1\nkind: Namespace\nmetadata: {name: written}\n')
    expect(moved?.problems).toMatchObject([{ path: 'spec.network', message: 'cannot change while the namespace has 1 Endpoints: delete them first' }])
  })

  it('of a namespace is judged by what is there when the change comes to its turn', async () => {
    await ann.caller.namespace.create({ tenant, name: 'turns', network: 'net1' })
    let moving: Promise<Awaited<ReturnType<typeof apply>>> | undefined
    await server.db.$transaction(async (tx) => {
      await tx.$queryRaw`select 1 from "Namespace" where "tenantId" = ${ann.tenant.id} and "name" = 'turns' for update`
      moving = apply('apiVersion: v1\nkind: Namespace\nmetadata: {name: turns}\n')
      await vi.waitFor(async () => expect(await server.db.$queryRaw`select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database() and query like '%"Namespace"%'`).toHaveLength(1), { timeout: 15_000, interval: 20 })
      await tx.namespace.updateMany({ where: { tenantId: ann.tenant.id, name: 'turns' }, data: { deletedAt: new Date() } })
    }, { timeout: 20_000 })
    expect(await moving).toMatchObject([{ problems: [{ message: expect.stringContaining('is being deleted') as string }] }])
  })

  it('names who uses it when it shall go', async () => {
    await ann.caller.network.create({ tenant, name: 'busy', spec: { subnets: { a: { cidr: '10.4.0.0/24' } } } })
    await ann.caller.namespace.create({ tenant, name: 'busy', network: 'busy' })
    await ann.caller.service.create({ tenant, namespace: 'busy', name: 'web', spec: { ports: [{ port: 80 }] } })
    await ann.caller.securityGroup.create({ tenant, name: 'busy-group', spec: { network: 'busy' } })
    await ann.caller.networkPeering.create({ tenant, name: 'busy-peer', spec: { network: 'busy', peer: { network: 'net1' } } })
    await expect(ann.caller.network.delete({ tenant, name: 'busy' })).rejects.toThrow('used by the namespaces busy, by the services busy/web, by the security groups busy-group, by the peerings busy-peer')
    await expect(apply('apiVersion: v1\nkind: Namespace\nmetadata: {name: busy}\nspec: {network: net1}\n')).resolves.toMatchObject([{ problems: [{ path: 'spec.network', line: 4, message: 'cannot change while the namespace has 1 services: delete them first' }] }])
    await ann.caller.service.delete({ tenant, namespace: 'busy', name: 'web' })
    await expect(apply('apiVersion: v1\nkind: Namespace\nmetadata: {name: busy}\nspec: {network: net1}\n')).resolves.toMatchObject([{ action: 'configured' }])
    await ann.caller.securityGroup.delete({ tenant, name: 'busy-group' })
    await ann.caller.networkPeering.delete({ tenant, name: 'busy-peer' })
    expect(await ann.caller.network.delete({ tenant, name: 'busy' })).toEqual({ deleting: true })
  })

  it.each([
    ['  subnets: {a: {cidr: 10.0.0.0/24}, b: {cidr: 10.0.0.0/25}}', 'spec.subnets.b.cidr', 'overlaps subnet "a"'],
    ['  subnets:\n    a:\n      cidr: 10.0.0.0/24\n      gateway: 10.0.1.1', 'spec.subnets.a.gateway', 'must be a host address of 10.0.0.0/24'],
    ['  subnets:\n    a:\n      cidr: 10.0.0.0/24\n      allocationRanges: [{start: 10.0.0.9, end: 10.0.0.5}]', 'spec.subnets.a.allocationRanges[0].end', 'must not be before start'],
    ['  subnets: {a: {cidr: 10.0.0.0/24}}\n  serviceCIDRs: [10.0.0.0/20]', 'spec.serviceCIDRs[0]', 'overlaps subnet "a"'],
    ['  subnets: {a: {cidr: 10.0.0.0/24}}\n  routes: [{destination: 10.9.0.0/16, via: 10.8.0.1}]', 'spec.routes[0].via', 'must be an address of a pod'],
    ['  subnets: {a: {cidr: 10.0.0.0/24}}\n  dns: {upstrem: true}', 'spec.dns.upstrem', 'is not a field'],
    ['  subnets: {a: {cidr: 10.0.0.0/24}}\n  mtu: 9000', 'spec.mtu', '1280 to 1450'],
  ])('is refused with path and line: %.60s', async (spec, path, message) => {
    const [result] = await apply(network('refused', spec), { dryRun: true })
    expect(result?.problems).toContainEqual({ path, line: expect.any(Number), message: expect.stringContaining(message) })
  })
})

describe('a pod\'s place in its network', () => {
  beforeAll(async () => {
    await ann.caller.network.create({ tenant, name: 'place', spec: { subnets: { a: { cidr: '10.5.0.0/24' }, b: { cidr: '10.5.1.0/24' }, six: { cidr: 'fd00:5::/64' } } } })
    await ann.caller.namespace.create({ tenant, name: 'place', network: 'place' })
    await ann.caller.securityGroup.create({ tenant, name: 'here', spec: { network: 'place' } })
    await ann.caller.securityGroup.create({ tenant, name: 'elsewhere', spec: {} })
  })
  const create = (name: string, network: object) => ann.caller.pod.create({ tenant, namespace: 'place', name, spec: { containers, network } })

  it('is held from its creation on', async () => {
    expect((await create('first', { addresses: ['10.5.1.7', 'FD00:5::7'], securityGroups: ['here'] })).status.podIPs).toEqual(['10.5.1.7', 'fd00:5::7'])
    await expect(create('second', { addresses: ['10.5.1.7'] })).rejects.toMatchObject(refusedWith('spec.network.addresses[0]', 'is held by pod "first" in namespace "place": delete that pod, or ask for another address.'))
    const results = await Promise.allSettled(['r1', 'r2'].map((name) => create(name, { addresses: ['10.5.0.77'] })))
    expect(results.map((r) => r.status).sort()).toEqual(['fulfilled', 'rejected'])
    expect((await ann.caller.securityGroup.get({ tenant, name: 'here' })).members).toEqual([{ namespace: 'place', name: 'first', addresses: ['10.5.1.7', 'fd00:5::7'] }])
  })

  it.each([
    [{ addresses: ['10.5.2.1'] }, 'spec.network.addresses[0]', 'is in no subnet of network "place"'],
    [{ addresses: ['10.5.0.1'] }, 'spec.network.addresses[0]', 'is the gateway of subnet "a"'],
    [{ addresses: ['10.5.0.255'] }, 'spec.network.addresses[0]', 'is no address that a pod'],
    [{ addresses: ['10.5.0.9'], subnet: 'b' }, 'spec.network.addresses[0]', 'is in subnet "a", and the pod asks for subnet "b"'],
    [{ subnet: 'c' }, 'spec.network.subnet', 'has no subnet "c": it has "a", "b", "six"'],
    [{ securityGroups: ['here', 'nowhere'] }, 'spec.network.securityGroups[1]', 'does not exist: create it first'],
    [{ securityGroups: ['elsewhere'] }, 'spec.network.securityGroups[0]', 'is of another network than "place"'],
    [{ addresses: ['10.5.0.9', '10.5.0.10'] }, 'spec.network.addresses[1]', 'of another family'],
    [{ addresses: ['10.5.0.300'] }, 'spec.network.addresses[0]', 'must be an IP address'],
  ])('%j is refused', async (place, path, message) => {
    const before = await server.db.pod.count()
    await expect(create('refused', place)).rejects.toMatchObject(refusedWith(path, message))
    expect(await server.db.pod.count()).toBe(before)
  })

  it('has limits that are quantities', async () => {
    const key = 'kubernetes.io/egress-bandwidth'
    const [result] = await apply(`apiVersion: v1\nkind: Pod\nmetadata:\n  name: limited\n  namespace: place\n  annotations:\n    ${key}: fast\nspec: {containers: [{name: a, image: busybox}]}\n`)
    expect(result?.problems).toMatchObject([{ path: `metadata.annotations["${key}"]`, line: 7, message: expect.stringContaining('must be a quantity of bits a second') }])
    await expect(ann.caller.pod.update({ tenant, namespace: 'place', name: 'first', labels: {}, annotations: { [key]: '1' } })).rejects.toMatchObject({ code: 'BAD_REQUEST' })
    expect((await ann.caller.pod.update({ tenant, namespace: 'place', name: 'first', labels: {}, annotations: { [key]: '10M' } })).metadata.annotations).toEqual({ [key]: '10M' })
  })

  it('is told with its line in a manifest', async () => {
    const [result] = await apply('apiVersion: v1\nkind: Pod\nmetadata: {name: lined, namespace: place}\nspec:\n  containers: [{name: a, image: busybox}]\n  network:\n    securityGroups:\n    - here\n    - nowhere\n')
    expect(result?.problems).toMatchObject([{ path: 'spec.network.securityGroups[1]', line: 9 }])
  })
})

it('a network is drawn', async () => {
  await ann.caller.securityGroup.create({ tenant, name: 'selecting', spec: { network: 'place', podSelector: { matchLabels: { app: 'web' } } } })
  await ann.caller.pod.update({ tenant, namespace: 'place', name: 'first', labels: { app: 'web' }, annotations: {} })
  await ann.caller.service.create({ tenant, namespace: 'place', name: 'web', spec: { selector: { app: 'web' }, ports: [{ port: 80 }, { name: 'dns', protocol: 'UDP', port: 53 }].map((port, i) => ({ name: `p${i}`, ...port })) as { name: string; port: number }[] } })
  await ann.caller.service.create({ tenant, namespace: 'place', name: 'elsewhere', spec: { type: 'ExternalName', externalName: 'db.example.com' } })
  await ann.caller.networkPeering.create({ tenant, name: 'drawn', spec: { network: 'place', peer: { network: 'net1' } } })
  const drawn = await ann.caller.network.topology({ tenant, name: 'place' })
  expect(drawn).toMatchObject({
    network: { name: 'place', outbound: 'nat', domain: 'cluster.local', mtu: 1450, serviceCIDRs: ['10.96.0.0/16', 'fd96::/112'] },
    subnets: [{ name: 'a', gateway: '10.5.0.1', used: 1, total: 253 }, { name: 'b', used: 1 }, { name: 'six' }],
    services: expect.arrayContaining([expect.objectContaining({ name: 'elsewhere', externalName: 'db.example.com', addresses: [], pods: [] }), expect.objectContaining({ namespace: 'place', name: 'web', externalName: null, ports: ['80/TCP', '53/UDP'] })]) as unknown,
    peers: [{ name: 'drawn', network: 'net1', tenant, active: true }], truncated: false,
  })
  expect(drawn.pods.find((pod) => pod.name === 'first')).toMatchObject({ state: 'Pending', ready: false, addresses: [{ address: '10.5.1.7', subnet: 'b' }, { address: 'fd00:5::7', subnet: 'six' }], securityGroups: ['here', 'selecting'] })
  expect((await ann.caller.network.topology({ tenant, name: 'net1' })).peers).toMatchObject([{ name: 'drawn', network: 'place', active: true }])
  await expect(ann.caller.network.topology({ tenant, name: 'nowhere' })).rejects.toMatchObject({ cause: { code: 'not_found' } })
})

it('texts of all kinds that are applied at the same time wait for each other, whatever their order', async () => {
  const documents = (i: number) => [
    network('race', '  subnets: {a: {cidr: 10.66.0.0/24}}'), 'apiVersion: v1\nkind: Namespace\nmetadata: {name: race}\nspec: {network: race}\n',
    `apiVersion: v1\nkind: SecurityGroup\nmetadata: {name: race, labels: {i: "${i}"}}\nspec: {network: race}\n`, `apiVersion: v1\nkind: Service\nmetadata: {name: race, namespace: race, labels: {i: "${i}"}}\nspec: {ports: [{port: 80}]}\n`,
    `apiVersion: v1\nkind: NetworkPolicy\nmetadata: {name: race, namespace: race}\nspec: {podSelector: {}, ingress: [{ports: [{port: ${i + 1}}]}]}\n`,
    `apiVersion: v1\nkind: Pod\nmetadata: {name: race${i}, namespace: race}\nspec: {containers: [{name: a, image: busybox}], network: {addresses: [10.66.0.${i + 10}], securityGroups: [race]}}\n`,
  ]
  const results = await Promise.all(Array.from({ length: 6 }, (_, i) => apply((i % 2 === 0 ? documents(i) : documents(i).reverse()).join('---\n'))))
  expect(results.flat().flatMap((result) => result.problems)).toEqual([])
  expect((await ann.caller.network.get({ tenant, name: 'race' })).pods.map((pod) => pod.address)).toEqual(Array.from({ length: 6 }, (_, i) => `10.66.0.${i + 10}`))
})
