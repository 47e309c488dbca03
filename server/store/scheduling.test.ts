import { expect, it } from 'vitest'
import { startTestServer } from '@/server/api/testing/server'
import { listPendingPods } from './scheduling'

it('takes every tenant\'s oldest pod before anybody\'s second', async () => {
  const server = await startTestServer()
  try {
    const greedy = await server.signUp('greedy')
    for (const name of ['g1', 'g2', 'g3']) await greedy.caller.pod.create({ tenant: greedy.tenant.slug, name, spec: { containers: [{ name: 'a', image: 'busybox' }] } })
    const late = await server.signUp('late')
    await late.caller.pod.create({ tenant: late.tenant.slug, name: 'l1', spec: { containers: [{ name: 'a', image: 'busybox' }] } })
    expect((await listPendingPods(server.db, 2)).map((p) => p.name)).toEqual(['g1', 'l1'])
  } finally {
    await server.stop()
  }
})
