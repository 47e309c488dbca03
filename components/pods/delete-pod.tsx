'use client'
import { useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { persistentVolumes } from '@/domain/pod/persistent-volumes'
import type { PodView } from '@/domain/pod/view'
import { useTRPC, useTRPCClient } from '@/components/client/trpc'
import { formatCount } from '@/components/client/formats'
import { DeleteDialog } from '@/components/patterns/delete-dialog'
import { Checkbox } from '@/components/ui/checkbox'

/** Asks, deletes, and shows the server's own record (Stopping) within one round trip. */
export function DeletePod({ tenant, pod, onClose, onDeleted }: { tenant: string; pod: PodView; onClose: () => void; onDeleted?: () => void }) {
  const api = useTRPCClient()
  const trpc = useTRPC()
  const queries = useQueryClient()
  const { namespace, name } = pod.metadata
  const grace = pod.spec.terminationGracePeriodSeconds
  const running = pod.status.containers.filter((c) => c.state === 'Running').length
  const [force, setForce] = useState(false)
  const isSilent = pod.status.phase === 'Unknown'
  const lost = pod.spec.volumes.filter((volume) => volume.emptyDir).length
  const kept = persistentVolumes(pod.spec).length
  return (
    <DeleteDialog
      noun="pod"
      name={name}
      consequences={[
        running > 0 ? <>{formatCount(running, 'running container')} {running === 1 ? 'gets' : 'get'} {formatCount(grace, 'second')} to end, then {running === 1 ? 'is' : 'are'} killed.</> : <>Its virtual machine is removed.</>,
        ...(pod.status.podIP ? [<>Its address <code key="ip" className="font-mono text-xs">{pod.status.podIP}</code> is released.</>] : []),
        ...(kept > 0 ? [<>Its {formatCount(kept, 'volume')} {kept === 1 ? 'stays' : 'stay'}, with all that is written out.</>] : []),
        ...(lost > 0 ? [<>What it holds in {formatCount(lost, 'emptyDir volume')} is lost.</>] : []),
        <>Its logs are removed with it.</>,
        ...(force ? [<strong key="force" className="font-medium text-content">Its host is not heard of: its virtual machine may still run there until it is. Nothing else gets a volume that it may have open.</strong>] : []),
      ]}
      onDelete={async () => {
        await api.pod.delete.mutate({ tenant, namespace, name, ...(force && { force }) })
        await Promise.all([
          queries.invalidateQueries({ queryKey: trpc.pod.list.queryKey() }),
          queries.invalidateQueries({ queryKey: trpc.pod.get.queryKey({ tenant, namespace, name }) }),
        ])
        onDeleted?.()
      }}
      onClose={onClose}
    >
      {isSilent && <Checkbox label="Without its host’s word" hint="Its host is silent: without this the pod stays until the host is heard of again." checked={force} onChange={(event) => setForce(event.target.checked)} />}
    </DeleteDialog>
  )
}
