'use client'
import type { PodView } from '@/domain/pod/view'
import { formatCount } from '@/components/client/formats'
import { AlertDialog } from '@/components/ui/alert-dialog'

type ConfirmRecreateProps = { pod: PodView; pending: boolean; onConfirm: () => void; onClose: () => void }

/** What follows from it, before anything is deleted. */
export function ConfirmRecreate({ pod, pending, onConfirm, onClose }: ConfirmRecreateProps) {
  const running = pod.status.containers.filter((c) => c.state === 'Running').length
  const lost = pod.spec.volumes.filter((volume) => volume.emptyDir).length
  return (
    <AlertDialog title={<>Delete pod <code className="font-mono text-base">{pod.metadata.name}</code> and create it anew?</>} confirm="Delete and create anew" pending={pending} onConfirm={onConfirm} onClose={onClose}>
      <ul className="flex list-disc flex-col gap-1 pl-4 marker:text-faint">
        {running > 0 && <li>{formatCount(running, 'running container')} {running === 1 ? 'gets' : 'get'} up to {formatCount(pod.spec.terminationGracePeriodSeconds, 'second')} to end, then {running === 1 ? 'is' : 'are'} killed.</li>}
        <li>The new pod is created by itself once this one has gone, also if you close this page.</li>
        <li>It has another virtual machine, and may have another host and another address.</li>
        {lost > 0 && <li>What {formatCount(lost, 'emptyDir volume')} {lost === 1 ? 'holds' : 'hold'} is lost, and the logs with it.</li>}
        {lost === 0 && <li>The logs are removed with the old pod.</li>}
      </ul>
    </AlertDialog>
  )
}
