import { afterAll, beforeAll, expect, it } from 'vitest'
import { startTestServer } from '@/server/api/testing/server'
import { registerHost } from '@/server/store/hosts'
import { threadTimeMs } from '@/tools/testing/thread-time'

let server: Awaited<ReturnType<typeof startTestServer>>
let ann: Awaited<ReturnType<typeof server.signUp>>
beforeAll(async () => {
  server = await startTestServer()
  ann = await server.signUp('ann')
})
afterAll(() => server.stop())

it('finds a phase among thousands of images in time that grows with their number alone', async () => {
  const host = await registerHost(server.db, 'h1', 'key1')
  await server.db.$executeRaw`insert into "ImagePrePull" ("id", "tenantId", "reference", "createdBy", "expiresAt") select gen_random_uuid(), ${ann.tenant.id}, 'registry.example/some/folder/name' || n || ':tag', 'ann', now() + interval '1 hour' from generate_series(1, 4000) n`
  await server.db.$executeRaw`insert into "HostImage" ("hostId", "tenantId", "reference", "phase", "bytesDone", "bytesTotal", "updatedAt") select ${host.id}::uuid, ${ann.tenant.id}, 'registry.example/some/folder/name' || n || ':tag', case when n % 2 = 0 then 'Ready' else 'Failed' end, 0, 0, now() from generate_series(1, 4000) n`
  const began = threadTimeMs()
  const { items, total } = await ann.caller.image.list({ tenant: ann.tenant.slug, phase: 'Ready', limit: 2 })
  const taken = threadTimeMs() - began
  expect(total).toBe(2000)
  expect(items).toMatchObject([{ reference: 'registry.example/some/folder/name1000:tag', phase: 'Ready', hosts: [{ host: 'h1' }] }, { reference: 'registry.example/some/folder/name1002:tag' }])
  // Each image against each row would be 16 million references to read: many times this.
  expect(taken).toBeLessThan(3000)
})
