import { isDeepStrictEqual } from 'node:util'
import { z } from 'zod'
import type { Tenant } from '../fixtures/accounts'
import { connectToDatabase } from '../fixtures/database'
import { persist } from './client'
import type { Stream } from './stream'

/** What a tenant has in the end, without what differs between any two runs (uids, times, addresses, hosts' words). */
export type EndState = { pods: object[]; rows: Record<string, number> }

const rowsOf = {
  pods: 'select count(*) from "Pod" where "tenantId" = $1',
  reports: 'select count(*) from "PodReport" r join "Pod" p on p."uid" = r."podUid" where p."tenantId" = $1',
  assignments: 'select count(*) from "PodAssignment" a join "Pod" p on p."uid" = a."podUid" where p."tenantId" = $1',
  addresses: 'select count(*) from "NetworkAddress" a join "Pod" p on p."uid" = a."podUid" where p."tenantId" = $1',
} as const

const counted = z.object({ count: z.string() })

export async function readEndState(tenant: Tenant, stream: Stream): Promise<EndState> {
  const { items } = await persist('list pods', stream.retries, () => tenant.api.pod.list.query({ tenant: tenant.slug, limit: 500 }))
  const pods: object[] = []
  for (const { metadata, spec, status } of items.sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))) {
    const containers = status.containers.map(({ name, state, ready, restartCount, exitCode, reason }) => ({ name, state, ready, restartCount, exitCode, reason }))
    const conditions = status.conditions.map(({ type, status: is }) => `${type} ${is}`).sort()
    const commands = status.phase === 'Running' ? await stream.meantMarks(metadata.name) : []
    pods.push({ name: metadata.name, labels: metadata.labels, generation: metadata.generation, deleting: metadata.deletionTimestamp != null, spec, phase: status.phase, containers, conditions, commands, hasAddress: status.podIP !== null })
  }
  return { pods, rows: await countRows(tenant.id) }
}

async function countRows(tenantId: string): Promise<Record<string, number>> {
  const client = await connectToDatabase()
  try {
    const counts: Record<string, number> = {}
    for (const [name, query] of Object.entries(rowsOf)) counts[name] = Number(counted.parse((await client.query(query, [tenantId])).rows[0]).count)
    return counts
  } finally {
    await client.end()
  }
}

/** Throws where the end of the disturbed run is not that of the undisturbed one. */
export function expectSameEnd(undisturbed: EndState, disturbed: EndState): void {
  if (isDeepStrictEqual(undisturbed, disturbed)) return
  throw new Error(`the end is not that of an undisturbed run\nundisturbed: ${JSON.stringify(undisturbed, null, 1)}\ndisturbed: ${JSON.stringify(disturbed, null, 1)}`)
}
