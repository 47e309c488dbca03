import type { PodSpec } from '@/domain/pod/spec'
import type { ContainerStatus } from '@/domain/pod/status'

/** What the phases of a pod's life are read from. */
type Lived = { status: Pick<ContainerStatus, 'role' | 'state' | 'started' | 'exitCode'>; done: boolean; starts: number }

/**
 * The restart policy that holds for a container: an init container that has succeeded is done, a sidecar is always
 * started again. Source: KEP-753 and kubernetes pkg/kubelet/kuberuntime, findNextInitContainerToRun.
 */
export function policyOf(role: ContainerStatus['role'], policy: PodSpec['restartPolicy']): PodSpec['restartPolicy'] {
  if (role === 'sidecar') return 'Always'
  return role === 'init' && policy === 'Always' ? 'OnFailure' : policy
}

/** An init container that failed and is not tried again: the pod has failed. */
export const failedInit = <T extends Lived>(records: readonly T[]): T | undefined => records.find((r) => r.status.role === 'init' && r.done && r.status.exitCode !== 0)

/** Whether the containers may run: each init container succeeded, each sidecar has started; or they run already. */
export const isInitialized = (records: readonly Lived[]): boolean =>
  records.some((r) => r.status.role === 'container' && r.status.state === 'Running') ||
  records.every(({ status, done, starts }) => (status.role === 'init' ? done && status.exitCode === 0 : status.role === 'container' || (starts > 0 && status.started)))

/** Whether the pod has ended by itself: its containers are done, or an init container failed for good. Sidecars do not count. */
export const hasEnded = (records: readonly Lived[]): boolean => failedInit(records) !== undefined || records.every((r) => r.status.role !== 'container' || r.done)
