'use client'
import type { PodView } from '@/domain/pod/view'
import { StateBadge } from '@/components/ui/state-badge'
import { Since } from '@/components/patterns/time'
import { podStateShapes } from './pod-states'

/** The step of a start that is under way, as a word for people. */
const steps: Record<string, string> = { queued: 'waiting for a host', assigned: 'sent to the host', image: 'pulling the image', images: 'pulling images', disk: 'preparing disks', disks: 'preparing disks', network: 'connecting the network', vm: 'starting the VM', guest: 'waiting for the guest', containers: 'starting containers' }

export const stepName = (name: string): string => steps[name] ?? name.replace(/[-_]/g, ' ')

/** A pod's state: word, colour and shape; while it changes also the step and how long it has lasted. */
export function PodStateBadge({ pod, withStep = true }: { pod: PodView; withStep?: boolean }) {
  const { phase, startSteps } = pod.status
  const step = startSteps.findLast((each) => each.ms === null)
  const from = pod.metadata.deletionTimestamp ?? step?.startedAt ?? pod.metadata.creationTimestamp
  const restarts = crashing(pod)
  if (phase === 'Running' && restarts) return <StateBadge shape="failed">{restarts}</StateBadge>
  return (
    <StateBadge shape={podStateShapes[phase]} since={podStateShapes[phase] === 'changing' && <>{withStep && step && phase !== 'Stopping' && <span className="max-sm:hidden">{stepName(step.name)} · </span>}<Since time={from} /></>}>
      {phase}
    </StateBadge>
  )
}

/** A container of a running pod that does not stay up, in Kubernetes' word. */
const crashing = (pod: PodView): string | undefined => pod.status.containers.find((c) => c.state === 'Waiting' && c.restartCount > 0)?.reason
