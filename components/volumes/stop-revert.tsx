'use client'
import { useQueryClient } from '@tanstack/react-query'
import type { VolumeView } from '@/domain/volume/view'
import { useTRPC, useTRPCClient } from '@/components/client/trpc'
import { DeleteDialog } from '@/components/patterns/delete-dialog'

/** Calls going back to a snapshot off, as long as nothing of the volume has changed; else the server says that it is too late. */
export function StopRevert({ tenant, volume: { metadata: { name }, status }, onClose }: { tenant: string; volume: Pick<VolumeView, 'metadata' | 'status'>; onClose: () => void }) {
  const api = useTRPCClient()
  const trpc = useTRPC()
  const queries = useQueryClient()
  const kept = status.reverting?.keptFirst
  return (
    <DeleteDialog
      verb="Stop"
      noun="revert"
      name={name}
      consequences={['The volume stays as it is now. That can be had until what it has now is kept in a snapshot: then its host takes it back.', kept ? <>Snapshot <code className="font-mono text-xs">{kept}</code> of what it has now is taken all the same, and stays until you delete it.</> : 'That snapshot stays until you delete it.']}
      onDelete={async () => {
        await api.volume.cancelRevert.mutate({ tenant, name })
        await queries.invalidateQueries({ queryKey: trpc.volume.pathKey() })
      }}
      onClose={onClose}
    />
  )
}
