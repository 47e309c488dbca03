import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { networkSpec } from '@/domain/network/spec'
import { addressPoolSpec } from '@/domain/address-pool/spec'
import { DomainError } from '@/domain/shared/errors'
import { waitingStatus } from '@/domain/pod/status'
import { streamsTo, type HostEnd } from '@/server/api/testing/fake-host'
import { startTestServer } from '@/server/api/testing/server'
import { hearResult } from './hear-result'
import { worldOfState } from './surroundings'

let test: Awaited<ReturnType<typeof startTestServer>>
let ann: Awaited<ReturnType<typeof test.signUp>>
let bob: Awaited<ReturnType<typeof test.signUp>>
let hostId: string
/** What the host does with the next stream. */
let serve: (host: HostEnd) => void = () => {}

const spec = { containers: [{ name: 'main', image: 'busybox' }] }

async function run(who: typeof ann, name: string, address: string | null, namespace = 'default'): Promise<string> {
  const { uid } = (await who.caller.pod.create({ tenant: who.tenant.slug, namespace, name, spec })).metadata
  const pod = await test.db.pod.update({ where: { uid }, data: { hostId, boundAt: new Date() } })
  if (address) await test.db.networkAddress.create({ data: { networkId: pod.networkId, address, podUid: uid, mac: `02:00:00:00:00:${address.split('.').at(-1)!.padStart(2, '0').slice(-2)}` } })
  const containers = [{ ...waitingStatus('main', 'busybox', 'container', ''), state: 'Running' }]
  const document = { uid, observedGeneration: 1, phase: 'Running', reason: '', message: '', conditions: [], containers, startMode: null, startSteps: [], startedAt: null }
  await test.db.podReport.create({ data: { podUid: uid, hostId, bootId: randomUUID(), sequence: 1, phase: 'Running', document } })
  return uid
}

beforeAll(async () => {
  test = await startTestServer()
  ann = await test.signUp('ann')
  bob = await test.signUp('bob')
  hostId = (await test.db.host.create({ data: { name: 'h1', publicKey: 'none', phase: 'Ready', lastHeartbeat: new Date() } })).id
  await run(ann, 'web', '10.244.0.2')
  await run(ann, 'db', '10.244.0.3')
  await run(ann, 'waiting', null)
  await run(bob, 'theirs', '10.244.0.3')
  await ann.caller.network.create({ tenant: ann.tenant.slug, name: 'far', spec: { subnets: { a: { cidr: '10.7.0.0/24' } } } })
  await ann.caller.namespace.create({ tenant: ann.tenant.slug, name: 'far', network: 'far' })
  await run(ann, 'distant', '10.7.0.2', 'far')
  Object.assign(test.server.streams, { open: streamsTo((host) => serve(host)) })
})
afterAll(() => test.stop())

const from = { namespace: 'default', name: 'web' }
const toPod = (name: string, namespace = 'default') => ({ kind: 'pod' as const, namespace, name })
const question = () => ({ tenant: ann.tenant.slug, from, to: toPod('db'), port: 5432 })
const reports = (outcome: string, milliseconds = 1.5) => (host: HostEnd) => {
  host.send(1, JSON.stringify({ outcome, milliseconds, detail: 'told by the host' }))
  host.finish({ exitCode: 0, error: null })
}

describe('network.reachability', () => {
  it('answers from what is stored, and names the group that decides', async () => {
    expect(await ann.caller.network.reachability(question())).toMatchObject({ reachable: true, dial: { address: '10.244.0.3', port: 5432 }, targets: [{ pod: { name: 'db' } }] })
    await ann.caller.securityGroup.create({ tenant: ann.tenant.slug, name: 'db', spec: { podSelector: { matchLabels: { app: 'db' } }, rules: [{ direction: 'ingress', protocol: 'tcp', ports: [{ port: 5432 }], cidr: '10.244.0.9/32' }] } })
    await ann.caller.pod.update({ tenant: ann.tenant.slug, name: 'db', labels: { app: 'db' }, annotations: {} })
    const answer = await ann.caller.network.reachability(question())
    expect(answer).toMatchObject({ reachable: false, certain: true })
    expect(answer.steps.find((step) => step.decides)?.rule).toMatchObject({ kind: 'SecurityGroup', name: 'db' })
  })
  it('of a pod without an address, of another network, and of what is not there', async () => {
    expect(await ann.caller.network.reachability({ ...question(), to: toPod('waiting') })).toMatchObject({ reachable: false, summary: expect.stringContaining('no address yet') })
    expect(await ann.caller.network.reachability({ ...question(), from: { namespace: 'default', name: 'waiting' } })).toMatchObject({ reachable: false })
    expect(await ann.caller.network.reachability({ ...question(), to: toPod('distant', 'far') })).toMatchObject({ reachable: false, summary: expect.stringContaining('no peering') })
    await expect(ann.caller.network.reachability({ ...question(), to: toPod('nobody') })).rejects.toThrow('Pod "nobody" does not exist')
    await expect(ann.caller.network.reachability({ ...question(), to: { kind: 'service', namespace: 'default', name: 'nothing' } })).rejects.toThrow('Service "nothing" does not exist')
    await expect(ann.caller.network.reachability({ ...question(), port: null })).rejects.toThrow('port: is needed')
  })
  it('by floating addresses of IPv6, which are routed to pods: the tenant’s own, in whichever network, and no other’s', async () => {
    const pool = await test.db.addressPool.create({ data: { name: 'six', family: 6, spec: addressPoolSpec.parse({ subnet: { cidr: '2001:db8:100::/64' } }) } })
    const give = async (who: typeof ann, address: string, namespace: string, name: string) => {
      const { uid: podUid } = await test.db.pod.findFirstOrThrow({ where: { tenantId: who.tenant.id, namespace, name } })
      await test.db.floatingAddress.create({ data: { tenantId: who.tenant.id, name: `to-${name}`, spec: {}, poolId: pool.uid, address, podUid } })
    }
    const at = (address: string) => ann.caller.network.reachability({ ...question(), to: { kind: 'address', address } })
    await give(ann, '2001:db8:100::17', 'far', 'distant')
    expect(await at('2001:db8:100::17')).toMatchObject({ reachable: false, summary: expect.stringContaining('no IPv6 address') })
    await give(ann, '2001:db8:100::16', 'default', 'web')
    await give(bob, '2001:db8:100::18', 'default', 'theirs')
    expect(await at('2001:DB8:100:0::17')).toMatchObject({ reachable: true, certain: true, targets: [{ address: '2001:db8:100::17', pod: { namespace: 'far', name: 'distant' } }] })
    expect(await at('2001:db8:100::18')).toMatchObject({ reachable: true, certain: false, targets: [{ pod: null }] })
  })
  it('another tenant’s pod is not found by its name, and its address is the asker’s own', async () => {
    await expect(ann.caller.network.reachability({ ...question(), to: toPod('theirs') })).rejects.toThrow('Pod "theirs" does not exist')
    await expect(bob.caller.network.reachability({ ...question(), tenant: bob.tenant.slug })).rejects.toThrow('Pod "web" does not exist')
    const answer = await ann.caller.network.reachability({ ...question(), to: { kind: 'address', address: '10.244.0.3' } })
    expect(answer.targets).toMatchObject([{ pod: { name: 'db' } }])
    expect(JSON.stringify(answer)).not.toContain('theirs')
  })
})

describe('a large network', () => {
  it('is no question for the process that others wait for', () => {
    const spec = networkSpec.parse({ subnets: { a: { cidr: '10.0.0.0/16' } } })
    const many = <T>(count: number, one: T): T[] => Array.from({ length: count }, () => one)
    const state = { network: { uid: 'n', number: 1, name: 'vast', tenantId: 't', spec }, namespaces: [], services: [], endpoints: [], peers: [], pods: many(5_000, {} as never), groups: many(500, {} as never), policies: [] }
    expect(() => worldOfState(state)).toThrow('Network "vast" has 5000 pods, 500 groups and 0 policies')
  })
  it('is looked at once while nothing changes', () => {
    const state = { network: { uid: 'n', number: 1, name: 'n', tenantId: 't', spec: networkSpec.parse({ subnets: { a: { cidr: '10.0.0.0/16' } } }) }, namespaces: [], services: [], endpoints: [], peers: [], pods: [], groups: [], policies: [] }
    expect(worldOfState(state)).toBe(worldOfState(state))
  })
})

describe('network.previewRules', () => {
  it('says what another spec would do, and changes nothing', async () => {
    const before = await ann.caller.securityGroup.get({ tenant: ann.tenant.slug, name: 'db' })
    const preview = (rules: object[]) => ann.caller.network.previewRules({ tenant: ann.tenant.slug, group: 'db', spec: { ...before.spec, rules: rules as typeof before.spec.rules } })
    expect(await preview([{ direction: 'ingress', protocol: 'tcp', ports: [{ port: 5432 }] }])).toMatchObject({ members: 1, changes: [{ allowed: true, traffic: 'TCP 5432', from: ['web', 'outside'], to: ['db'] }] })
    expect(await preview(before.spec.rules)).toMatchObject({ changes: [] })
    expect(await ann.caller.securityGroup.get({ tenant: ann.tenant.slug, name: 'db' })).toEqual(before)
    await expect(bob.caller.network.previewRules({ tenant: bob.tenant.slug, group: 'db', spec: {} })).rejects.toThrow('"db" does not exist')
  })
})

describe('network.probe', () => {
  const audit = async () => (await test.db.auditEntry.findMany({ where: { tenantId: ann.tenant.id, action: { startsWith: 'pod.probe' } }, orderBy: { id: 'asc' } })).map(({ action, detail, name }) => [action, detail, name])

  it('asks the pod’s host to try, tells what it met and whether that agrees, and is audited', async () => {
    let asked: unknown
    serve = (host) => { asked = host.request; reports('silent', 5000)(host) }
    expect(await ann.caller.network.probe(question())).toEqual({ target: '10.244.0.3:5432', outcome: 'silent', milliseconds: 5000, detail: 'told by the host', agrees: true })
    expect(asked).toMatchObject({ kind: 'probe', address: '10.244.0.3', port: 5432, protocol: 'tcp' })
    serve = reports('open')
    expect(await ann.caller.network.probe(question())).toMatchObject({ outcome: 'open', milliseconds: 1.5, agrees: false })
    serve = reports('failed')
    expect(await ann.caller.network.probe({ ...question(), protocol: 'icmp', port: null })).toMatchObject({ target: '10.244.0.3', agrees: null })
    expect((await audit()).slice(0, 2)).toEqual([['pod.probe.open', 'TCP 10.244.0.3:5432', 'web'], ['pod.probe.close', expect.stringMatching(/^TCP 10\.244\.0\.3:5432, 0 B in, \d+ B out$/), 'web']])
  })
  it.each([
    ['an error of the host', (host: HostEnd) => host.finish({ exitCode: null, error: 'The pod is not on this host any more.' }), 'not on this host any more'],
    ['nothing before the end', (host: HostEnd) => host.finish({ exitCode: 0, error: null }), 'what cannot be read'],
    ['no JSON', (host: HostEnd) => { host.send(1, '{'); host.finish({ exitCode: 0, error: null }) }, 'what cannot be read'],
    ['far too much', (host: HostEnd) => { host.send(1, 'x'.repeat(20 << 10)) }, 'more than the result of a try can be'],
  ])('%s is told', async (_, does, message) => {
    serve = does
    await expect(ann.caller.network.probe(question())).rejects.toThrow(message)
  })
  it('a host that says nothing is not waited for, and one that is not there is told', async () => {
    const told: string[] = []
    const audit = { onBegin: () => Promise.resolve(void told.push('open')), onEnd: () => Promise.resolve(void told.push('close')) }
    const stream = await streamsTo(() => {})(hostId, { kind: 'probe', podUid: randomUUID(), address: '10.244.0.3', port: 1, protocol: 'tcp', timeoutSeconds: 1 })
    await expect(hearResult(stream, audit, 30)).rejects.toMatchObject({ code: 'timeout', message: expect.stringContaining('within 0.03 seconds') })
    expect(told).toEqual(['open', 'close'])
    expect(stream.destroyed).toBe(true)
    const closed = await streamsTo((host) => void host.finish({ exitCode: null, error: 'The host has no such network.' }))(hostId, { kind: 'probe', podUid: randomUUID(), address: '10.244.0.3', port: 1, protocol: 'tcp', timeoutSeconds: 1 })
    await expect(hearResult(closed, audit, 1000)).rejects.toMatchObject({ code: 'failed_precondition' })
    const before = test.server.streams.open
    Object.assign(test.server.streams, { open: () => Promise.reject(new DomainError('unavailable', 'The host "h1" is not connected.')) })
    await expect(ann.caller.network.probe(question())).rejects.toThrow('is not connected')
    Object.assign(test.server.streams, { open: before })
  })
  it('what there is no pod, host or address for is refused before anything is sent', async () => {
    serve = () => { throw new Error('nothing must be sent') }
    await expect(ann.caller.network.probe({ ...question(), to: toPod('waiting') })).rejects.toThrow('There is nothing to try')
    await expect(ann.caller.network.probe({ ...question(), from: { namespace: 'default', name: 'nobody' } })).rejects.toThrow('Pod "nobody" does not exist')
    await test.db.podReport.updateMany({ where: { pod: { name: 'distant' } }, data: { phase: 'Starting', document: { uid: randomUUID(), observedGeneration: 1, phase: 'Starting', reason: '', message: '', conditions: [], containers: [], startMode: null, startSteps: [], startedAt: null } } })
    await expect(ann.caller.network.probe({ ...question(), from: { namespace: 'far', name: 'distant' } })).rejects.toThrow('No container of the pod runs')
  })
})
