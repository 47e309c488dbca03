import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { startVolumeServer } from '../volumes/testing/volume-server'

const gib = 2n ** 30n
let server: Awaited<ReturnType<typeof startVolumeServer>>
let operator: ReturnType<typeof server.callerOf>
let member: typeof operator
let slugs: { ann: string; bob: string }
beforeAll(async () => {
  server = await startVolumeServer()
  const olga = await server.signUp('olga')
  operator = server.callerOf({ ...olga.actor, operator: true, kind: 'session', tenantId: null })
  member = server.callerOf({ ...olga.actor, kind: 'session', tenantId: null })
  const slugOf = async (id: string) => (await server.db.tenant.findUniqueOrThrow({ where: { id } })).slug
  slugs = { ann: await slugOf(server.ann.tenantId), bob: await slugOf(server.bob.tenantId) }
})
afterAll(() => server.stop())
beforeEach(() => server.clear())

const part = (count: number, provisioned: bigint, allocated: bigint) => ({ count, provisionedBytes: Number(provisioned), allocatedBytes: Number(allocated) })

describe('who fills a store', () => {
  it('is told by tenant, the largest first: volumes, snapshots and what is deleted and kept, of this store alone', async () => {
    const { uid } = await server.volume('data', { sizeBytes: 4n * gib, storedBytes: gib })
    await server.volume('not-made', { sizeBytes: 2n * gib, storedBytes: null, storedPhase: 'Absent' })
    await server.volume('gone', { sizeBytes: 8n * gib, storedBytes: 3n * gib, deletedAt: new Date() })
    await server.volume('elsewhere', { storedBytes: 50n * gib }, 'ceph')
    await server.snapshot('before', uid, { storedBytes: gib, sizeBytes: 4n * gib })
    await server.snapshot('for-a-clone', uid, { storedBytes: 5n, hidden: true })
    await server.volume('large', { tenantId: server.bob.tenantId, sizeBytes: 16n * gib, storedBytes: 9n * gib })
    expect(await operator.volumeStore.usage({ name: 'local' })).toEqual({
      items: [
        { tenant: { id: server.bob.tenantId, slug: slugs.bob, name: expect.any(String) }, volumes: part(1, 16n * gib, 9n * gib), snapshots: part(0, 0n, 0n), deleted: part(0, 0n, 0n), provisionedBytes: Number(16n * gib), allocatedBytes: Number(9n * gib) },
        { tenant: { id: server.ann.tenantId, slug: slugs.ann, name: expect.any(String) }, volumes: part(2, 6n * gib, gib), snapshots: part(2, 5n * gib, gib + 5n), deleted: part(1, 8n * gib, 3n * gib), provisionedBytes: Number(14n * gib), allocatedBytes: Number(5n * gib + 5n) },
      ],
      total: 2, nextCursor: null,
    })
    expect((await operator.volumeStore.usage({ name: 'ceph' })).items.map(({ tenant, allocatedBytes }) => [tenant.slug, allocatedBytes])).toEqual([[slugs.ann, Number(50n * gib)]])
  })

  it('is paged without a gap or a tenant twice, also where they take as much', async () => {
    for (let at = 0; at < 7; at++) {
      const { id } = await server.db.tenant.create({ data: { id: randomUUID().replaceAll('-', ''), slug: `usage-${at}`, name: `usage ${at}` } })
      await server.volume(`v-${at}`, { tenantId: id, storedBytes: BigInt(at < 3 ? 7 : at) })
    }
    const seen: string[] = []
    let cursor: string | null | undefined
    do {
      const page = await operator.volumeStore.usage({ name: 'local', limit: 2, ...(cursor && { cursor }) })
      expect(page.total).toBe(7)
      seen.push(...page.items.map(({ tenant }) => tenant.slug))
      cursor = page.nextCursor
    } while (cursor)
    expect(seen.slice(0, 3).sort()).toEqual(['usage-0', 'usage-1', 'usage-2'])
    expect(seen.slice(3)).toEqual(['usage-6', 'usage-5', 'usage-4', 'usage-3'])
    await expect(operator.volumeStore.usage({ name: 'local', cursor: 'nonsense' })).rejects.toMatchObject({ cause: { code: 'invalid_input' } })
  })

  it('is nobody’s but an operator’s to know, and of a store that is there', async () => {
    await expect(member.volumeStore.usage({ name: 'local' })).rejects.toMatchObject({ code: 'NOT_FOUND' })
    await expect(operator.volumeStore.usage({ name: 'nowhere' })).rejects.toMatchObject({ cause: { code: 'not_found' } })
    expect(await operator.volumeStore.usage({ name: 'local' })).toEqual({ items: [], total: 0, nextCursor: null })
  })
})

describe('the quota of a tenant', () => {
  it('is read with what was said of it, what counts otherwise, and what is used', async () => {
    await server.volume('data', { sizeBytes: 4n * gib, storedBytes: gib })
    const usual = server.server.config.volumeQuotas
    const before = await operator.volume.quotaOf({ tenant: slugs.ann })
    expect(before).toMatchObject({ tenant: { id: server.ann.tenantId, slug: slugs.ann }, quota: { volumes: { used: 1, limit: usual.volumes }, bytes: { used: Number(4n * gib) } }, said: { volumes: { set: null, usual: usual.volumes }, bytes: { set: null, usual: usual.bytes }, snapshots: { set: null, usual: usual.snapshots } } })
    await operator.volume.setQuota({ tenant: slugs.ann, volumes: 0, bytes: Number(gib) })
    expect(await operator.volume.quotaOf({ tenant: server.ann.tenantId })).toMatchObject({ quota: { volumes: { used: 1, limit: 0 }, bytes: { used: Number(4n * gib), limit: Number(gib) } }, said: { volumes: { set: 0 }, bytes: { set: Number(gib) }, snapshots: { set: null } } })
    await expect(operator.volume.quotaOf({ tenant: 'nobody' })).rejects.toMatchObject({ cause: { code: 'not_found' } })
    await expect(member.volume.quotaOf({ tenant: slugs.ann })).rejects.toMatchObject({ code: 'NOT_FOUND' })
  })
})
