import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { makeCertificate } from '@/platform/crypto/testing/certificates'
import { streamsTo, type HostEnd } from '@/server/api/testing/fake-host'
import { startTestServer } from '@/server/api/testing/server'
import { createExternalControllers } from '@/server/control/controllers/external/controller'
import { ensureDefaultPool } from '../address-pools/default-pool'

let server: Awaited<ReturnType<typeof startTestServer>>
let ann: Awaited<ReturnType<typeof server.signUp>>
let bob: Awaited<ReturnType<typeof server.signUp>>
let tenant = ''
const [external] = createExternalControllers({ defaultQuota: 20 })
beforeAll(async () => {
  server = await startTestServer()
  ann = await server.signUp('ann')
  bob = await server.signUp('bob')
  tenant = ann.tenant.slug
  await ensureDefaultPool(server.db, { externalCidr: '198.18.100.0/24' })
  await server.db.host.create({ data: { name: 'h1', publicKey: 'k', phase: 'Ready', lastHeartbeat: new Date(), hello: { capabilities: ['externalObjects', 'balancerServers'] } } })
})
afterAll(() => server.stop())

/** Lets the external controller do its work for the tenant. */
async function settle(): Promise<void> {
  const key = `tenant:${ann.tenant.id}`
  for (let steps = 0; steps < 50; steps++) if (!(await external!.reconcile({ db: server.db, log: server.server.log, feed: server.server.feed }, key))?.includes(key)) return
  throw new Error('the external controller comes to no end')
}
/** What a host says of a balancer, as the gateway stores it. */
const report = (name: string, said: { phase: string; down?: string[] }) => server.db.loadBalancer.updateMany({ where: { name }, data: { report: { reason: '', message: '', ...said } } })
const at = (path: string, message: string) => ({ cause: { problems: expect.arrayContaining([expect.objectContaining({ path, message: expect.stringContaining(message) as string })]) as unknown } })
const pod = (name: string, labels: Record<string, string>, annotations: Record<string, string> = {}) => ann.caller.pod.create({ tenant, name, labels, annotations, spec: { containers: [{ name: 'a', image: 'busybox' }] } })
const prefixed = (short: Record<string, string>) => Object.fromEntries(Object.entries(short).map(([key, value]) => [`balancer.hypernetes.io/${key}`, value]))

describe('a load balancer', () => {
  it('is seen from when it is asked for until it answers, with its addresses, URLs and who is behind it', async () => {
    const [one, two, three] = await Promise.all(['one', 'two', 'three'].map((name, i) => pod(name, { app: 'web' }, i === 1 ? prefixed({ weight: '0' }) : {})))
    const created = await ann.caller.service.create({ tenant, name: 'web', annotations: prefixed({ protocol: 'http', hosts: 'www.example.com' }), spec: { type: 'LoadBalancer', selector: { app: 'web' }, ports: [{ name: 'http', port: 80, targetPort: 8080 }] } })
    expect(created.status).toMatchObject({ loadBalancer: null, conditions: [{ type: 'LoadBalancer', status: 'False', reason: 'Pending' }] })
    expect(await ann.caller.loadBalancer.get({ tenant, name: 'web' })).toMatchObject({ source: 'Service', model: null, status: { phase: 'Pending', addresses: [] }, backends: [], certificates: [] })

    await settle()
    expect(await ann.caller.loadBalancer.get({ tenant, name: 'web' })).toMatchObject({ metadata: { annotations: prefixed({ protocol: 'http', hosts: 'www.example.com' }) }, model: { listeners: [{ port: 80 }] }, status: { phase: 'Pending', network: 'default', addresses: ['198.18.100.2'], urls: ['http://www.example.com/'], host: 'h1', conditions: [{ type: 'LoadBalancer', reason: 'Pending' }] } })
    const ref = (row: typeof one) => ({ kind: 'Pod', namespace: 'default', name: row!.metadata.name, uid: row!.metadata.uid })
    const { uid } = await server.db.service.findFirstOrThrow({ where: { name: 'web' } })
    const subsets = [{ addresses: [{ ip: '10.244.0.2', targetRef: ref(one) }, { ip: '10.244.0.3', targetRef: ref(two) }], notReadyAddresses: [{ ip: '10.244.0.4', targetRef: ref(three) }], ports: [{ name: 'http', protocol: 'TCP', port: 8080 }] }]
    await server.db.endpoints.upsert({ where: { serviceUid: uid }, create: { tenantId: ann.tenant.id, namespace: 'default', name: 'web', serviceUid: uid, subsets }, update: { subsets } })
    await report('web', { phase: 'Active' })
    await settle()
    const active = await ann.caller.loadBalancer.get({ tenant, name: 'web' })
    expect(active.status).toMatchObject({ phase: 'Active', backendsReady: 2, backendsTotal: 3, conditions: [{ status: 'True' }] })
    const server1 = { address: '10.244.0.2', port: 8080, pod: { namespace: 'default', name: 'one' }, weight: 1, health: 'up' }
    expect(active.backends).toEqual([{ name: 'tcp-80', service: 'web', port: 80, servers: [server1, { ...server1, address: '10.244.0.3', pod: { namespace: 'default', name: 'two' }, weight: 0, health: 'draining' }, { ...server1, address: '10.244.0.4', pod: { namespace: 'default', name: 'three' }, health: 'down' }] }])

    await report('web', { phase: 'Degraded', down: ['tcp-80/10.244.0.2:8080'] })
    const degraded = await ann.caller.loadBalancer.get({ tenant, name: 'web' })
    expect(degraded).toMatchObject({ status: { phase: 'Degraded', backendsReady: 1 }, backends: [{ servers: [{ address: '10.244.0.2', health: 'down' }, {}, {}] }] })
    expect((await ann.caller.service.get({ tenant, name: 'web' })).status).toMatchObject({ loadBalancer: { balancer: 'web', addresses: ['198.18.100.2'] }, conditions: [{ type: 'LoadBalancer', status: 'True' }] })
    const [listed] = (await ann.caller.loadBalancer.list({ tenant })).items
    expect(listed).toMatchObject({ metadata: { name: 'web' }, ports: [{ port: 80, protocol: 'http' }], status: { phase: 'Degraded', managedAddresses: ['198.18.100.2'], backendsReady: 1, backendsTotal: 3 } })
    expect(listed?.status).toEqual(degraded.status)
    expect([listed, listed?.metadata]).toEqual([expect.not.objectContaining({ model: expect.anything() as unknown }), expect.not.objectContaining({ annotations: expect.anything() as unknown })])
    await ann.caller.service.update({ tenant, name: 'web', labels: { tier: 'front' } })
    expect(await Promise.all(['tier=front', 'tier=back', 'tier', '!tier'].map(async (labelSelector) => (await ann.caller.loadBalancer.list({ tenant, labelSelector })).total))).toEqual([1, 0, 1, 0])
    await expect(ann.caller.loadBalancer.list({ tenant, labelSelector: 'a b' })).rejects.toMatchObject({ cause: { problems: [{ path: 'labelSelector' }] } })
    expect((await ann.caller.loadBalancer.list({ tenant, search: 'other' })).total).toBe(0)
    expect((await bob.caller.loadBalancer.list({ tenant: bob.tenant.slug })).total).toBe(0)
    await expect(bob.caller.loadBalancer.get({ tenant: bob.tenant.slug, name: 'web' })).rejects.toMatchObject({ cause: { code: 'not_found' } })
    await expect(ann.caller.loadBalancer.get({ tenant, source: 'Ingress', name: 'web' })).rejects.toMatchObject({ cause: { code: 'not_found' } })

    await ann.caller.service.update({ tenant, name: 'web', spec: { selector: { app: 'web' }, ports: [{ name: 'http', port: 80, targetPort: 8080 }] } })
    await settle()
    await server.db.loadBalancer.updateMany({ where: { name: 'web' }, data: { hostId: null } })
    await server.db.floatingAddress.updateMany({ where: { tenantId: ann.tenant.id }, data: { hostId: null } })
    await settle()
    await expect(ann.caller.loadBalancer.get({ tenant, name: 'web' })).rejects.toMatchObject({ cause: { code: 'not_found' } })
    expect((await ann.caller.service.get({ tenant, name: 'web' })).status.loadBalancer).toBeNull()
    await ann.caller.service.delete({ tenant, name: 'web' })
  })

  it('of an Ingress tells its certificates, whose they are and until when, and what is not there', async () => {
    const { certificate, key } = makeCertificate({ names: ['shop.example.com'], days: 10 })
    await ann.caller.secret.create({ tenant, name: 'shop-tls', type: 'kubernetes.io/tls', stringData: { 'tls.crt': certificate, 'tls.key': key } })
    await ann.caller.ingress.create({ tenant, name: 'shop', spec: { rules: [{ host: 'shop.example.com', http: { paths: [{ path: '/', pathType: 'Prefix', backend: { service: { name: 'later', port: { name: 'http' } } } }] } }], tls: [{ hosts: ['shop.example.com'], secretName: 'shop-tls' }] } })
    await settle()
    await report('shop', { phase: 'Active' })
    await settle()
    const shown = await ann.caller.loadBalancer.get({ tenant, source: 'Ingress', name: 'shop' })
    expect(shown.certificates).toMatchObject([{ secret: 'shop-tls', subject: 'shop.example.com', issuer: 'shop.example.com', names: ['shop.example.com'], problem: expect.stringContaining('expires in 9 days') as string }])
    expect(shown.backends).toEqual([{ name: 'later_http', service: 'later', port: 'http', servers: [] }])
    expect(shown.status).toMatchObject({ phase: 'Active', urls: ['http://shop.example.com/', 'https://shop.example.com/'], backendsReady: 0, backendsTotal: 0 })
    expect(shown.status.conditions).toMatchObject([{ message: expect.stringContaining('Service "later" does not exist') as string }])
    expect((await ann.caller.ingress.get({ tenant, name: 'shop' })).status).toMatchObject({ balancer: 'shop', addresses: [expect.stringContaining('198.18.100.')], conditions: [{ status: 'True' }] })

    const [listedBalancer] = (await ann.caller.loadBalancer.list({ tenant, search: 'shop' })).items
    expect(listedBalancer?.status).toEqual(shown.status)
    const listed = await ann.caller.certificate.list({ tenant })
    expect(listed.items).toMatchObject([{ namespace: 'default', secret: 'shop-tls', usedBy: [{ source: 'Ingress', namespace: 'default', name: 'shop' }] }])
    expect(JSON.stringify([shown, listed])).not.toContain(key.split('\n')[1])
    expect((await bob.caller.certificate.list({ tenant: bob.tenant.slug })).items).toEqual([])
    await ann.caller.secret.delete({ tenant, name: 'shop-tls' })
    expect((await ann.caller.loadBalancer.get({ tenant, source: 'Ingress', name: 'shop' })).certificates).toMatchObject([{ problem: expect.stringContaining('its Secret is gone') as string }])
    await settle()
    const without = await ann.caller.loadBalancer.get({ tenant, source: 'Ingress', name: 'shop' })
    expect([without.certificates, without.status.conditions[0]?.message]).toEqual([[], expect.stringContaining('Secret "shop-tls" does not exist')])
    await ann.caller.ingress.delete({ tenant, name: 'shop' })
  })
})

describe('a Service that asks for the outside', () => {
  it('is refused with an annotation that is wrong, in the API and in a manifest, with its path', async () => {
    const wrong = { tenant, name: 'wrong', annotations: prefixed({ protocol: 'htp' }), spec: { ports: [{ port: 80 }] } }
    await expect(ann.caller.service.create(wrong)).rejects.toMatchObject({ cause: { code: 'invalid_input', problems: [{ path: 'metadata.annotations["balancer.hypernetes.io/protocol"]', message: 'must be tcp, http or https' }] } })
    const text = 'apiVersion: v1\nkind: Service\nmetadata:\n  name: wrong\n  annotations:\n    balancer.hypernetes.io/rate-limits: "5"\nspec: {type: LoadBalancer, ports: [{port: 80}]}\n'
    const [result] = (await ann.caller['manifest.apply']({ tenant, yaml: text, dryRun: true })).results
    expect(result?.problems).toEqual([{ path: 'metadata.annotations["balancer.hypernetes.io/rate-limits"]', line: 6, message: 'is not known: balancer.hypernetes.io/rate-limit is' }])
    await ann.caller.service.create({ tenant, name: 'plain', spec: { type: 'LoadBalancer', ports: [{ port: 80 }] } })
    await expect(ann.caller.service.update({ tenant, name: 'plain', annotations: prefixed({ 'sticky-cookie': 'S' }) })).rejects.toMatchObject(at('metadata.annotations["balancer.hypernetes.io/sticky-cookie"]', 'is for http alone'))
    await expect(ann.caller.service.create({ tenant, name: 'wrong', spec: { type: 'LoadBalancer', loadBalancerSourceRanges: ['10.0.0.1/8'], ports: [{ port: 80 }] } })).rejects.toThrow('without host bits')
    await ann.caller.service.delete({ tenant, name: 'plain' })
  })

  it('names addresses that are its tenant\'s; of others and of another\'s the same is said', async () => {
    const own = await ann.caller.floatingAddress.create({ tenant, name: 'own', spec: {} })
    const other = await bob.caller.floatingAddress.create({ tenant: bob.tenant.slug, name: 'other', spec: {} })
    const create = (name: string, spec: object) => ann.caller.service.create({ tenant, name, spec: { ports: [{ port: 80 }], ...spec } })
    for (const address of [other.status.address, '203.0.113.9']) {
      await expect(create('thief', { externalIPs: [own.status.address, address] })).rejects.toMatchObject({ cause: { problems: [{ path: 'spec.externalIPs[1]', message: `${address} is no floating address of this tenant: create one` }] } })
      await expect(create('thief', { type: 'LoadBalancer', loadBalancerIP: address })).rejects.toMatchObject({ cause: { problems: [{ path: 'spec.loadBalancerIP', message: `${address} is no floating address of this tenant: create one` }] } })
    }
    const created = await create('right', { externalIPs: [own.status.address] })
    await server.db.floatingAddress.deleteMany({ where: { tenantId: ann.tenant.id, name: 'own' } })
    expect((await ann.caller.service.update({ tenant, name: 'right', labels: { a: 'b' } })).spec.externalIPs).toEqual(created.spec.externalIPs)
    await expect(ann.caller.service.update({ tenant, name: 'right', spec: { ports: [{ port: 80 }], externalIPs: [other.status.address] } })).rejects.toMatchObject(at('spec.externalIPs[0]', 'is no floating address of this tenant'))
    await ann.caller.service.delete({ tenant, name: 'right' })
  })
})

describe('a pod', () => {
  const selectorOf = async (name: string) => (await ann.caller.service.get({ tenant, name })).spec.selector
  it('is exposed in one call, once however often it is asked', async () => {
    await pod('alone', { app: 'alone' })
    const input = { tenant, name: 'alone', port: 8080 }
    const [view] = await Promise.all([ann.caller.loadBalancer.expose(input), ann.caller.loadBalancer.expose(input)])
    expect(view).toMatchObject({ metadata: { namespace: 'default', name: 'alone-8080' }, source: 'Service', status: { phase: 'Pending', addresses: [] } })
    expect(await ann.caller.service.get({ tenant, name: 'alone-8080' })).toMatchObject({ metadata: { annotations: prefixed({ protocol: 'http' }) }, spec: { type: 'LoadBalancer', selector: { app: 'alone' }, ports: [{ port: 80, targetPort: 8080 }] } })
    await settle()
    expect((await ann.caller.loadBalancer.get({ tenant, name: 'alone-8080' })).status.urls).toEqual([expect.stringMatching(/^http:\/\/198\.18\.100\.\d+\/$/)])
    expect((await ann.caller.loadBalancer.expose({ tenant, name: 'alone', port: 53, protocol: 'udp' })).metadata.name).toBe('alone-53')
    expect((await ann.caller.service.get({ tenant, name: 'alone-53' })).spec.ports).toMatchObject([{ protocol: 'UDP', port: 53, targetPort: 53 }])
    expect(await server.db.auditEntry.count({ where: { action: 'service.create', name: 'alone-8080' } })).toBe(1)
    // One that is held back is reached from now on.
    const held = { tenantId: ann.tenant.id, name: 'alone-8080', heldBack: true }
    await server.db.$executeRaw`update "Service" set "heldBack" = true where "tenantId" = ${held.tenantId} and "name" = ${held.name}`
    expect(await server.db.service.count({ where: held })).toBe(1)
    await ann.caller.loadBalancer.expose(input)
    expect(await server.db.service.count({ where: held })).toBe(0)
    // One that asks for no address outside any more says nothing of it.
    await settle()
    const inside = { tenant, name: 'alone-53' }
    const { spec, status: { conditions } } = await ann.caller.service.get(inside)
    expect(conditions).toMatchObject([{ type: 'LoadBalancer' }])
    expect((await ann.caller.service.update({ ...inside, spec: { ...spec, type: 'ClusterIP' } })).status.conditions).toEqual([])
    await expect(ann.caller.loadBalancer.expose({ ...input, protocol: 'tcp' })).rejects.toMatchObject({ cause: { code: 'already_exists', problems: [{ path: 'service' }] } })
    expect((await ann.caller.loadBalancer.expose({ ...input, protocol: 'tcp', service: 'raw', outside: 9000 })).metadata.name).toBe('raw')
    expect((await ann.caller.service.get({ tenant, name: 'raw' })).spec.ports).toMatchObject([{ port: 9000, targetPort: 8080 }])
  })

  it('whose labels are others\' too, or that has none, gets one of its own', async () => {
    await pod('twin-a', { app: 'twin' })
    await pod('twin-b', { app: 'twin', tier: 'x' })
    await pod('9bare', {})
    await ann.caller.loadBalancer.expose({ tenant, name: 'twin-a', port: 80 })
    expect(await selectorOf('twin-a-80')).toEqual(prefixed({ pod: 'twin-a' }))
    expect((await ann.caller.pod.get({ tenant, name: 'twin-a' })).metadata.labels).toEqual({ app: 'twin', ...prefixed({ pod: 'twin-a' }) })
    await ann.caller.loadBalancer.expose({ tenant, name: 'twin-a', port: 80 })
    await ann.caller.loadBalancer.expose({ tenant, name: 'twin-b', port: 80 })
    expect(await selectorOf('twin-b-80')).toEqual({ app: 'twin', tier: 'x' })
    await ann.caller.loadBalancer.expose({ tenant, name: '9bare', port: 80 })
    expect(await selectorOf('pod-9bare-80')).toEqual(prefixed({ pod: '9bare' }))
    expect(await server.db.auditEntry.count({ where: { action: 'pod.update', name: 'twin-a' } })).toBe(1)
  })

  it('that is another tenant\'s, gone, or about to go is not exposed', async () => {
    await expect(bob.caller.loadBalancer.expose({ tenant: bob.tenant.slug, name: 'alone', port: 80 })).rejects.toMatchObject({ cause: { code: 'not_found' } })
    await server.db.pod.updateMany({ where: { name: 'twin-b' }, data: { deletedAt: new Date() } })
    await expect(ann.caller.loadBalancer.expose({ tenant, name: 'twin-b', port: 81 })).rejects.toThrow('is being deleted')
    await expect(ann.caller.loadBalancer.expose({ tenant, name: 'alone', port: 0 })).rejects.toMatchObject({ code: 'BAD_REQUEST' })
  })
})

describe('lists', () => {
  it('of balancers are not larger for what a balancer does, and tell the same of it as its page', async () => {
    const hosts = Array.from({ length: 100 }, (_, i) => `h${i}.example.com`)
    const backend = (name: string) => ({ service: { name, port: { number: 80 } } })
    const many = hosts.map((host) => ({ host, http: { paths: Array.from({ length: 9 }, (_, i) => ({ path: `/part-${String(i).padStart(3, '0')}`, pathType: 'Prefix' as const, backend: backend('a') })) } }))
    await ann.caller.ingress.create({ tenant, name: 'large', labels: { size: 'large' }, annotations: { note: 'x'.repeat(50_000) }, spec: { rules: many } })
    await ann.caller.ingress.create({ tenant, name: 'rooted', labels: { size: 'large' }, spec: { defaultBackend: backend('a'), rules: [{ host: 'r.example.com', http: { paths: [{ path: '/later', pathType: 'Prefix', backend: backend('a') }, { path: '/', pathType: 'Prefix', backend: backend('b') }] } }, { host: '*.example.com', http: { paths: [{ path: '/x', pathType: 'Exact', backend: backend('b') }] } }, { http: { paths: [{ path: '/any', pathType: 'Prefix', backend: backend('b') }] } }] } })
    await settle()
    const { items } = await ann.caller.loadBalancer.list({ tenant, labelSelector: 'size=large' })
    expect(items.map(({ metadata }) => metadata.name)).toEqual(['large', 'rooted'])
    for (const item of items) expect(item.status).toEqual((await ann.caller.loadBalancer.get({ tenant, source: 'Ingress', name: item.metadata.name })).status)
    expect(items[0]?.status.urls).toHaveLength(50)
    expect(JSON.stringify(items).length).toBeLessThan(20_000)
    await ann.caller.ingress.delete({ tenant, name: 'large' })
    await ann.caller.ingress.delete({ tenant, name: 'rooted' })
  }, 60_000)

  it('of certificates come in pages, each certificate once, and say when a cursor is none', async () => {
    const names = ['c-1', 'c-2', 'c-3']
    await server.db.secret.deleteMany({ where: { tenantId: ann.tenant.id } })
    const { certificate, key } = makeCertificate({ names: ['c.example.com'], days: 100 })
    for (const name of names) await ann.caller.secret.create({ tenant, name, type: 'kubernetes.io/tls', stringData: { 'tls.crt': certificate, 'tls.key': key } })
    const first = await ann.caller.certificate.list({ tenant, limit: 2 })
    expect(first).toMatchObject({ items: [{ secret: 'c-1' }, { secret: 'c-2' }], nextCursor: expect.any(String) as string })
    expect(await ann.caller.certificate.list({ tenant, limit: 2, cursor: first.nextCursor ?? '' })).toMatchObject({ items: [{ secret: 'c-3' }], nextCursor: null })
    expect((await ann.caller.certificate.list({ tenant, namespace: 'elsewhere' })).items).toEqual([])
    await expect(ann.caller.certificate.list({ tenant, cursor: 'none' })).rejects.toMatchObject({ cause: { problems: [{ path: 'cursor' }] } })
    for (const name of names) await ann.caller.secret.delete({ tenant, name })
  })
})

describe('the servers behind a balancer', () => {
  let serve: (host: HostEnd) => void = () => {}
  const state = { backend: 'tcp-80', server: '[fd00::2]:8080', health: 'down', problem: 'refuses connections', forSeconds: 60, connections: 2, total: 9, failed: 1, errors5xx: 3, receivedBytes: 10, sentBytes: 20, milliseconds: 4 }
  const lines = (...all: unknown[]) => all.map((one) => `${JSON.stringify(one)}\n`).join('')
  const ask = () => ann.caller.loadBalancer.servers({ tenant, name: 'seen' })

  it('are those of its host at this moment; without a host there is nobody to ask', async () => {
    Object.assign(server.server.streams, { open: streamsTo((host) => serve(host)) })
    await expect(ask()).rejects.toMatchObject({ cause: { code: 'not_found' } })
    await ann.caller.service.create({ tenant, name: 'seen', spec: { type: 'LoadBalancer', ports: [{ port: 80 }] } })
    expect(await ask()).toEqual({ servers: null })
    await settle()
    const asked: unknown[] = []
    serve = ({ request, send, finish }) => {
      asked.push(request)
      const text = lines(state, { ...state, server: '10.0.0.3:80', health: 'up', problem: null, milliseconds: null })
      // In frames that end anywhere.
      for (const part of [text.slice(0, 50), text.slice(50)]) send(1, part)
      finish({ exitCode: 0, error: null })
    }
    const { uid } = await server.db.loadBalancer.findFirstOrThrow({ where: { name: 'seen' } })
    const began = Date.now()
    const { servers } = await ask()
    expect(asked).toEqual([{ kind: 'balancerServers', balancerUid: uid }])
    expect(servers).toMatchObject([{ backend: 'tcp-80', address: 'fd00::2', port: 8080, health: 'down', problem: 'refuses connections', connections: 2, total: 9, failed: 1, errors5xx: 3, milliseconds: 4 }, { address: '10.0.0.3', port: 80, health: 'up', problem: null, milliseconds: null }])
    expect(Math.abs(Date.parse(servers?.[0]?.since ?? '') - (began - 60_000))).toBeLessThan(30_000)
    await expect(bob.caller.loadBalancer.servers({ tenant: bob.tenant.slug, name: 'seen' })).rejects.toMatchObject({ cause: { code: 'not_found' } })
  })

  it('are not asked of a host whose agent is of a version that cannot say', async () => {
    serve = () => expect.unreachable()
    const says = (...capabilities: string[]) => server.db.$executeRaw`update "Host" set "hello" = jsonb_set("hello", '{capabilities}', to_jsonb(${capabilities}::text[]))`
    await says('externalObjects')
    expect(await ask()).toEqual({ servers: null })
    await says('externalObjects', 'balancerServers')
  })

  it.each<[string, (host: HostEnd) => void, string]>([
    ['says that it cannot', ({ finish }) => finish({ exitCode: null, error: 'HAProxy does not answer a command' }), 'HAProxy does not answer a command'],
    ['says what cannot be read', ({ send }) => send(1, lines({ ...state, connections: -1 })), 'cannot be read'],
    ['says too much', ({ send }) => { for (let i = 0; i < 50; i++) send(1, lines(...Array.from({ length: 500 }, () => state))) }, 'more of the balancer’s servers than there can be'],
    ['breaks off', ({ finish }) => finish({ exitCode: null, error: 'gone' }), 'gone'],
  ])('are not shown where the host %s', async (_, how, message) => {
    serve = how
    await expect(ask()).rejects.toThrow(message)
  })
})
