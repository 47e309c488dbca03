import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ExternalReport, HostBalancer } from '@/contracts/host/v1/external'
import { defaultOptions } from '@/domain/load-balancer/model'
import { networkSpec } from '@/domain/network/spec'
import { makeCertificate, type TestCertificate } from '@/platform/crypto/testing/certificates'
import { startTestServer } from '@/server/api/testing/server'
import { SentCertificates } from './certificates'
import { HostSessions } from './host-sessions'
import { connectHost } from './testing/connected-host'

let server: Awaited<ReturnType<typeof startTestServer>>
let ann: Awaited<ReturnType<typeof server.signUp>>
let networkId: string
const sessions = new HostSessions()
beforeAll(async () => {
  server = await startTestServer()
  ann = await server.signUp('ann')
  networkId = (await server.db.network.create({ data: { tenantId: ann.tenant.id, name: 'n', spec: networkSpec.parse({ subnets: { a: { cidr: '10.1.0.0/24' } } }) } })).uid
})
afterAll(() => server.stop())

const text = (value: string) => Buffer.from(value).toString('base64')
const secret = async (name: string, data: Record<string, string>) => {
  await ann.caller.secret.create({ tenant: ann.tenant.slug, name, data: Object.fromEntries(Object.entries(data).map(([key, value]) => [key, text(value)])) })
  return (await server.db.secret.findFirstOrThrow({ where: { name } })).uid
}
const balancer = (...certificates: string[]): HostBalancer => ({
  kind: 'balancer', uid: randomUUID(), tenantId: ann.tenant.id, namespace: 'default', name: 'b', number: 1, networkId, network: { number: 1, mtu: 1450, subnets: [], inner: [], mac: '', outbound: 'nat' }, addresses: ['198.18.0.2'],
  listeners: [{ port: 443, protocol: 'https', certificates, rules: [], defaultBackend: null, redirectToHttps: null, acceptProxy: false }], backends: [], options: defaultOptions, until: null,
})

describe('certificates', () => {
  it('are opened for hosts whose balancers name them, once a revision, and forgotten with the last that does', async () => {
    const sent = new SentCertificates()
    const parts = { db: server.db, keyRing: server.server.keyRing, log: server.server.log }
    const told = (...balancers: HostBalancer[]) => sent.messages(parts, balancers)
    const [first, second, renewed] = [makeCertificate(), makeCertificate(), makeCertificate()]
    const values = ({ certificate, key }: TestCertificate) => ({ 'tls.crt': certificate, 'tls.key': key })
    const one = await secret('one', values(first))
    const two = await secret('two', values(second))
    const broken = await secret('broken', { 'tls.crt': first.certificate })
    // What it was given on an earlier connection is forgotten, and that is said once.
    expect(await told()).toEqual([{ kind: 'certificates', complete: true, certificates: [] }])
    expect(await told()).toEqual([])
    expect(await told(balancer(one))).toEqual([{ kind: 'certificates', complete: false, certificates: [{ id: one, revision: expect.any(String) as string, pem: expect.stringContaining(first.certificate.trim()) as string }] }])
    expect(await told(balancer(one), balancer(one))).toEqual([])
    expect(await told(balancer(one), balancer(two))).toMatchObject([{ complete: false, certificates: [{ id: two }] }])
    await ann.caller.secret.update({ tenant: ann.tenant.slug, name: 'two', stringData: values(renewed) })
    expect(await told(balancer(one), balancer(two))).toMatchObject([{ complete: false, certificates: [{ id: two, pem: expect.stringContaining(renewed.certificate.trim()) as string }] }])
    expect(await told(balancer(one, broken, randomUUID()))).toMatchObject([{ complete: true, certificates: [{ id: one }] }])
    expect(await told()).toEqual([{ kind: 'certificates', complete: true, certificates: [] }])
  })

  it('that cannot be read now count as not given, and are when they can be', async () => {
    const sent = new SentCertificates()
    const parts = { db: server.db, keyRing: server.server.keyRing, log: server.server.log }
    const { certificate, key } = makeCertificate()
    const [good, damaged] = [await secret('good', { 'tls.crt': certificate, 'tls.key': key }), await secret('damaged', { 'tls.crt': certificate, 'tls.key': key })]
    await server.db.$executeRaw`alter table "TenantKey" rename to "TenantKeyAway"`
    await expect(sent.messages(parts, [balancer(good, damaged)])).rejects.toThrow()
    await server.db.$executeRaw`alter table "TenantKeyAway" rename to "TenantKey"`
    await server.db.secret.update({ where: { uid: damaged }, data: { value: { update: { wrappedValue: 'damaged' } } } })
    expect(await sent.messages(parts, [balancer(good, damaged)])).toMatchObject([{ complete: true, certificates: [{ id: good }] }])
    expect(await sent.messages(parts, [balancer(good, damaged)])).toEqual([])
  })

  it('of another tenant go to no host, whatever a balancer names', async () => {
    const sent = new SentCertificates()
    const { certificate, key } = makeCertificate()
    const theirs = await secret('theirs', { 'tls.crt': certificate, 'tls.key': key })
    const foreign = { ...balancer(theirs), tenantId: '0'.repeat(32) }
    expect(await sent.messages({ db: server.db, keyRing: server.server.keyRing, log: server.server.log }, [foreign])).toEqual([{ kind: 'certificates', complete: true, certificates: [] }])
  })
})

it('a host has a say in what it was given, and in nothing else', async () => {
  const { db } = server
  const [mine, other] = [await connectHost(server, sessions, 'h1'), await connectHost(server, sessions, 'h2')]
  const old = await connectHost(server, sessions, 'h3', ['networkObjects'])
  const pool = await db.addressPool.create({ data: { name: 'p', family: 4, spec: { subnet: { cidr: '198.18.0.0/24', gateway: '198.18.0.1' } } } })
  const row = await db.loadBalancer.create({ data: { tenantId: ann.tenant.id, namespace: 'default', name: 'b', source: 'Service', sourceUid: randomUUID(), networkId, hostId: mine.hostId } })
  const address = await db.floatingAddress.create({ data: { tenantId: ann.tenant.id, name: 'f', address: '198.18.0.9', poolId: pool.uid, spec: {}, loadBalancerUid: row.uid, hostId: mine.hostId } })
  const say = (over: Partial<ExternalReport>): ExternalReport => ({ kind: 'balancer', uid: row.uid, phase: 'Active', reason: '', message: '', ...over })
  const settled = ({ hostId }: typeof mine) => expect.poll(() => sessions.get(hostId)?.externalReports.size, { timeout: 30_000, interval: 20 }).toBe(0)
  const stored = async () => {
    await settled(mine)
    return (await db.loadBalancer.findUniqueOrThrow({ where: { uid: row.uid } })).report
  }
  for (const host of [other, old]) {
    await host.reportExternal([say({}), say({ phase: 'Gone' })], true)
    await settled(host)
  }
  expect(await stored()).toBeNull()
  await mine.reportExternal([say({ phase: 'Degraded', reason: 'ServersDown', message: 'One is down.', down: ['a/10.0.0.1:80'] }), say({ kind: 'floatingAddress', uid: address.uid, phase: 'Failed' })], true)
  expect(await stored()).toMatchObject({ phase: 'Degraded', down: ['a/10.0.0.1:80'] })
  // Of an address that is a balancer's, the balancer speaks.
  expect((await db.floatingAddress.findUniqueOrThrow({ where: { uid: address.uid } })).reported).toBe('Degraded')
  // That it is Gone frees nothing that it was not asked to let go of: the controller decides.
  await mine.reportExternal([say({ phase: 'Gone' })])
  expect(await stored()).toMatchObject({ phase: 'Gone' })
  expect(await db.loadBalancer.findUniqueOrThrow({ where: { uid: row.uid } })).toMatchObject({ hostId: mine.hostId })
  // One entry that cannot be read costs no other.
  await mine.reportExternal([{ ...say({}), uid: 'nonsense' }, say({})])
  expect(await stored()).toMatchObject({ phase: 'Active' })
  await db.loadBalancer.update({ where: { uid: row.uid }, data: { leaving: true } })
  await mine.reportExternal([say({ phase: 'Failed' })])
  expect(await stored()).toMatchObject({ phase: 'Active' })
})
