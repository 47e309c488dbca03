import type { PodState } from '@/domain/pod/status'
import type { StateShape } from '@/components/ui/state-badge'

/** The shape of each state. Only the type comes from the domain, so that a list needs no schema library. */
export const podStateShapes: Record<PodState, StateShape> = {
  Pending: 'changing',
  Unschedulable: 'failed',
  Scheduled: 'changing',
  Starting: 'changing',
  Running: 'running',
  Stopping: 'changing',
  Succeeded: 'stopped',
  Failed: 'failed',
  Unknown: 'unknown',
}

const isState = (text: string): text is PodState => Object.hasOwn(podStateShapes, text)

/** Every state, in the order of a pod's life. */
export const podStateNames: readonly PodState[] = Object.keys(podStateShapes).filter(isState)
