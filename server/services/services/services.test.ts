import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { serviceSpec } from '@/domain/service/spec'
import { startTestServer } from '@/server/api/testing/server'
import { namespaceController } from '@/server/control/controllers/namespace/controller'

let server: Awaited<ReturnType<typeof startTestServer>>
let ann: Awaited<ReturnType<typeof server.signUp>>
let bob: Awaited<ReturnType<typeof server.signUp>>
let tenant = ''
beforeAll(async () => {
  server = await startTestServer()
  ann = await server.signUp('ann')
  bob = await server.signUp('bob')
  tenant = ann.tenant.slug
})
afterAll(() => server.stop())

const apply = async (yaml: string, options: { dryRun?: boolean } = {}) => (await ann.caller['manifest.apply']({ tenant, yaml, ...options })).results
const manifest = (name: string, spec: string, kind = 'Service', field = 'spec') => `apiVersion: v1\nkind: ${kind}\nmetadata: {name: ${name}}\n${field}:\n${spec}\n`
const ports = [{ port: 80 }]
const at = (path: string, message: string) => ({ cause: { problems: expect.arrayContaining([expect.objectContaining({ path, message: expect.stringContaining(message) })]) } })

describe('services', () => {
  it('have an address of their own from their creation on, and keep it', async () => {
    const input = { tenant, name: 'kept', spec: { selector: { app: 'kept' }, ports }, requestId: 'r1' }
    const created = await ann.caller.service.create(input)
    expect(await ann.caller.service.create(input)).toEqual(created)
    expect(created).toMatchObject({ metadata: { namespace: 'default', generation: 1 }, spec: { type: 'ClusterIP', ports: [{ port: 80, protocol: 'TCP', targetPort: 80 }] }, status: { network: 'default', addresses: ['10.96.0.1'], hostname: 'kept.default.svc.cluster.local', endpointsReady: 0, conditions: [] } })
    const changed = await ann.caller.service.update({ tenant, name: 'kept', spec: { selector: { app: 'other' }, ports: [{ port: 81 }] }, resourceVersion: created.metadata.resourceVersion })
    expect(changed).toMatchObject({ metadata: { generation: 2 }, spec: { ports: [{ port: 81 }] }, status: { addresses: ['10.96.0.1'] } })
    await expect(ann.caller.service.update({ tenant, name: 'kept', labels: {}, resourceVersion: created.metadata.resourceVersion })).rejects.toMatchObject({ cause: { code: 'conflict' } })
    expect((await ann.caller.service.update({ tenant, name: 'kept', labels: { a: 'b' } })).metadata).toMatchObject({ generation: 2, labels: { a: 'b' } })
    await expect(ann.caller.service.create({ tenant, name: 'kept', spec: { ports } })).rejects.toMatchObject({ cause: { code: 'already_exists', problems: [{ path: 'name' }] } })
    expect(await server.db.auditEntry.findMany({ where: { tenantId: ann.tenant.id, kind: 'Service' }, select: { action: true }, orderBy: { id: 'asc' } })).toEqual(['service.create', 'service.update', 'service.update'].map((action) => ({ action })))
  })

  it('ask for an address, and one alone has it', async () => {
    expect((await ann.caller.service.create({ tenant, name: 'asked', spec: { clusterIP: '10.96.7.7', ports } })).status.addresses).toEqual(['10.96.7.7'])
    await expect(ann.caller.service.create({ tenant, name: 'second', spec: { clusterIP: '10.96.7.7', ports } })).rejects.toMatchObject(at('spec.clusterIP', 'is held by service "asked"'))
    const results = await Promise.allSettled(['ra', 'rb'].map((name) => ann.caller.service.create({ tenant, name, spec: { clusterIP: '10.96.7.8', ports } })))
    expect(results.map((r) => r.status).sort()).toEqual(['fulfilled', 'rejected'])
    await expect(ann.caller.service.create({ tenant, name: 'outside', spec: { clusterIP: '10.97.0.1', ports } })).rejects.toMatchObject(at('spec.clusterIP', 'is no address for services'))
    await expect(ann.caller.service.create({ tenant, name: 'six', spec: { ipFamilies: ['IPv6'], ports } })).rejects.toMatchObject(at('spec.ipFamilies', 'has no IPv6 addresses'))
    expect(await server.db.service.count({ where: { name: { in: ['second', 'outside', 'six'] } } })).toBe(0)
    await expect(ann.caller.service.update({ tenant, name: 'asked', spec: { clusterIP: '10.96.7.9', ports } })).rejects.toMatchObject(at('spec.clusterIP', 'cannot change: the service has 10.96.7.7'))
    await expect(ann.caller.service.update({ tenant, name: 'asked', spec: { clusterIP: 'None', ports } })).rejects.toMatchObject(at('spec.clusterIP', 'cannot change to None'))
    expect((await ann.caller.service.update({ tenant, name: 'asked', spec: { ports: [{ port: 9 }] } })).spec.clusterIP).toBe('10.96.7.7')
    await ann.caller.service.delete({ tenant, name: 'asked' })
    expect((await ann.caller.service.create({ tenant, name: 'after', spec: { clusterIP: '10.96.7.7', ports } })).status.addresses).toEqual(['10.96.7.7'])
  })

  it('are refused when the range for their addresses is full, and come again when one goes', async () => {
    await ann.caller.network.create({ tenant, name: 'tight', spec: { subnets: { a: { cidr: '10.7.0.0/24' } }, serviceCIDRs: ['10.8.0.0/28'] } })
    await ann.caller.namespace.create({ tenant, name: 'tight', network: 'tight' })
    const create = (name: string) => ann.caller.service.create({ tenant, namespace: 'tight', name, spec: { ports } })
    for (let i = 1; i <= 14; i++) expect((await create(`s${i}`)).status.addresses).toEqual([`10.8.0.${i}`])
    await expect(create('more')).rejects.toMatchObject(at('spec.clusterIP', 'has no free address for services in 10.8.0.0/28'))
    await ann.caller.service.delete({ tenant, namespace: 'tight', name: 's5' })
    expect((await create('more')).status.addresses).toEqual(['10.8.0.5'])
  })

  it('have an address of each family that they ask for', async () => {
    await ann.caller.network.create({ tenant, name: 'dual', spec: { subnets: { a: { cidr: '10.6.0.0/24' }, b: { cidr: 'fd00:6::/64' } } } })
    await ann.caller.namespace.create({ tenant, name: 'dual', network: 'dual' })
    const create = async (name: string, spec: object) => (await ann.caller.service.create({ tenant, namespace: 'dual', name, spec: { ports, ...spec } })).status.addresses
    expect(await create('both', { ipFamilyPolicy: 'RequireDualStack' })).toEqual(['10.96.0.1', 'fd96::1'])
    expect(await create('six', { ipFamilies: ['IPv6'] })).toEqual(['fd96::2'])
    expect(await create('asked', { clusterIP: '10.96.0.9', clusterIPs: ['10.96.0.9', 'FD96::9'] })).toEqual(['10.96.0.9', 'fd96::9'])
    await expect(create('taken', { clusterIP: '10.96.0.10', clusterIPs: ['10.96.0.10', 'fd96::9'] })).rejects.toMatchObject(at('spec.clusterIPs[1]', 'is held by service "asked"'))
  })

  it('are headless, or a name for something else, and give their address back then', async () => {
    expect((await ann.caller.service.create({ tenant, name: 'headless', spec: { clusterIP: 'None', selector: { a: 'b' } } })).status.addresses).toEqual([])
    await expect(ann.caller.service.update({ tenant, name: 'headless', spec: { clusterIP: '10.96.9.9', selector: { a: 'b' }, ports } })).rejects.toMatchObject(at('spec.clusterIP', 'cannot change from None'))
    const [address] = (await ann.caller.service.create({ tenant, name: 'turned', spec: { ports } })).status.addresses
    expect((await ann.caller.service.update({ tenant, name: 'turned', spec: { type: 'ExternalName', externalName: 'db.example.com' } })).status.addresses).toEqual([])
    expect(await server.db.serviceAddress.count({ where: { service: { name: 'turned' } } })).toBe(0)
    expect((await ann.caller.service.update({ tenant, name: 'turned', spec: { clusterIP: address, ports } })).status.addresses).toEqual([address])
  })

  it('are checked with what they keep, and refused where both together are no service', async () => {
    const found = async (name: string) => (await server.db.service.findFirstOrThrow({ where: { name } })).spec
    await ann.caller.service.create({ tenant, name: 'bare', spec: { clusterIP: 'None', selector: { a: 'b' } } })
    const [result] = await apply(manifest('bare', '  type: LoadBalancer\n  ports: [{port: 80}]'))
    expect(result?.problems).toMatchObject([{ path: 'spec.clusterIP', message: expect.stringContaining('may be None for type ClusterIP alone') as string }])
    expect(serviceSpec.parse(await found('bare')).type).toBe('ClusterIP')
    const [portless] = await apply(manifest('kept', '  selector: {a: b}\n  ports: []'))
    expect(portless?.problems).toMatchObject([{ path: 'spec.ports' }])
  })

  it('keep the family that they have, and give a second one back', async () => {
    await ann.caller.network.create({ tenant, name: 'families', spec: { subnets: { a: { cidr: '10.6.0.0/24' }, b: { cidr: 'fd00:6::/64' } } } })
    await ann.caller.namespace.create({ tenant, name: 'families', network: 'families' })
    const of = { tenant, namespace: 'families' }
    const create = (name: string, spec: object) => ann.caller.service.create({ ...of, name, spec: { ports, ...spec } })
    const update = (name: string, spec: object) => ann.caller.service.update({ ...of, name, spec: { ports, ...spec } })
    await create('asked', { clusterIP: '10.96.0.9' })
    await expect(update('asked', { ipFamilies: ['IPv6'] })).rejects.toMatchObject(at('spec.ipFamilies[0]', 'must be IPv4, as 10.96.0.9 is'))
    await create('given', {})
    await expect(update('given', { ipFamilies: ['IPv6'] })).rejects.toMatchObject(at('spec.ipFamilies[0]', 'must keep IPv4: the service has 10.96.0.1; delete the service and create it anew'))
    expect((await update('given', { ipFamilyPolicy: 'PreferDualStack' })).status.addresses).toEqual(['10.96.0.1', 'fd96::1'])
    expect((await update('given', { ipFamilyPolicy: 'SingleStack' })).status.addresses).toEqual(['10.96.0.1'])
    await create('both', { clusterIP: '10.96.0.7', clusterIPs: ['10.96.0.7', 'fd96::7'] })
    const single = await update('both', { ipFamilyPolicy: 'SingleStack' })
    expect([single.spec.clusterIPs, single.status.addresses]).toEqual([['10.96.0.7'], ['10.96.0.7']])
  })

  it('are listed by pages, labels, namespace and network, and seen by one tenant', async () => {
    const mine = bob.tenant.slug
    await bob.caller.network.create({ tenant: mine, name: 'two', spec: { subnets: { a: { cidr: '10.9.0.0/24' } } } })
    await bob.caller.namespace.create({ tenant: mine, name: 'two', network: 'two' })
    for (let i = 0; i < 5; i++) await bob.caller.service.create({ tenant: mine, namespace: i < 3 ? 'default' : 'two', name: `s${i}`, labels: { even: String(i % 2 === 0) }, spec: { ports } })
    const first = await bob.caller.service.list({ tenant: mine, limit: 3, descending: true })
    expect([first.total, first.items.map((s) => s.metadata.name)]).toEqual([5, ['s4', 's3', 's2']])
    expect((await bob.caller.service.list({ tenant: mine, limit: 3, descending: true, cursor: first.nextCursor ?? '' })).items.map((s) => s.metadata.name)).toEqual(['s1', 's0'])
    const names = async (filter: object) => (await bob.caller.service.list({ tenant: mine, ...filter })).items.map((s) => s.metadata.name)
    expect(await names({ labelSelector: 'even=true' })).toEqual(['s0', 's2', 's4'])
    expect(await names({ network: 'two' })).toEqual(['s3', 's4'])
    expect(await names({ namespace: 'default' })).toEqual(['s0', 's1', 's2'])
    expect(await names({ search: '4' })).toEqual(['s4'])
    expect(await names({ network: 'nowhere' })).toEqual([])
    expect(await names({ sort: 'created', descending: true, limit: 1 })).toEqual(['s4'])
    await expect(bob.caller.service.list({ tenant: mine, cursor: 'x' })).rejects.toMatchObject({ cause: { code: 'invalid_input' } })
    await expect(bob.caller.service.list({ tenant: mine, labelSelector: '=' })).rejects.toMatchObject({ cause: { code: 'invalid_input' } })
    await expect(bob.caller.service.get({ tenant: mine, name: 'kept' })).rejects.toMatchObject({ cause: { code: 'not_found' } })
  })

  it('end at the tenant\'s limit', async () => {
    const network = await server.db.network.findFirstOrThrow({ where: { tenantId: bob.tenant.id, name: 'default' } })
    const left = 2000 - (await server.db.service.count({ where: { tenantId: bob.tenant.id } }))
    await server.db.service.createMany({ data: Array.from({ length: left - 1 }, (_, i) => ({ tenantId: bob.tenant.id, namespace: 'filler', name: `f${i}`, spec: {}, networkId: network.uid })) })
    const results = await Promise.allSettled(['l1', 'l2'].map((name) => bob.caller.service.create({ tenant: bob.tenant.slug, name, spec: { ports } })))
    expect(results.map((r) => r.status).sort()).toEqual(['fulfilled', 'rejected'])
    await server.db.service.deleteMany({ where: { namespace: 'filler' } })
  })
})

describe('a service\'s manifest', () => {
  it('is read as Kubernetes writes it, and comes back', async () => {
    const text = 'apiVersion: v1\nkind: Service\nmetadata: {name: web, labels: {app: web}}\nspec:\n  clusterIP: ""\n  type: ClusterIP\n  selector: {app: web}\n  ports:\n  - {name: http, port: 80, targetPort: http, protocol: TCP, nodePort: 0}\n  - {name: dns, port: 53, protocol: UDP}\n  sessionAffinity: ClientIP\n  sessionAffinityConfig: {clientIP: {timeoutSeconds: 60}}\n  internalTrafficPolicy: Local\n  allocateLoadBalancerNodePorts: true\n'
    expect(await apply(text)).toMatchObject([{ kind: 'Service', namespace: 'default', action: 'created', problems: [] }])
    expect(await apply(text)).toMatchObject([{ action: 'unchanged' }])
    expect(await apply(text.replace('timeoutSeconds: 60', 'timeoutSeconds: 61'))).toMatchObject([{ action: 'configured' }])
    expect(await ann.caller.manifest.get({ tenant, kind: 'Service', name: 'web' })).toMatchObject({ apiVersion: 'v1', kind: 'Service', metadata: { name: 'web', namespace: 'default' }, spec: { ports: [{ targetPort: 'http' }, { targetPort: 53 }], sessionAffinityConfig: { clientIP: { timeoutSeconds: 61 } } }, status: { network: 'default' } })
    expect((await ann.caller.manifest.list({ tenant, kind: 'Service', labelSelector: 'app=web' })).items).toMatchObject([{ metadata: { name: 'web' } }])
    expect(await ann.caller.manifest.delete({ tenant, kind: 'Service', name: 'web' })).toEqual({ deleting: true })
  })

  it.each([
    ['  type: NodePort\n  ports: [{port: 80}]', 'spec.type', 'NodePort is not carried out'],
    ['  type: LoadBalancer\n  loadBalancerClass: x\n  ports: [{port: 80}]', 'spec.loadBalancerClass', 'does not carry it out yet'],
    ['  trafficDistribution: PreferClose\n  ports: [{port: 80}]', 'spec.trafficDistribution', 'does not carry it out yet'],
    ['  ports: [{port: 80, nodePort: 30080}]', 'spec.ports[0].nodePort', 'does not carry it out yet'],
    ['  ports: [{port: 80, protocol: SCTP}]', 'spec.ports[0].protocol', 'must be TCP or UDP'],
    ['  ports: []', 'spec.ports', 'must have at least one port'],
    ['  ports: [{port: 80}, {port: 81}]', 'spec.ports[0].name', 'is required where a service has several ports'],
    ['  ports: [{name: a, port: 80}, {name: b, port: 80}]', 'spec.ports[1].port', '80/TCP is another port'],
    ['  ports: [{port: 70000}]', 'spec.ports[0].port', '1 to 65535'],
    ['  prots: []\n  ports: [{port: 80}]', 'spec.prots', 'is not a field'],
    ['  clusterIP: nonsense\n  ports: [{port: 80}]', 'spec.clusterIP', 'must be an IP address or None'],
    ['  clusterIPs: [10.96.0.9]\n  ports: [{port: 80}]', 'spec.clusterIPs', 'must be left out where clusterIP is'],
    ['  clusterIP: 10.96.0.9\n  clusterIPs: [10.96.0.9, 10.96.0.10]\n  ports: [{port: 80}]', 'spec.clusterIPs[1]', 'of the other family'],
    ['  clusterIP: 10.96.0.9\n  ipFamilies: [IPv6]\n  ports: [{port: 80}]', 'spec.ipFamilies[0]', 'must be IPv4'],
    ['  type: LoadBalancer\n  clusterIP: None\n  ports: [{port: 80}]', 'spec.clusterIP', 'type ClusterIP alone'],
    ['  type: ExternalName', 'spec.externalName', 'is required'],
    ['  sessionAffinityConfig: {clientIP: {timeoutSeconds: 5}}\n  ports: [{port: 80}]', 'spec.sessionAffinityConfig', 'is for sessionAffinity ClientIP'],
    ['  selector: {app: 1}\n  ports: [{port: 80}]', 'spec.selector.app', 'must be a string: quote it'],
  ])('is refused with path and line: %.60s', async (spec, path, message) => {
    expect((await apply(manifest('refused', spec), { dryRun: true }))[0]?.problems).toContainEqual({ path, line: expect.any(Number), message: expect.stringContaining(message) })
  })

  it('has a name that is one in DNS, and a namespace that is there', async () => {
    expect((await apply(manifest('1st', '  ports: [{port: 80}]')))[0]?.problems).toMatchObject([{ path: 'metadata.name', line: 3, message: expect.stringContaining('start with a letter') }])
    expect((await apply(manifest('x, namespace: nowhere', '  ports: [{port: 80}]')))[0]?.problems).toMatchObject([{ path: 'metadata.namespace', line: 3, message: expect.stringContaining('create it first') }])
  })
})

describe('Endpoints', () => {
  const endpoints = (name: string, ip = '10.244.0.9') => manifest(name, `- addresses: [{ip: ${ip}}]\n  notReadyAddresses: [{ip: 10.244.0.10}]\n  ports: [{port: 5432}]`, 'Endpoints', 'subsets')

  it('are written by hand for services without a selector, before the service or after it', async () => {
    expect(await apply(endpoints('early'))).toMatchObject([{ kind: 'Endpoints', action: 'created', problems: [] }])
    expect(await apply(`${manifest('early', '  ports: [{port: 5432}]')}---\n${endpoints('late')}---\n${manifest('late', '  ports: [{port: 5432}]')}`)).toMatchObject([{ action: 'created', problems: [] }, { action: 'created', problems: [] }, { action: 'created', problems: [] }])
    for (const name of ['early', 'late']) {
      expect(await ann.caller.service.get({ tenant, name })).toMatchObject({ status: { endpointsReady: 1, endpointsNotReady: 1 }, endpoints: [{ address: '10.244.0.9', ready: true, pod: null, host: null, ports: [{ name: null, protocol: 'TCP', port: 5432 }] }, { address: '10.244.0.10', ready: false }] })
    }
    expect(await apply(endpoints('late'))).toMatchObject([{ action: 'unchanged' }])
    expect(await apply(endpoints('late', '10.244.0.11'))).toMatchObject([{ action: 'configured' }])
    expect(await ann.caller.manifest.get({ tenant, kind: 'Endpoints', name: 'late' })).toMatchObject({ kind: 'Endpoints', subsets: [{ addresses: [{ ip: '10.244.0.11' }] }] })
    expect((await ann.caller.manifest.list({ tenant, kind: 'Endpoints' })).items.map((e) => e.metadata.name)).toEqual(['early', 'late'])
    await ann.caller.service.delete({ tenant, name: 'late' })
    await expect(ann.caller.manifest.get({ tenant, kind: 'Endpoints', name: 'late' })).rejects.toMatchObject({ cause: { code: 'not_found' } })
  })

  it('are not of two writers', async () => {
    await ann.caller.service.create({ tenant, name: 'selecting', spec: { selector: { a: 'b' }, ports } })
    expect((await apply(endpoints('selecting')))[0]?.problems).toMatchObject([{ path: 'metadata.name', line: 3, message: expect.stringContaining('has a selector') }])
    await apply(endpoints('mine'))
    await expect(ann.caller.service.create({ tenant, name: 'mine', spec: { selector: { a: 'b' }, ports } })).rejects.toMatchObject(at('spec.selector', 'were written by hand'))
    await expect(ann.caller.service.update({ tenant, name: 'early', spec: { selector: { a: 'b' }, ports } })).rejects.toMatchObject(at('spec.selector', 'were written by hand'))
    await ann.caller.manifest.delete({ tenant, kind: 'Endpoints', name: 'early' })
    expect((await ann.caller.service.update({ tenant, name: 'early', spec: { selector: { a: 'b' }, ports } })).spec.selector).toEqual({ a: 'b' })
  })

  it.each([
    ['127.0.0.1', 'must not lie in 127.0.0.0/8'],
    ['169.254.169.254', 'must not lie in 169.254.0.0/16'],
    ['10.96.0.1', 'is an address of services'],
    ['10.244.0.1', 'is a gateway'],
    ['nonsense', 'must be an IP address'],
  ])('do not lead to %s', async (ip, message) => {
    expect((await apply(endpoints('refused', ip)))[0]?.problems).toContainEqual({ path: 'subsets[0].addresses[0].ip', line: expect.any(Number), message: expect.stringContaining(message) })
  })

  it('are at most a thousand', async () => {
    const many = Array.from({ length: 600 }, (_, i) => `{ip: 10.244.${i >> 8}.${(i & 255) || 1}}`).join(', ')
    expect((await apply(manifest('many', `- {addresses: [${many}], notReadyAddresses: [${many}]}`, 'Endpoints', 'subsets')))[0]?.problems).toContainEqual(expect.objectContaining({ path: 'subsets', message: 'has 1200 addresses: at most 1000' }))
  })
})

it('a namespace goes with its services, endpoints and policies', async () => {
  await ann.caller.namespace.create({ tenant, name: 'going' })
  await ann.caller.service.create({ tenant, namespace: 'going', name: 'web', spec: { ports } })
  await apply(manifest('early, namespace: going', '- addresses: [{ip: 10.244.0.9}]', 'Endpoints', 'subsets'))
  await ann.caller.networkPolicy.create({ tenant, namespace: 'going', name: 'closed', spec: { podSelector: {} } })
  await ann.caller.namespace.delete({ tenant, name: 'going' })
  await expect(ann.caller.service.create({ tenant, namespace: 'going', name: 'more', spec: { ports } })).rejects.toThrow('is being deleted')
  await namespaceController.reconcile({ db: server.db, log: server.server.log, feed: server.server.feed }, 'all')
  const where = { where: { tenantId: ann.tenant.id, namespace: 'going' } }
  expect([await server.db.service.count(where), await server.db.endpoints.count(where), await server.db.networkPolicy.count(where), await server.db.namespace.count({ where: { tenantId: ann.tenant.id, name: 'going' } })]).toEqual([0, 0, 0, 0])
})
