import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startTestServer } from '@/server/api/testing/server'

let server: Awaited<ReturnType<typeof startTestServer>>
let ann: Awaited<ReturnType<typeof server.signUp>>
let bob: Awaited<ReturnType<typeof server.signUp>>
let tenant = ''
beforeAll(async () => {
  server = await startTestServer()
  ann = await server.signUp('ann')
  bob = await server.signUp('bob')
  tenant = ann.tenant.slug
  await ann.caller.network.create({ tenant, name: 'net2', spec: { subnets: { a: { cidr: '10.2.0.0/24' } } } })
})
afterAll(() => server.stop())

const apply = async (yaml: string, options: { dryRun?: boolean } = {}) => (await ann.caller['manifest.apply']({ tenant, yaml, ...options })).results
const group = (name: string, spec: string) => `apiVersion: v1\nkind: SecurityGroup\nmetadata: {name: ${name}}\nspec:\n${spec}\n`
const at = (path: string, message: string) => ({ cause: { problems: expect.arrayContaining([expect.objectContaining({ path, message: expect.stringContaining(message) })]) } })
const web = { direction: 'ingress' as const, protocol: 'tcp' as const, ports: [{ port: 80 }, { port: 8000, endPort: 8080 }], cidr: '10.0.0.0/8' }

describe('security groups', () => {
  it('are created once, changed and deleted', async () => {
    const input = { tenant, name: 'web', spec: { description: 'From anywhere inside', rules: [web] }, requestId: 'r1' }
    const created = await ann.caller.securityGroup.create(input)
    expect(await ann.caller.securityGroup.create(input)).toEqual(created)
    expect(created).toMatchObject({ spec: { network: 'default', rules: [web] }, status: { pods: 0 } })
    await expect(ann.caller.securityGroup.create({ tenant, name: 'web', spec: {} })).rejects.toMatchObject({ cause: { code: 'already_exists', problems: [{ path: 'name' }] } })
    const { resourceVersion } = created.metadata
    expect((await ann.caller.securityGroup.update({ tenant, name: 'web', spec: { rules: [] }, resourceVersion })).metadata.generation).toBe(2)
    await expect(ann.caller.securityGroup.update({ tenant, name: 'web', spec: {}, resourceVersion })).rejects.toMatchObject({ cause: { code: 'conflict' } })
    await expect(ann.caller.securityGroup.update({ tenant, name: 'web', spec: { network: 'net2' } })).rejects.toMatchObject(at('spec.network', 'cannot change from "default"'))
    await ann.caller.securityGroup.delete({ tenant, name: 'web' })
    await expect(ann.caller.securityGroup.get({ tenant, name: 'web' })).rejects.toMatchObject({ cause: { code: 'not_found' } })
  })

  it('hold the pods that name them and those that they select', async () => {
    const containers = [{ name: 'a', image: 'busybox' }]
    await ann.caller.securityGroup.create({ tenant, name: 'named', spec: {} })
    await ann.caller.securityGroup.create({ tenant, name: 'selected', spec: { podSelector: { matchExpressions: [{ key: 'tier', operator: 'In', values: ['front'] }] } } })
    await ann.caller.pod.create({ tenant, name: 'both', labels: { tier: 'front' }, spec: { containers, network: { securityGroups: ['named'] } } })
    await ann.caller.pod.create({ tenant, name: 'neither', spec: { containers } })
    const members = async (name: string) => (await ann.caller.securityGroup.get({ tenant, name })).members.map((pod) => pod.name)
    expect([await members('named'), await members('selected')]).toEqual([['both'], ['both']])
    await ann.caller.pod.update({ tenant, name: 'both', labels: {}, annotations: {} })
    expect([await members('named'), await members('selected')]).toEqual([['both'], []])
    await ann.caller.securityGroup.update({ tenant, name: 'selected', spec: { namespaceSelector: {} } })
    expect(await members('selected')).toEqual(['both', 'neither'])
    expect((await ann.caller.securityGroup.list({ tenant })).items.map(({ metadata, status }) => [metadata.name, status.pods])).toEqual([['named', 1], ['selected', 2]])
    await expect(ann.caller.securityGroup.delete({ tenant, name: 'named' })).rejects.toThrow('is named by 1 pod ("default/both"): delete it')
    await ann.caller.securityGroup.delete({ tenant, name: 'selected' })
  })

  it('stay while a rule of another names them', async () => {
    await ann.caller.securityGroup.create({ tenant, name: 'back', spec: {} })
    await ann.caller.securityGroup.create({ tenant, name: 'front', spec: { rules: [{ direction: 'egress', group: 'back' }] } })
    expect((await ann.caller.securityGroup.get({ tenant, name: 'back' })).usedBy).toEqual(['front'])
    await expect(ann.caller.securityGroup.delete({ tenant, name: 'back' })).rejects.toThrow('is named by rules of "front": take it out of them first')
    await ann.caller.securityGroup.delete({ tenant, name: 'front' })
    await ann.caller.securityGroup.delete({ tenant, name: 'back' })
  })

  it('of one text may name each other; itself, another network\'s and one that is not there no group names', async () => {
    const pair = `${group('left', '  rules: [{direction: ingress, group: right}]')}---\n${group('right', '  rules: [{direction: ingress, group: left}]')}`
    expect(await apply(pair)).toMatchObject([{ action: 'created', problems: [] }, { action: 'created', problems: [] }])
    await ann.caller.securityGroup.create({ tenant, name: 'far', spec: { network: 'net2' } })
    const before = await server.db.securityGroup.count()
    expect((await apply(group('self', '  rules:\n  - {direction: egress}\n  - {direction: ingress, group: self}')))[0]?.problems).toMatchObject([{ path: 'spec.rules[1].group', line: 7, message: expect.stringContaining('is this group itself') }])
    expect((await apply(group('lost', '  rules:\n  - {direction: ingress, group: nowhere}\n  - {direction: ingress, group: far}')))[0]?.problems).toMatchObject([
      { path: 'spec.rules[0].group', line: 6, message: 'the security group "nowhere" does not exist: create it first' },
      { path: 'spec.rules[1].group', line: 7, message: 'the security group "far" is of another network than "default": name one of the same' },
    ])
    await expect(ann.caller.securityGroup.create({ tenant, name: 'self', spec: { rules: [{ direction: 'ingress', group: 'self' }] } })).rejects.toMatchObject(at('spec.rules[0].group', 'is this group itself'))
    await expect(ann.caller.securityGroup.update({ tenant, name: 'left', spec: { rules: [{ direction: 'ingress', group: 'left' }] } })).rejects.toMatchObject(at('spec.rules[0].group', 'is this group itself'))
    await expect(bob.caller.securityGroup.create({ tenant: bob.tenant.slug, name: 'thief', spec: { rules: [{ direction: 'ingress', group: 'left' }] } })).rejects.toMatchObject(at('spec.rules[0].group', 'does not exist'))
    expect((await apply(group('lost', '  network: nowhere')))[0]?.problems).toMatchObject([{ path: 'spec.network', line: 5 }])
    expect(await server.db.securityGroup.count()).toBe(before)
  })

  it('have at most so many rules, and say so', async () => {
    const rules = (count: number) => Array.from({ length: count }, (_, i) => ({ direction: 'ingress' as const, protocol: 'tcp' as const, ports: [{ port: i + 1 }] }))
    const text = group('huge', `  rules:\n${'  - {direction: ingress}\n'.repeat(10_000)}`)
    expect((await apply(text))[0]?.problems).toContainEqual({ path: 'spec.rules', line: 5, message: 'must be at most 200: use several groups' })
    await expect(ann.caller.securityGroup.create({ tenant, name: 'huge', spec: { rules: rules(10_000) } })).rejects.toMatchObject(at('spec.rules', 'must be at most 200'))
    for (let i = 0; i < 10; i++) await ann.caller.securityGroup.create({ tenant, name: `full${i}`, spec: { network: 'net2', rules: rules(200) } })
    await expect(ann.caller.securityGroup.create({ tenant, name: 'more', spec: { network: 'net2', rules: rules(1) } })).rejects.toMatchObject(at('spec.rules', 'are 1, and the other groups of network "net2" have 2000: together at most 2000'))
    await ann.caller.securityGroup.update({ tenant, name: 'full0', spec: { network: 'net2', rules: rules(199) } })
    expect((await ann.caller.securityGroup.create({ tenant, name: 'more', spec: { network: 'net2', rules: rules(1) } })).spec.rules).toHaveLength(1)
    expect((await ann.caller.securityGroup.list({ tenant, network: 'net2', search: 'full' })).total).toBe(10)
  })

  it.each([
    ['  rules: [{direction: ingress, ports: [{port: 80}]}]', 'spec.rules[0].ports', 'are for protocol tcp or udp'],
    ['  rules: [{direction: in}]', 'spec.rules[0].direction', 'must be ingress or egress'],
    ['  rules: [{direction: ingress, cidr: 10.0.0.0/8, group: x}]', 'spec.rules[0].group', 'write two rules'],
    ['  rules: [{direction: ingress, cidr: 10.0.0.1/8}]', 'spec.rules[0].cidr', 'must be a subnet'],
    ['  rules: [{direction: ingress, protocol: tcp, ports: [{port: 80, endPort: 79}]}]', 'spec.rules[0].ports[0].endPort', 'must not be below port'],
    ['  rules: [{direction: ingress, protocol: icmp, icmpTypes: [300]}]', 'spec.rules[0].icmpTypes[0]', '0 to 255'],
    ['  rules: [{direction: ingress, action: drop}]', 'spec.rules[0].action', 'is not a field'],
  ])('are refused with path and line: %.70s', async (spec, path, message) => {
    expect((await apply(group('refused', spec), { dryRun: true }))[0]?.problems).toContainEqual({ path, line: 5, message: expect.stringContaining(message) })
  })

  it('are read, listed and deleted as manifests, by those who may', async () => {
    await apply(group('plain', '  rules: []'))
    expect(await ann.caller.manifest.get({ tenant, kind: 'SecurityGroup', name: 'plain' })).toMatchObject({ apiVersion: 'v1', kind: 'SecurityGroup', metadata: { name: 'plain' }, spec: { network: 'default', rules: [] }, status: { pods: 0 } })
    const first = await ann.caller.manifest.list({ tenant, kind: 'SecurityGroup', limit: 1 })
    expect(first.items).toHaveLength(1)
    expect((await ann.caller.manifest.list({ tenant, kind: 'SecurityGroup', limit: 1, cursor: first.nextCursor ?? '' })).items).toHaveLength(1)
    await expect(bob.caller.manifest.get({ tenant: bob.tenant.slug, kind: 'SecurityGroup', name: 'plain' })).rejects.toMatchObject({ cause: { code: 'not_found' } })
    expect(await ann.caller.manifest.delete({ tenant, kind: 'SecurityGroup', name: 'plain' })).toEqual({ deleting: true })
  })

  it('are not deleted while a pod that names them is being created', async () => {
    await ann.caller.securityGroup.create({ tenant, name: 'raced', spec: {} })
    const results = await Promise.allSettled([
      ann.caller.pod.create({ tenant, name: 'racer', spec: { containers: [{ name: 'a', image: 'busybox' }], network: { securityGroups: ['raced'] } } }),
      ann.caller.securityGroup.delete({ tenant, name: 'raced' }),
    ])
    expect(results.map((r) => r.status).sort()).toEqual(['fulfilled', 'rejected'])
  })
})
