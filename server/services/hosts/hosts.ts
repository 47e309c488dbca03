import { z } from 'zod'
import { helloInput } from '@/contracts/host/v1'
import { hostView, type HostView } from '@/domain/host/view'
import { podDemand } from '@/domain/pod/size'
import { podSpec } from '@/domain/pod/spec'
import { notFound } from '@/domain/shared/errors'
import { listConditions } from '@/server/store/conditions'
import { findHostByName, listHostPods, listHosts, setUnschedulable } from '@/server/store/hosts'
import { inTransaction } from '@/server/store/database'
import { countVolumesByPlace } from '@/server/store/lost-hosts'
import { countLostRemovals } from '@/server/store/lost-removals'
import { toCondition, toMetadata } from '../object-metadata'
import type { ServerContext } from '../context'

export const hostReference = z.object({ name: z.string().min(1).max(253) })
export const listHostsOutput = z.object({ items: z.array(hostView) })
/** `removals`: volumes and snapshots that were removed for good while it was lost, and lie on its disk still. `volumes`: those on its disk, and those of stores that other hosts reach which it keeps. `podCount`: all pods that are bound to it; `pods`: the newest 500 of them. */
export const hostDetail = hostView.extend({ podCount: z.number().int(), removals: z.number().int(), volumes: z.object({ onDisk: z.number().int(), kept: z.number().int() }), pods: z.array(z.object({ tenant: z.string(), namespace: z.string(), name: z.string(), phase: z.string(), creationTimestamp: z.string() })) })
export const updateHostInput = hostReference.extend({ unschedulable: z.boolean() })

type Row = Awaited<ReturnType<typeof listHosts>>[number]
const phases = { Ready: 'Ready', NotReady: 'NotReady' } as const

function toView(row: Row, conditions: HostView['status']['conditions']): HostView {
  const hello = helloInput.safeParse(row.hello).data
  const demands = row.pods.filter((p) => p.report?.phase !== 'Succeeded' && p.report?.phase !== 'Failed').map((p) => podDemand(podSpec.parse(p.spec)))
  const sum = (of: (d: ReturnType<typeof podDemand>) => number) => demands.reduce((total, d) => total + of(d), 0)
  return {
    metadata: toMetadata({ ...row, uid: row.id }),
    spec: { unschedulable: row.unschedulable },
    status: {
      phase: row.phase === 'Ready' || row.phase === 'NotReady' ? phases[row.phase] : 'Unknown',
      conditions,
      accelerator: hello?.accelerator ?? null,
      acceleratorReason: hello?.acceleratorReason ?? 'The host has not connected yet.',
      agentVersion: hello?.agentVersion ?? '',
      guestVersion: hello?.guestVersion ?? '',
      hypervisorVersion: hello?.hypervisorVersion ?? '',
      kernelVersion: hello?.kernelVersion ?? '',
      capacity: hello?.capacity ?? { cpus: 1, memoryMiB: 0, diskMiB: 0 },
      used: { pods: demands.length, memoryMiB: sum((d) => d.memoryMiB), milliCpu: sum((d) => d.milliCpu) },
      lastHeartbeat: row.lastHeartbeat?.toISOString() ?? null,
      lostSince: row.lostAt?.toISOString() ?? null,
    },
  }
}

export async function listHostViews(ctx: ServerContext): Promise<z.output<typeof listHostsOutput>> {
  const rows = await listHosts(ctx.db)
  const conditions = await listConditions(ctx.db, rows.map((r) => r.id))
  return { items: rows.map((row) => toView(row, conditions.filter((c) => c.objectUid === row.id).map(toCondition))) }
}

export async function getHost(ctx: ServerContext, name: string): Promise<z.output<typeof hostDetail>> {
  const row = await findHostByName(ctx.db, name)
  if (!row) throw notFound('Host', name)
  const [conditions, pods, removals, volumes] = await Promise.all([listConditions(ctx.db, [row.id]), listHostPods(ctx.db, row.id), countLostRemovals(ctx.db, row.id), countVolumesByPlace(ctx.db, row.id)])
  return { ...toView(row, conditions.map(toCondition)), removals, volumes, podCount: row.pods.length, pods: pods.map((p) => ({ tenant: p.tenant.slug, namespace: p.namespace, name: p.name, phase: p.report?.phase ?? 'Scheduled', creationTimestamp: p.createdAt.toISOString() })) }
}

/** Cordons a host or opens it again: new pods go elsewhere, running ones stay. */
export async function updateHost(ctx: ServerContext, input: z.output<typeof updateHostInput>): Promise<HostView> {
  if (!(await findHostByName(ctx.db, input.name))) throw notFound('Host', input.name)
  await inTransaction(ctx.db, (tx) => setUnschedulable(tx, input.name, input.unschedulable))
  const { pods: _, removals: __, volumes: ___, podCount: ____, ...view } = await getHost(ctx, input.name)
  return view
}
