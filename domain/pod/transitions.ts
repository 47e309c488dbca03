import type { PodView } from './view'

/** What a person can do to a pod, or the reason why not; the server asks the same table as the button and its tooltip. */
export const podActions = {
  delete: (pod: PodView): string | null => (pod.metadata.deletionTimestamp ? 'The pod is being deleted already.' : null),
  recreate: (pod: PodView): string | null => (pod.metadata.deletionTimestamp ? 'The pod is being deleted: copy it to create another.' : null),
  openTerminal: (pod: PodView): string | null =>
    pod.status.containers.some((c) => c.state === 'Running') ? null : 'No container of the pod runs. Look at its containers and logs for the cause.',
  attach: (pod: PodView): string | null => podActions.openTerminal(pod),
  copyFiles: (pod: PodView): string | null =>
    pod.status.containers.some((c) => c.state === 'Running') ? null : 'No container of the pod runs, so its files cannot be reached. Look at its containers and logs for the cause.',
  portForward: (pod: PodView): string | null =>
    pod.status.containers.some((c) => c.state === 'Running') ? null : 'No container of the pod runs, so nothing listens on its ports. Look at its containers and logs for the cause.',
  probe: (pod: PodView): string | null =>
    pod.status.containers.some((c) => c.state === 'Running') ? null : 'No container of the pod runs, so nothing can be tried from it. Look at its containers and logs for the cause.',
  run: (pod: PodView): string | null => podActions.openTerminal(pod),
  readLogs: (pod: PodView): string | null => (pod.status.hostName ? null : 'The pod has not been scheduled, so there are no logs yet.'),
} as const
export type PodAction = keyof typeof podActions
