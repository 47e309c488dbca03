import { z } from 'zod'
import { helloInput, podReport } from '@/contracts/host/v1'
import { podContainers, podSpec } from '@/domain/pod/spec'
import { waitingStatus } from '@/domain/pod/status'
import type { PodView } from '@/domain/pod/view'
import type { PodRecord } from '@/server/store/pods'
import { toCondition, toMetadata } from '../object-metadata'

const made = new WeakSet<object>()
/** What {@link toPodView} made of parsed parts: a list's output is held to that, rather than reading hundreds of specs and reports a second time. */
export const madePodView = z.custom<PodView>((value) => typeof value === 'object' && value !== null && made.has(value), 'was not made of a stored pod')

/** A stored pod with its host's report as the API shows it. What the host says never overrides what the server knows. */
export function toPodView(record: PodRecord): PodView {
  const view = viewOf(record)
  made.add(view)
  return view
}

function viewOf({ pod, state, conditions }: PodRecord): PodView {
  const spec = podSpec.parse(pod.spec)
  const report = pod.report ? podReport.parse(pod.report.document) : null
  const own = conditions.map(toCondition)
  const { reason, message } = explain(state, own, report, pod.host)
  return {
    metadata: { ...toMetadata(pod), namespace: pod.namespace },
    spec,
    status: {
      phase: state,
      reason,
      message,
      conditions: [...own, ...(report?.conditions ?? []).filter((c) => !own.some((o) => o.type === c.type))],
      containers: report?.containers ?? podContainers(spec).map(({ spec: c, role }) => waitingStatus(c.name, c.image, role, 'PodInitializing')),
      podIP: pod.addresses[0]?.address ?? null,
      podIPs: pod.addresses.map(({ address }) => address),
      hostName: pod.host?.name ?? null,
      observedGeneration: report?.observedGeneration ?? 0,
      accelerator: acceleratorOf(pod.host?.hello),
      startMode: report?.startMode ?? null,
      startSteps: withServerSteps(pod, report?.startSteps ?? []),
      startedAt: report?.startedAt ?? null,
    },
  }
}

function explain(state: PodView['status']['phase'], conditions: PodView['status']['conditions'], report: { reason: string; message: string } | null, host: PodRecord['pod']['host']): { reason: string; message: string } {
  if (state === 'Unknown') return { reason: 'HostSilent', message: `Host ${host?.name ?? ''} has not been heard from since ${host?.lastHeartbeat?.toISOString() ?? 'its registration'}. The pod may still run there.` }
  if (state === 'Unschedulable') {
    const scheduled = conditions.find((c) => c.type === 'PodScheduled')
    return { reason: scheduled?.reason ?? '', message: scheduled?.message ?? '' }
  }
  // The host knows that it waits; who has the volume, and what helps, the controller of volumes.
  const waits = report?.reason === 'WaitingForVolumes' && state !== 'Stopping' ? conditions.find((c) => c.type === 'VolumesAvailable' && c.status !== 'True' && c.message !== '') : undefined
  if (waits) return { reason: waits.reason, message: waits.message }
  // Before the host has anything to say, what holds the pod up is said by the controllers: no address, no ConfigMap.
  const missing = report?.message || state === 'Stopping' ? undefined : conditions.find((c) => c.status === 'False')
  return missing ? { reason: missing.reason, message: missing.message } : { reason: report?.reason ?? '', message: report?.message ?? '' }
}

/** How long the pod waited for its host, before the steps that the host measured. */
function withServerSteps(pod: PodRecord['pod'], steps: PodView['status']['startSteps']): PodView['status']['startSteps'] {
  if (!pod.boundAt) return steps
  const first = steps[0] ? Date.parse(steps[0].startedAt) : null
  return [
    { name: 'queued', startedAt: pod.createdAt.toISOString(), ms: pod.boundAt.getTime() - pod.createdAt.getTime() },
    { name: 'assigned', startedAt: pod.boundAt.toISOString(), ms: first === null ? null : Math.max(0, first - pod.boundAt.getTime()) },
    ...steps,
  ]
}

/** The accelerator that a host said it uses. */
const acceleratorOf = (hello: unknown): string | null => saidAccelerator.safeParse(hello).data?.accelerator ?? null
// Of a hello only this is read: a list asks for it once a row.
const saidAccelerator = z.object({ accelerator: helloInput.shape.accelerator })
