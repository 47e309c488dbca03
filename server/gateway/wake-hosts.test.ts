import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { startTestServer } from '@/server/api/testing/server'
import { podController } from '@/server/control/controllers/pod/controller'
import { inTransaction } from '@/server/store/database'
import { registerHost } from '@/server/store/hosts'
import { bindPod } from '@/server/store/scheduling'
import { HostSession, HostSessions } from './host-sessions'
import { wakeHostsOnChanges } from './wake-hosts'

let server: Awaited<ReturnType<typeof startTestServer>>
let ann: Awaited<ReturnType<typeof server.signUp>>
beforeAll(async () => {
  server = await startTestServer()
  ann = await server.signUp('ann')
})
afterAll(() => server.stop())

class CountingSession extends HostSession {
  wakes = 0
  override wake(): void {
    this.wakes += 1
    super.wake()
  }
}

it('whether another host could take over is what the last question says, in whatever order the answers come', async () => {
  const sessions = new HostSessions()
  const told: boolean[] = []
  class OthersSession extends HostSession {
    override wakeOthers(others: boolean): void {
      told.push(others)
    }
  }
  sessions.add(new OthersSession(randomUUID(), randomUUID(), randomUUID(), () => {}, true, true))
  const answers: ((hosts: { id: string }[]) => void)[] = []
  const db = { $queryRaw: () => new Promise((resolve) => answers.push(resolve)) }
  const feed: { says?: (changes: { kind: string; name: string }[]) => void } = {}
  const stop = wakeHostsOnChanges({ subscribe: ({ onChanges }: { onChanges: NonNullable<typeof feed.says> }) => ((feed.says = onChanges), () => {}) } as never, sessions, db as never)
  for (let i = 0; i < 2; i++) feed.says?.([{ kind: 'Host', name: 'h2' }])
  answers[1]?.([{ id: 'h2' }])
  await vi.waitFor(() => expect(told).toEqual([true]))
  answers[0]?.([])
  await new Promise(setImmediate)
  expect(told).toEqual([true])
  stop()
})

it('a tenant’s upload wakes the hosts with its pods, and all once all pull an image of it ahead', async () => {
  const sessions = new HostSessions()
  const [with_, without] = await Promise.all(['h1', 'h2'].map(async (name) => {
    const session = new CountingSession((await registerHost(server.db, name, name)).id, randomUUID(), randomUUID(), () => {})
    sessions.add(session)
    return session
  })) as [CountingSession, CountingSession]
  const { feed, log } = server.server
  const stopWaking = wakeHostsOnChanges(feed, sessions, server.db)
  const wakes = (of: CountingSession, count: number) => vi.waitFor(() => expect(of.wakes).toBe(count), { timeout: 30_000, interval: 5 })
  const { metadata } = await ann.caller.pod.create({ tenant: ann.tenant.slug, name: 'web', spec: { containers: [{ name: 'a', image: 'app:1' }] } })
  await inTransaction(server.db, (tx) => bindPod(tx, metadata.uid, with_.hostId))
  await podController.reconcile({ db: server.db, log, feed }, metadata.uid)
  await wakes(with_, 1)
  const upload = (reference: string) => inTransaction(server.db, (tx) => tx.imageUpload.create({ data: { tenantId: ann.tenant.id, reference, digest: 'sha256:0', bytes: 1n, createdBy: 'ann' } }))
  await upload('docker.io/library/app:1')
  await wakes(with_, 2)
  expect(without.wakes).toBe(0)
  await inTransaction(server.db, (tx) => tx.imagePrePull.create({ data: { tenantId: ann.tenant.id, reference: 'app:2', createdBy: 'ann', expiresAt: new Date(Date.now() + 60_000) } }))
  await wakes(without, 1)
  await upload('docker.io/library/app:2')
  await wakes(without, 2)
  stopWaking()
})
