import type { Assignment } from '@/contracts/host/v1'

/** What is wanted of a pod's worker. Removal is never taken back; suspension ends with this host agent. */
export type Wanted = { kind: 'run'; assignment: Assignment } | { kind: 'suspend'; graceSeconds: number } | { kind: 'remove'; graceSeconds: number } | { kind: 'leave' }

/** What a worker knows of its pod: `found` was up when an earlier host agent ended, `dirty` means there may be something to undo. */
export type Stage = 'found' | 'idle' | 'up' | 'ended' | 'gone'
/**
 * `stale`: another spec is assigned than runs; `refit`: only its network's switches differ; `waiting`: a back-off is not
 * over; `unconfigured`: its ConfigMaps and Secrets have not come; `unattached`: the server has not said which all of its volumes are; `failed`: the host has ended the pod for good, as at its deadline.
 */
export type Observed = { stage: Stage; dirty: boolean; stale: boolean; refit: boolean; waiting: boolean; unconfigured: boolean; unattached: boolean; failed: boolean }

export type Step = 'adopt' | 'undo' | 'wait' | 'start' | 'watch' | 'stop' | 'forget' | 'renew' | 'refit' | 'configure' | 'attach' | 'conclude' | 'quit'

/** The one next thing to do, from what is wanted and what is. Pure: the order of things is decided here alone. */
export function nextStep(wanted: Wanted['kind'], observed: Observed): Step {
  if (observed.stage === 'gone' || wanted === 'leave') return 'quit'
  if (observed.stage === 'found') return 'adopt'
  if (observed.stage === 'up') {
    if (wanted !== 'run' || observed.stale || observed.failed) return 'stop'
    return observed.refit ? 'refit' : 'watch'
  }
  if (wanted === 'remove') return observed.dirty ? 'undo' : 'forget'
  if (observed.dirty) return 'undo'
  if (wanted === 'suspend') return 'quit'
  if (observed.stage === 'ended') return observed.stale ? 'renew' : 'watch'
  if (observed.failed && !observed.stale) return 'conclude'
  if (observed.unconfigured) return 'configure'
  if (observed.unattached) return 'attach'
  return observed.waiting ? 'wait' : 'start'
}

/** The wish that holds after another one came: removal wins over all, then leaving, suspension, and the newest assignment. */
export function merge(current: Wanted, next: Wanted): Wanted {
  if (current.kind === 'remove') return next.kind === 'remove' ? { kind: 'remove', graceSeconds: Math.min(current.graceSeconds, next.graceSeconds) } : next.kind === 'leave' ? next : current
  if (next.kind === 'remove' || next.kind === 'leave') return current.kind === 'leave' ? current : next
  if (current.kind !== 'run') return current
  if (next.kind === 'run' && next.assignment.generation < current.assignment.generation) return current
  return next
}

/** Source: kubernetes pkg/kubelet/eviction, immediateEvictionGracePeriodSeconds. */
const evictionGraceSeconds = 1

/** How long a pod's containers have to end, in seconds: as whoever wants them gone says, else as its spec. What is evicted has hardly any time. */
export function graceSecondsOf(wanted: Wanted, isEvicted: boolean, spec: Assignment['spec']): number {
  if (isEvicted) return Math.min(evictionGraceSeconds, wanted.kind === 'remove' ? wanted.graceSeconds : evictionGraceSeconds)
  return wanted.kind === 'remove' || wanted.kind === 'suspend' ? wanted.graceSeconds : spec.terminationGracePeriodSeconds
}
