import { afterAll, beforeAll, expect, it } from 'vitest'
import { startTestServer } from '@/server/api/testing/server'

let test: Awaited<ReturnType<typeof startTestServer>>
beforeAll(async () => void (test = await startTestServer()))
afterAll(() => test.stop())

it('the Endpoints that people write have so many addresses together at most, and fewer are never refused', async () => {
  const ann = await test.signUp('ann')
  const tenantId = ann.tenant.id
  const addresses = Array.from({ length: 1_000 }, (_, i) => ({ ip: `192.0.${2 + (i >> 8)}.${i & 255}` }))
  await test.db.endpoints.createMany({ data: Array.from({ length: 20 }, (_, i) => ({ tenantId, namespace: 'default', name: `e${i}`, subsets: [{ addresses, ports: [{ protocol: 'TCP', port: 80 }] }] })) })
  const apply = async (name: string, ip: string) => (await ann.caller['manifest.apply']({ tenant: ann.tenant.slug, yaml: `apiVersion: v1\nkind: Endpoints\nmetadata: {name: ${name}}\nsubsets: [{addresses: [{ip: ${ip}}], ports: [{port: 80}]}]\n` })).results[0]
  expect(await apply('more', '192.0.2.1')).toMatchObject({ problems: [{ path: 'subsets', message: expect.stringContaining('has 1 addresses, and the tenant\'s other Endpoints that people wrote 20000: together at most 20000') as string }] })
  expect(await apply('e0', '192.0.2.1')).toMatchObject({ action: 'configured' })
  expect(await apply('more', '192.0.2.1')).toMatchObject({ action: 'created' })
})
