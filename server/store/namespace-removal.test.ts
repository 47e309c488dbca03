import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { startTestServer } from '@/server/api/testing/server'
import { inTransaction } from './database'
import { removeNamespace } from './namespace-removal'

let server: Awaited<ReturnType<typeof startTestServer>>
beforeAll(async () => void (server = await startTestServer()))
afterAll(() => server.stop())

it('a namespace that goes waits for who says something of its services, and neither for both', async () => {
  const ann = await server.signUp('ann')
  const of = { tenant: ann.tenant.slug, namespace: 'going' }
  const { uid } = (await ann.caller.namespace.create({ tenant: of.tenant, name: of.namespace })).metadata
  // Stored in the other order than their uids have.
  const services = await Promise.all(['one', 'two'].map(async (name) => (await ann.caller.service.create({ ...of, name, spec: { ports: [{ port: 80 }] } })).metadata.uid))
  const [first = '', last = ''] = services.sort()
  await server.db.$executeRaw`update "Service" set "annotations" = '{"moved": "1"}' where "uid" = ${first}::uuid`
  await server.db.namespace.update({ where: { uid }, data: { deletedAt: new Date() } })
  let removed: Promise<void> | null = null
  const hold = (tx: Parameters<Parameters<typeof inTransaction>[1]>[0], service: string) => tx.$queryRaw<unknown[]>`select 1 from "Service" where "uid" = ${service}::uuid for key share`
  await inTransaction(server.db, async (tx) => {
    expect(await hold(tx, first)).toHaveLength(1)
    removed = inTransaction(server.db, (other) => removeNamespace(other, { uid, tenantId: ann.tenant.id, name: of.namespace }))
    removed.catch(() => undefined)
    await vi.waitFor(async () => expect(await server.db.$queryRaw`select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`).toHaveLength(1), { timeout: 20_000, interval: 10 })
    expect(await hold(tx, last)).toHaveLength(1)
  })
  await removed
  expect(await server.db.service.count({ where: { uid: { in: services } } })).toBe(0)
})
