import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { PodReport } from '@/contracts/host/v1'
import type { ExternalReport } from '@/contracts/host/v1/external'
import { addressPoolSpec } from '@/domain/address-pool/spec'
import { floatingAddressSpec } from '@/domain/floating-address/spec'
import { networkSpec } from '@/domain/network/spec'
import { podSpec } from '@/domain/pod/spec'
import { startTestServer } from '@/server/api/testing/server'
import { inTransaction } from '@/server/store/database'
import { holdExternal } from '@/server/store/external-state'
import { HostSessions } from './host-sessions'
import { connectExternalHost } from './testing/external-host'
import { wakeHostsOnChanges } from './wake-hosts'

let server: Awaited<ReturnType<typeof startTestServer>>
type User = Awaited<ReturnType<typeof server.signUp>>
let [ann, bob]: User[] = []
let poolId: string
let stopWaking = () => {}
let host: Awaited<ReturnType<typeof connectExternalHost>>
const sessions = new HostSessions()
const networks = new Map<User, string>()

beforeAll(async () => {
  server = await startTestServer()
  poolId = (await server.db.addressPool.create({ data: { name: 'default', family: 4, isDefault: true, spec: addressPoolSpec.parse({ subnet: { cidr: '198.18.100.0/24' }, default: true }) } })).uid
  for (const name of ['ann', 'bob']) {
    const user = await server.signUp(name)
    networks.set(user, (await server.db.network.create({ data: { tenantId: user.tenant.id, name: 'outside', spec: networkSpec.parse({ subnets: { a: { cidr: '10.1.0.0/24' } } }) } })).uid)
    await server.db.namespace.create({ data: { tenantId: user.tenant.id, name: 'shop', spec: { network: 'outside' } } })
    if (ann) bob = user
    else ann = user
  }
  stopWaking = wakeHostsOnChanges(server.server.feed, sessions, server.db)
})
afterAll(async () => {
  stopWaking()
  await server.stop()
})
beforeEach(async () => {
  host = await connectExternalHost(server, sessions, 'h1')
})
afterEach(async () => {
  host.close()
  await server.db.floatingAddress.deleteMany()
  await server.db.loadBalancer.deleteMany()
  await server.db.pod.deleteMany()
})

const soon = <T>(read: () => T) => expect.poll(read, { timeout: 30_000, interval: 20 })
const users = (): [User, User] => {
  if (!ann || !bob) throw new Error('nobody signed up')
  return [ann, bob]
}
const balancerOf = async (user: User, name: string) => (await server.db.loadBalancer.create({ data: { tenantId: user.tenant.id, namespace: 'shop', name, source: 'Service', sourceUid: randomUUID(), networkId: networks.get(user) ?? '', hostId: host.hostId } })).uid
const addressOf = async (user: User, address: string) => (await server.db.floatingAddress.create({ data: { tenantId: user.tenant.id, name: `a-${address.replaceAll('.', '-')}`, address, poolId, hostId: host.hostId, spec: floatingAddressSpec.parse({ address }) } })).uid
const podOf = async (user: User, name: string) => (await server.db.pod.create({ data: { tenantId: user.tenant.id, namespace: 'shop', name, networkId: networks.get(user) ?? '', hostId: host.hostId, spec: podSpec.parse({ containers: [{ name: 'a', image: 'busybox' }] }) } })).uid
const runs = (uid: string): PodReport => ({ uid, observedGeneration: 1, phase: 'Running', reason: '', message: '', containers: [], startMode: null, startSteps: [], startedAt: null, conditions: [] })
const says = (uid: string, phase: ExternalReport['phase'], down: string[] = []): ExternalReport => ({ kind: 'balancer', uid, phase, reason: '', message: '', down })
const reportOf = async (uid: string) => (await server.db.loadBalancer.findUniqueOrThrow({ where: { uid } })).report
const hostOfAddress = async (uid: string) => (await server.db.floatingAddress.findUniqueOrThrow({ where: { uid } })).hostId

/** Somebody's long work on what a tenant has on the outside, as a plan of many balancers would be, until it is ended. */
async function holdTenant(user: User): Promise<() => Promise<void>> {
  let end = () => {}
  const ended = new Promise<void>((resolve) => (end = resolve))
  let begun = () => {}
  const begins = new Promise<void>((resolve) => (begun = resolve))
  const working = server.db.$transaction(async (tx) => {
    await holdExternal(tx, [user.tenant.id])
    begun()
    await ended
  }, { timeout: 120_000 })
  await begins
  return async () => {
    end()
    await working
  }
}

describe('what hosts say of the outside while a tenant’s own is being worked on', () => {
  it('holds up neither pods, heartbeats nor other tenants, and is stored after that, the newest of it', async () => {
    const [slow, other] = users()
    const [held, free, pod] = [await balancerOf(slow, 'held'), await balancerOf(other, 'free'), await podOf(other, 'web')]
    const end = await holdTenant(slow)
    try {
      await host.reportExternal([says(held, 'Degraded', ['web/10.1.0.9:80']), says(free, 'Active')], true)
      await host.report(runs(pod))
      expect(await server.db.podReport.findUnique({ where: { podUid: pod }, select: { phase: true } })).toEqual({ phase: 'Running' })
      expect(await host.heartbeat()).toEqual({ current: true })
      await soon(async () => reportOf(free)).toMatchObject({ phase: 'Active' })
      await host.reportExternal([says(held, 'Failed')])
      await host.reportExternal([says(free, 'Degraded')])
      await soon(async () => reportOf(free)).toMatchObject({ phase: 'Degraded' })
      expect(await host.heartbeat()).toEqual({ current: true })
      expect(await reportOf(held)).toBeNull()
    } finally {
      await end()
    }
    // By itself: its host has nothing new to say.
    await soon(async () => reportOf(held)).toMatchObject({ phase: 'Failed', down: [] })
  })

  it('is not waited for, either, where a row of the tenant is held by its manifest', async () => {
    const [slow, other] = users()
    const [held, free] = [await balancerOf(slow, 'held'), await balancerOf(other, 'free')]
    await server.db.$transaction(async (tx) => {
      await tx.$queryRaw`select 1 from "LoadBalancer" where "uid" = ${held}::uuid for update`
      await host.reportExternal([says(held, 'Active'), says(free, 'Active')], true)
      await soon(async () => reportOf(free)).toMatchObject({ phase: 'Active' })
      expect(await host.heartbeat()).toEqual({ current: true })
      expect(await reportOf(held)).toBeNull()
    }, { timeout: 120_000 })
    await soon(async () => reportOf(held)).toMatchObject({ phase: 'Active' })
  })

  it('frees other tenants’ addresses, and the tenant’s own after that', async () => {
    const [slow, other] = users()
    const [held, free] = [await addressOf(slow, '198.18.100.20'), await addressOf(other, '198.18.100.21')]
    const end = await holdTenant(slow)
    try {
      await host.begin()
      await soon(async () => hostOfAddress(free)).toBeNull()
      expect(await host.heartbeat()).toEqual({ current: true })
      expect(await hostOfAddress(held)).toBe(host.hostId)
    } finally {
      await end()
    }
    await soon(async () => hostOfAddress(held)).toBeNull()
  })

  it('is stored of other tenants also where one tenant’s cannot be, for whatever reason, and then that as well', async () => {
    const [slow, other] = users()
    const [bad, free] = [await balancerOf(slow, 'bad'), await balancerOf(other, 'free')]
    await server.db.$executeRawUnsafe(`create function refuse_report() returns trigger language plpgsql as $$ begin if new."uid" = '${bad}' then raise exception 'refused'; end if; return new; end $$`)
    await server.db.$executeRaw`create trigger refuse_report before update on "LoadBalancer" for each row execute function refuse_report()`
    try {
      await host.reportExternal([says(bad, 'Active'), says(free, 'Active')], true)
      await soon(async () => reportOf(free)).toMatchObject({ phase: 'Active' })
      expect(await reportOf(bad)).toBeNull()
      await host.reportExternal([says(free, 'Degraded')])
      await soon(async () => reportOf(free)).toMatchObject({ phase: 'Degraded' })
    } finally {
      await server.db.$executeRaw`drop trigger refuse_report on "LoadBalancer"`
      await server.db.$executeRaw`drop function refuse_report`
    }
    await soon(async () => reportOf(bad)).toMatchObject({ phase: 'Active' })
    await soon(() => sessions.get(host.hostId)?.externalReports.size).toBe(0)
  })

  it('is stored of the present connection alone', async () => {
    const [slow] = users()
    const held = await balancerOf(slow, 'held')
    const end = await holdTenant(slow)
    try {
      await host.reportExternal([says(held, 'Failed')], true)
    } finally {
      // As by another process, which closes nothing here.
      await inTransaction(server.db, (tx) => tx.$executeRaw`update "Host" set "hello" = "hello" || '{"connection": "newer"}' where "id" = ${host.hostId}::uuid`)
      await end()
    }
    await soon(() => sessions.get(host.hostId)?.externalReports.size).toBe(0)
    expect(await reportOf(held)).toBeNull()
  })
})
