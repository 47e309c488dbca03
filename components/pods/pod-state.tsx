'use client'
import type { PodView } from '@/domain/pod/view'
import { StateBadge } from '@/components/ui/state-badge'
import { Since } from '@/components/patterns/time'
import { podStateShapes } from './pod-states'

/** A step of a start: its name, and what is being done while it lasts. */
const steps: Record<string, { name: string; doing: string }> = {
  queued: { name: 'Queue', doing: 'waiting for a host' },
  assigned: { name: 'Way to the host', doing: 'being sent to the host' },
  image: { name: 'Image', doing: 'getting the image' },
  network: { name: 'Network', doing: 'connecting the network' },
  disks: { name: 'Disks', doing: 'making disks' },
  template: { name: 'Template', doing: 'preparing the template' },
  vm: { name: 'Virtual machine', doing: 'starting the machine' },
  guest: { name: 'Guest', doing: 'waiting for the guest' },
  containers: { name: 'Containers', doing: 'starting containers' },
}

export const stepName = (step: string): string => steps[step]?.name ?? step.replace(/[-_]/g, ' ')
const stepDoing = (step: string): string => steps[step]?.doing ?? stepName(step)

/** A pod's state: word, colour and shape; while it changes also the step and how long it has lasted. */
export function PodStateBadge({ pod, withStep = true }: { pod: PodView; withStep?: boolean }) {
  const { phase, startSteps } = pod.status
  const step = startSteps.findLast((each) => each.ms === null)
  const from = pod.metadata.deletionTimestamp ?? step?.startedAt ?? pod.metadata.creationTimestamp
  const reason = failing(pod)
  if ((phase === 'Running' || phase === 'Starting' || phase === 'Scheduled') && reason) return <StateBadge shape="failed"><span className="inline-block truncate align-bottom max-sm:max-w-36">{reason}</span></StateBadge>
  const waits = volumesWaitedFor(pod)
  if (waits) return <StateBadge shape="unknown" since={<><span className="max-sm:hidden"><span title={waits} className="inline-block max-w-72 truncate align-bottom max-xl:max-w-48">{waits}</span> · </span><Since time={from} /></>}>{phase}</StateBadge>
  return (
    <StateBadge shape={podStateShapes[phase]} since={podStateShapes[phase] === 'changing' && <>{withStep && step && phase !== 'Stopping' && <span className="max-sm:hidden">{stepDoing(step.name)} · </span>}<Since time={from} /></>}>
      {phase}
    </StateBadge>
  )
}

/** Of a pod that is kept from its start by a volume: by which one, and what helps. What is under way has its step. */
export function volumesWaitedFor({ status: { phase, conditions } }: Pick<PodView, 'status'>): string | undefined {
  if (phase !== 'Starting' && phase !== 'Scheduled') return undefined
  return conditions.find(({ type, status, reason, message }) => type === 'VolumesAvailable' && status !== 'True' && message !== '' && !goesOn.has(reason))?.message
}
const goesOn = new Set(['Pending', 'Attaching', 'Detaching', 'Moving', 'Creating', 'SourcePending', 'ClaimPending'])

const containerFails = /BackOff$|Error$|^ErrImage|^InvalidImageName$/
/** What holds a pod up before it has containers that could say so. */
const podFails = /^Configuration(Missing|TooLarge)$|^NoFreeAddress$|^Image(?!s)/

/** A container that does not stay up, cannot be made, or whose image or configuration cannot be had, in Kubernetes' word. */
const failing = ({ status }: PodView): string | undefined =>
  status.containers.find((c) => c.state === 'Waiting' && containerFails.test(c.reason))?.reason ?? (podFails.test(status.reason) && status.phase !== 'Running' ? status.reason : undefined)
