import { afterAll, beforeAll, describe, expect, it } from 'vitest'
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
const manifest = (spec: string, { annotations = '', version = 'networking.k8s.io/v1', name = 'shop' } = {}) => `apiVersion: ${version}\nkind: Ingress\nmetadata:\n  name: ${name}\n  annotations: {${annotations}}\nspec:\n${spec}\n`
const to = (name: string, number = 80) => ({ service: { name, port: { number } } })
const defaultTo = (name: string) => ({ defaultBackend: to(name) })
const at = (path: string, message: string) => ({ cause: { problems: expect.arrayContaining([expect.objectContaining({ path, message: expect.stringContaining(message) as string })]) as unknown } })

describe('ingresses', () => {
  it('are applied as Kubernetes writes them, before the services that they name', async () => {
    const text = manifest('  ingressClassName: hypernetes\n  tls:\n  - hosts: [shop.example.com]\n    secretName: shop-tls\n  rules:\n  - host: shop.example.com\n    http:\n      paths:\n      - path: /\n        pathType: Prefix\n        backend: {service: {name: shop, port: {number: 80}}}\n      - path: /api\n        pathType: Exact\n        backend: {service: {name: api, port: {name: http}}}')
    expect(await apply(text, { dryRun: true })).toMatchObject([{ kind: 'Ingress', namespace: 'default', action: 'created', problems: [] }])
    expect(await apply(text)).toMatchObject([{ kind: 'Ingress', namespace: 'default', action: 'created', problems: [] }])
    expect(await apply(text.replace('networking.k8s.io/v1', 'v1'))).toMatchObject([{ action: 'unchanged' }])
    expect(await apply(text.replace('/api', '/v2'))).toMatchObject([{ action: 'configured' }])
    expect(await ann.caller.ingress.get({ tenant, name: 'shop' })).toMatchObject({ metadata: { generation: 2 }, spec: { ingressClassName: 'hypernetes', tls: [{ secretName: 'shop-tls' }] }, status: { network: 'default', balancer: null, addresses: [], conditions: [] } })
    expect(await ann.caller.manifest.get({ tenant, kind: 'Ingress', name: 'shop' })).toMatchObject({ apiVersion: 'networking.k8s.io/v1', kind: 'Ingress', spec: { rules: [{ host: 'shop.example.com' }] } })
    expect((await ann.caller.manifest.list({ tenant, kind: 'Ingress' })).items).toMatchObject([{ metadata: { name: 'shop', namespace: 'default' } }])
    expect(await ann.caller.manifest.delete({ tenant, kind: 'Ingress', name: 'shop' })).toEqual({ deleting: true })
    expect(await server.db.auditEntry.findMany({ where: { tenantId: ann.tenant.id, kind: 'Ingress' }, select: { action: true }, orderBy: { id: 'asc' } })).toEqual(['ingress.create', 'ingress.update', 'ingress.delete'].map((action) => ({ action })))
  })

  it('are created once, changed by who read them, listed, and seen by their tenant alone', async () => {
    const input = { tenant, name: 'front', spec: defaultTo('web'), requestId: 'r1' }
    const created = await ann.caller.ingress.create(input)
    expect(await ann.caller.ingress.create(input)).toEqual(created)
    await expect(ann.caller.ingress.create({ tenant, name: 'front', spec: defaultTo('web') })).rejects.toMatchObject({ cause: { code: 'already_exists' } })
    const { resourceVersion } = created.metadata
    const changed = await ann.caller.ingress.update({ tenant, name: 'front', annotations: { 'balancer.hypernetes.io/algorithm': 'leastconn' }, resourceVersion })
    expect(changed.metadata).toMatchObject({ generation: 1, annotations: { 'balancer.hypernetes.io/algorithm': 'leastconn' } })
    await expect(ann.caller.ingress.update({ tenant, name: 'front', labels: {}, resourceVersion })).rejects.toMatchObject({ cause: { code: 'conflict' } })
    await ann.caller.network.create({ tenant, name: 'two', spec: { subnets: { a: { cidr: '10.2.0.0/24' } } } })
    await ann.caller.namespace.create({ tenant, name: 'two', network: 'two' })
    await ann.caller.ingress.create({ tenant, namespace: 'two', name: 'far', labels: { tier: 'far' }, spec: defaultTo('web') })
    expect((await ann.caller.ingress.list({ tenant })).items.map(({ metadata }) => metadata.name)).toEqual(['far', 'front'])
    expect((await ann.caller.ingress.list({ tenant, network: 'two' })).items).toMatchObject([{ metadata: { name: 'far' }, status: { network: 'two' } }])
    expect((await ann.caller.ingress.list({ tenant, labelSelector: 'tier=far' })).total).toBe(1)
    expect((await bob.caller.ingress.list({ tenant: bob.tenant.slug })).total).toBe(0)
    await expect(bob.caller.ingress.get({ tenant: bob.tenant.slug, name: 'front' })).rejects.toMatchObject({ cause: { code: 'not_found' } })
    await expect(ann.caller.ingress.create({ tenant, namespace: 'nowhere', name: 'x', spec: defaultTo('web') })).rejects.toMatchObject({ cause: { code: 'not_found' } })
    expect((await apply('apiVersion: v1\nkind: Namespace\nmetadata: {name: two}\n'))[0]?.problems).toMatchObject([{ path: 'spec.network', message: 'cannot change while the namespace has 1 ingresses: delete them first' }])
    await ann.caller.ingress.delete({ tenant, name: 'front' })
  })

  it('that are large come in pages that are not, each once', async () => {
    const { uid: networkId } = await server.db.network.findFirstOrThrow({ where: { tenantId: bob.tenant.id, name: 'default' } })
    const names = Array.from({ length: 25 }, (_, i) => `large-${String(i).padStart(2, '0')}`)
    await server.db.ingress.createMany({ data: names.map((name) => ({ tenantId: bob.tenant.id, namespace: 'default', name, networkId, spec: defaultTo('web'), annotations: { note: 'x'.repeat(250_000) } })) })
    const pages: string[][] = []
    for (let cursor: string | null | undefined; cursor !== null;) {
      const page = await bob.caller.ingress.list({ tenant: bob.tenant.slug, limit: 500, ...(cursor && { cursor }) })
      expect(JSON.stringify(page).length).toBeLessThan(5 << 20)
      expect(page.total).toBe(25)
      pages.push(page.items.map(({ metadata }) => metadata.name))
      cursor = page.nextCursor
    }
    expect(pages.length).toBeGreaterThan(1)
    expect(pages.flat()).toEqual(names)
    await server.db.ingress.deleteMany({ where: { tenantId: bob.tenant.id } })
  })

  it.each([
    ['  rules: []', 'spec.rules', 'must have a rule, or the Ingress a defaultBackend'],
    ['  ingressClassName: nginx\n  defaultBackend: {service: {name: web, port: {number: 80}}}', 'spec.ingressClassName', 'must be hypernetes'],
    ['  defaultBackend: {resource: {kind: Bucket, name: x}}', 'spec.defaultBackend.resource', 'is not a field'],
    ['  defaultBackend: {service: {name: web, port: {number: 80, name: http}}}', 'spec.defaultBackend.service.port', 'must have a number or a name'],
    ['  rules: [{host: 192.0.2.1:80, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}}]', 'spec.rules[0].host', 'must be a name in lower case'],
    ['  rules: [{http: {paths: [{path: a, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}}]', 'spec.rules[0].http.paths[0].path', 'must begin with "/"'],
    ['  rules: [{http: {paths: [{path: /, pathType: Regex, backend: {service: {name: web, port: {number: 80}}}}]}}]', 'spec.rules[0].http.paths[0].pathType', 'must be Exact, Prefix'],
    ['  rules:\n  - http: {paths: [{path: /a, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}\n  - http: {paths: [{path: /a/, pathType: Prefix, backend: {service: {name: api, port: {number: 80}}}}]}', 'spec.rules[1].http.paths[0].path', 'collides with spec.rules[0].http.paths[0].path'],
    ['  defaultBackend: {service: {name: web, port: {number: 80}}}\n  tls: [{hosts: [a.example.com]}]', 'spec.tls[0].secretName', 'is required'],
  ])('are refused with path and line: %.70s', async (spec, path, message) => {
    expect((await apply(manifest(spec), { dryRun: true }))[0]?.problems).toContainEqual({ path, line: expect.any(Number) as number, message: expect.stringContaining(message) as string })
  })

  it('are refused with an annotation that is wrong, in the API as in a manifest', async () => {
    const path = 'metadata.annotations["balancer.hypernetes.io/algoritm"]'
    const message = 'is not known: balancer.hypernetes.io/algorithm is'
    await expect(ann.caller.ingress.create({ tenant, name: 'wrong', annotations: { 'balancer.hypernetes.io/algoritm': 'source' }, spec: defaultTo('web') })).rejects.toMatchObject(at(path, message))
    const text = manifest('  defaultBackend: {service: {name: web, port: {number: 80}}}', { annotations: 'balancer.hypernetes.io/algoritm: source' })
    expect((await apply(text))[0]?.problems).toEqual([{ path, line: 5, message }])
    await ann.caller.ingress.create({ tenant, name: 'right', spec: defaultTo('web') })
    await expect(ann.caller.ingress.update({ tenant, name: 'right', annotations: { 'balancer.hypernetes.io/redirect-to-https': 'true' } })).rejects.toMatchObject(at('metadata.annotations["balancer.hypernetes.io/redirect-to-https"]', 'needs spec.tls'))
    await expect(ann.caller.ingress.create({ tenant, name: 'split', annotations: { 'balancer.hypernetes.io/sticky-cookie': 'a\nserver evil 192.0.2.1' }, spec: defaultTo('web') })).rejects.toMatchObject(at('metadata.annotations["balancer.hypernetes.io/sticky-cookie"]', 'must be letters'))
  })

  it('go with their namespace, and what was said of them', async () => {
    await ann.caller.namespace.create({ tenant, name: 'gone' })
    const { metadata } = await ann.caller.ingress.create({ tenant, namespace: 'gone', name: 'x', spec: defaultTo('web') })
    await server.db.objectCondition.create({ data: { objectUid: metadata.uid, objectKind: 'Ingress', type: 'LoadBalancer', status: 'False', reason: 'Pending', message: 'not yet' } })
    expect((await ann.caller.ingress.get({ tenant, namespace: 'gone', name: 'x' })).status.conditions).toMatchObject([{ type: 'LoadBalancer', reason: 'Pending' }])
    await ann.caller.namespace.delete({ tenant, name: 'gone' })
    await namespaceController.reconcile({ db: server.db, log: server.server.log, feed: server.server.feed }, 'all')
    expect(await server.db.ingress.count({ where: { namespace: 'gone' } })).toBe(0)
    expect(await server.db.objectCondition.count({ where: { objectUid: metadata.uid } })).toBe(0)
  })
})
