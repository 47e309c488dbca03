import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { networkSpec } from '@/domain/network/spec'
import { startTestServer } from '@/server/api/testing/server'
import { registerHost } from '@/server/store/hosts'
import { applyPlan } from './apply'
import type { ExternalPlan } from './plan'
import { SourceCache, SourceReader } from './sources'

let server: Awaited<ReturnType<typeof startTestServer>>
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

it('a plan is written in parts, so that nobody waits for all of it: what comes before a part that fails stays written', async () => {
  const { db } = server
  const { tenant } = await server.signUp('ann')
  const hostId = (await registerHost(db, 'h1', 'key')).id
  const networkId = (await db.network.create({ data: { tenantId: tenant.id, name: 'outside', spec: networkSpec.parse({ subnets: { a: { cidr: '10.1.0.0/24' } } }) } })).uid
  await db.namespace.create({ data: { tenantId: tenant.id, name: 'shop', spec: { network: 'outside' } } })
  const uids = Array.from({ length: 120 }, () => randomUUID()).sort()
  await db.loadBalancer.createMany({ data: uids.map((uid, i) => ({ uid, tenantId: tenant.id, namespace: 'shop', name: `b${i}`, source: 'Service', sourceUid: randomUUID(), networkId, hostId })) })
  const plan: ExternalPlan = { create: [], removeBalancers: [], removeAddresses: [], compile: [], bind: [], leave: uids.map((uid) => ({ uid, hostId, leaving: true })), hold: [], take: [], verdicts: [] }
  const apply = () => applyPlan({ db, reader: new SourceReader(new SourceCache()), defaultQuota: 10 }, tenant.id, plan, { bySource: new Map(), bySecond: new Map(), forAll: new Map() })
  const leaving = () => db.loadBalancer.count({ where: { leaving: true } })
  await db.$executeRawUnsafe(`create function refuse() returns trigger language plpgsql as $$ begin if new."uid" = '${uids.at(-1) ?? ''}' then raise exception 'refused'; end if; return new; end $$`)
  await db.$executeRaw`create trigger refuse before update on "LoadBalancer" for each row execute function refuse()`
  await expect(apply()).rejects.toThrow('refused')
  expect(await leaving()).toBe(100)
  await db.$executeRaw`drop trigger refuse on "LoadBalancer"`
  expect([await apply(), await leaving(), await apply()]).toEqual([20, 120, 0])
})

it('who was refused asks again once something was given back', async () => {
  const { db } = server
  const { tenant } = await server.signUp('bob')
  const refusals = { bySource: new Map([[randomUUID(), 'No.']]), bySecond: new Map(), forAll: new Map([['any' as const, { reason: 'QuotaExceeded' as const, message: 'No.' }]]) }
  const plan: ExternalPlan = { create: [], removeBalancers: [], removeAddresses: [], compile: [], bind: [], leave: [], hold: [], take: [], verdicts: [] }
  const apply = (removeAddresses: string[]) => applyPlan({ db, reader: new SourceReader(new SourceCache()), defaultQuota: 10 }, tenant.id, { ...plan, removeAddresses }, refusals)
  await apply([])
  expect(refusals.forAll.size + refusals.bySource.size).toBe(2)
  await apply([randomUUID()])
  expect(refusals.forAll.size + refusals.bySource.size).toBe(0)
})
