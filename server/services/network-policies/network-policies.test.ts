import { afterAll, beforeAll, describe, expect, it } from 'vitest'
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
const policy = (spec: string, version = 'networking.k8s.io/v1') => `apiVersion: ${version}\nkind: NetworkPolicy\nmetadata: {name: web}\nspec:\n${spec}\n`
const at = (path: string, message: string) => ({ cause: { problems: expect.arrayContaining([expect.objectContaining({ path, message: expect.stringContaining(message) })]) } })

describe('network policies', () => {
  it('are applied as Kubernetes writes them', async () => {
    const text = policy('  podSelector: {matchLabels: {role: db}}\n  policyTypes: [Ingress, Egress]\n  ingress:\n  - from:\n    - ipBlock: {cidr: 172.17.0.0/16, except: [172.17.1.0/24]}\n    - namespaceSelector: {matchLabels: {project: myproject}}\n    - podSelector: {matchLabels: {role: frontend}}\n    ports: [{protocol: TCP, port: 6379}]\n  egress:\n  - to: [{ipBlock: {cidr: 10.0.0.0/24}}]\n    ports: [{protocol: TCP, port: 5978, endPort: 6000}]')
    expect(await apply(text)).toMatchObject([{ kind: 'NetworkPolicy', namespace: 'default', action: 'created', problems: [] }])
    expect(await apply(text.replace('networking.k8s.io/v1', 'v1'))).toMatchObject([{ action: 'unchanged' }])
    await ann.caller.pod.create({ tenant, name: 'db', labels: { role: 'db' }, spec: { containers: [{ name: 'a', image: 'busybox' }] } })
    expect(await ann.caller.networkPolicy.get({ tenant, name: 'web' })).toMatchObject({ spec: { policyTypes: ['Ingress', 'Egress'] }, status: { network: 'default', pods: 1 }, members: [{ namespace: 'default', name: 'db' }] })
    expect(await ann.caller.manifest.get({ tenant, kind: 'NetworkPolicy', name: 'web' })).toMatchObject({ apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', status: { pods: 1 } })
    expect((await ann.caller.manifest.list({ tenant, kind: 'NetworkPolicy' })).items).toMatchObject([{ metadata: { name: 'web', namespace: 'default' } }])
    expect(await ann.caller.manifest.delete({ tenant, kind: 'NetworkPolicy', name: 'web' })).toEqual({ deleting: true })
  })

  it('are created once, changed by who read them, listed and deleted', async () => {
    const input = { tenant, name: 'closed', spec: { podSelector: {} }, requestId: 'r1' }
    const created = await ann.caller.networkPolicy.create(input)
    expect(await ann.caller.networkPolicy.create(input)).toEqual(created)
    expect(created.spec).toMatchObject({ policyTypes: ['Ingress'], ingress: [], egress: [] })
    await expect(ann.caller.networkPolicy.create({ tenant, name: 'closed', spec: { podSelector: {} } })).rejects.toMatchObject({ cause: { code: 'already_exists' } })
    const { resourceVersion } = created.metadata
    expect((await ann.caller.networkPolicy.update({ tenant, name: 'closed', spec: { podSelector: {}, ingress: [{}] }, resourceVersion })).metadata.generation).toBe(2)
    await expect(ann.caller.networkPolicy.update({ tenant, name: 'closed', labels: {}, resourceVersion })).rejects.toMatchObject({ cause: { code: 'conflict' } })
    await ann.caller.network.create({ tenant, name: 'two', spec: { subnets: { a: { cidr: '10.2.0.0/24' } } } })
    await ann.caller.namespace.create({ tenant, name: 'two', network: 'two' })
    await ann.caller.networkPolicy.create({ tenant, namespace: 'two', name: 'far', spec: { podSelector: {} } })
    expect((await ann.caller.networkPolicy.list({ tenant, network: 'two' })).items).toMatchObject([{ metadata: { name: 'far' }, status: { network: 'two', pods: 0 } }])
    expect((await ann.caller.networkPolicy.list({ tenant })).total).toBe(2)
    await expect(ann.caller.networkPolicy.create({ tenant, namespace: 'nowhere', name: 'x', spec: { podSelector: {} } })).rejects.toMatchObject({ cause: { code: 'not_found' } })
    await ann.caller.networkPolicy.delete({ tenant, name: 'closed' })
  })

  it.each([
    ['  ingress: []', 'spec.podSelector', 'is required'],
    ['  podSelector: {}\n  ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/24}, podSelector: {}}]}]', 'spec.ingress[0].from[0].ipBlock', 'cannot stand beside a selector'],
    ['  podSelector: {}\n  ingress: [{from: [{}]}]', 'spec.ingress[0].from[0]', 'must have podSelector'],
    ['  podSelector: {}\n  ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/24, except: [10.1.0.0/24]}}]}]', 'spec.ingress[0].from[0].ipBlock.except[0]', 'must lie in 10.0.0.0/24'],
    ['  podSelector: {}\n  ingress: [{ports: [{protocol: SCTP}]}]', 'spec.ingress[0].ports[0].protocol', 'must be TCP or UDP'],
    ['  podSelector: {}\n  egress: [{ports: [{port: http, endPort: 90}]}]', 'spec.egress[0].ports[0].endPort', 'must be a number'],
    ['  podSelector: {matchExpressions: [{key: a, operator: Gt, values: ["1"]}]}', 'spec.podSelector.matchExpressions[0].operator', 'must be In'],
    ['  podSelector: {}\n  order: 1', 'spec.order', 'is not a field'],
    [`  podSelector: {}\n  ingress: [{from: [${Array(40).fill('{podSelector: {}}').join(',')}], ports: [${Array(40).fill('{port: 80}').join(',')}]}]`, 'spec.ingress', 'makes 1600 rules'],
  ])('are refused with path and line: %.90s', async (spec, path, message) => {
    expect((await apply(policy(spec), { dryRun: true }))[0]?.problems).toContainEqual({ path, line: expect.any(Number), message: expect.stringContaining(message) })
  })

  it('make at most so many rules of a network together', async () => {
    const spec = { podSelector: {}, ingress: [{ from: Array.from({ length: 100 }, () => ({ podSelector: {} })), ports: Array.from({ length: 10 }, (_, i) => ({ port: i + 1 })) }] }
    for (const name of ['a', 'b']) await ann.caller.networkPolicy.create({ tenant, name, spec })
    await expect(ann.caller.networkPolicy.create({ tenant, name: 'c', spec })).rejects.toMatchObject(at('spec', 'the other policies of network "default" 2000: together at most 2000'))
    expect((await apply(policy('  podSelector: {}', 'apps/v1')))[0]?.problems).toMatchObject([{ path: 'apiVersion', line: 1, message: 'must be networking.k8s.io/v1 for kind NetworkPolicy' }])
  })
})
