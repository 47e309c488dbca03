import { afterAll, beforeAll, expect, it } from 'vitest'
import { startTestServer } from '@/server/api/testing/server'

let server: Awaited<ReturnType<typeof startTestServer>>
let ann: Awaited<ReturnType<typeof server.signUp>>
beforeAll(async () => {
  server = await startTestServer()
  ann = await server.signUp('ann')
})
afterAll(() => server.stop())

const create = (name: string, grace?: number) => ann.caller.pod.create({ tenant: ann.tenant.slug, name, spec: { containers: [{ name: 'a', image: 'busybox' }], ...(grace !== undefined && { terminationGracePeriodSeconds: grace }) } })
const deleteMany = (pods: { name: string; uid?: string }[], requestId?: string) => ann.caller.pod.deleteMany({ tenant: ann.tenant.slug, pods, ...(requestId && { requestId }) })
const audited = async () => (await ann.caller.audit.list({ tenant: ann.tenant.slug })).items.filter((each) => each.action === 'pod.delete').map((each) => each.name).sort()

it('has a result for each pod and an audit entry for each that it deleted', async () => {
  await create('one')
  await create('two', 7)
  const old = await create('old')
  await ann.caller.pod.delete({ tenant: ann.tenant.slug, name: 'old' })
  const asked = [{ name: 'one' }, { name: 'two' }, { name: 'old' }, { name: 'never' }, { name: 'two' }, { name: 'one', uid: old.metadata.uid }]
  const { results } = await deleteMany(asked, 'r1')
  expect(results.map((each) => [each.name, each.outcome])).toEqual([['one', 'deleting'], ['two', 'deleting'], ['old', 'deleting'], ['never', 'gone'], ['two', 'deleting'], ['one', 'refused']])
  expect(results[5]?.message).toContain('created anew')
  expect(await audited()).toEqual(['old', 'one', 'two'])
  const rows = await server.db.pod.findMany({ where: { tenantId: ann.tenant.id }, orderBy: { name: 'asc' } })
  expect(rows.map((row) => [row.name, row.deletedAt !== null, row.graceSeconds])).toEqual([['old', true, 30], ['one', true, 30], ['two', true, 7]])
  // The same request again answers the same and does nothing.
  expect(await deleteMany(asked, 'r1')).toEqual({ results })
  expect(await audited()).toHaveLength(3)
  await expect(deleteMany([{ name: 'other' }], 'r1')).rejects.toMatchObject({ cause: { code: 'conflict' } })
})

it('leaves the pods of others alone, and takes no more than 100', async () => {
  const bob = await server.signUp('bob')
  const { metadata } = await bob.caller.pod.create({ tenant: bob.tenant.slug, name: 'theirs', spec: { containers: [{ name: 'a', image: 'busybox' }] } })
  expect((await deleteMany([{ name: 'theirs', uid: metadata.uid }])).results).toMatchObject([{ outcome: 'gone' }])
  expect((await bob.caller.pod.get({ tenant: bob.tenant.slug, name: 'theirs' })).metadata.deletionTimestamp).toBeNull()
  await expect(deleteMany(Array.from({ length: 101 }, (_, i) => ({ name: `p${i}` })))).rejects.toThrow('100')
})
