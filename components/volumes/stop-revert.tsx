'use client'
import { useQueryClient } from '@tanstack/react-query'
import type { VolumeView } from '@/domain/volume/view'
import { useTRPC, useTRPCClient } from '@/components/client/trpc'
import { DeleteDialog } from '@/components/patterns/delete-dialog'

/** Calls going back to a snapshot off, as long as nothing of the volume has changed; else the server says that it is too late. */
export function StopRevert({ tenant, volume: { metadata: { name } }, onClose }: { tenant: string; volume: Pick<VolumeView, 'metadata'>; onClose: () => void }) {
  const api = useTRPCClient()
  const trpc = useTRPC()
  const queries = useQueryClient()
  return (
    <DeleteDialog
      verb="Stop"
      noun="revert"
      name={name}
      consequences={['The volume stays as it is now. It is possible as long as what it has now is being kept in a snapshot: after that its host takes it back.', 'That snapshot stays.']}
      onDelete={async () => {
        await api.volume.cancelRevert.mutate({ tenant, name })
        await queries.invalidateQueries({ queryKey: trpc.volume.pathKey() })
      }}
      onClose={onClose}
    />
  )
}
