import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startTestServer } from '@/server/api/testing/server'
import { stateOf } from './pods'

let server: Awaited<ReturnType<typeof startTestServer>>
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

it('is the same in the view that filters and in the function that shows', async () => {
  const { db } = server
  const ann = await server.signUp('ann')
  const hosts = await Promise.all(['Ready', 'Unknown'].map((phase) => db.host.create({ data: { name: phase, publicKey: phase, phase } })))
  const network = await db.network.findFirstOrThrow({ where: { tenantId: ann.tenant.id } })
  const hostIds = [null, ...hosts.map((h) => h.id)]
  const phases = [null, 'Starting', 'Running', 'Stopping', 'Succeeded', 'Failed', 'Gone']
  for (const deletedAt of [null, new Date()]) {
    for (const hostId of hostIds) {
      for (const phase of phases) {
        for (const scheduled of [null, 'True', 'False']) {
          const pod = await db.pod.create({ data: { tenantId: ann.tenant.id, namespace: 'default', name: randomUUID(), spec: {}, networkId: network.uid, hostId, deletedAt } })
          if (phase) await db.podReport.create({ data: { podUid: pod.uid, hostId: hosts[0]!.id, bootId: randomUUID(), sequence: 1, phase, document: {} } })
          if (scheduled) await db.objectCondition.create({ data: { objectUid: pod.uid, objectKind: 'Pod', type: 'PodScheduled', status: scheduled, reason: '', message: '' } })
        }
      }
    }
  }
  const rows = await db.pod.findMany({ include: { report: true, host: true } })
  const conditions = await db.objectCondition.findMany()
  const view = new Map((await db.$queryRaw<{ uid: string; state: string }[]>`select "uid", "state" from "PodState"`).map((r) => [r.uid, r.state]))
  expect(rows).toHaveLength(2 * 3 * 7 * 3)
  for (const row of rows) expect([row.uid, stateOf(row, conditions.filter((c) => c.objectUid === row.uid))]).toEqual([row.uid, view.get(row.uid)])
  expect(new Set(view.values()).size).toBe(9)
})
