'use client'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import type { VolumeView } from '@/domain/volume/view'
import { useTRPC, useTRPCClient } from '@/components/client/trpc'
import { DeleteDialog } from '@/components/patterns/delete-dialog'
import { previewOf } from './consequences'

/** Asks before a volume goes, with what follows from it as the server says. Of one with bytes the name is typed. */
export function DeleteVolume({ tenant, volume: { metadata: { name }, status }, onClose, onDone }: { tenant: string; volume: VolumeView; onClose: () => void; onDone?: () => void }) {
  const api = useTRPCClient()
  const trpc = useTRPC()
  const queries = useQueryClient()
  const preview = useQuery({ ...trpc.volume.preview.queryOptions({ tenant, name, verb: 'delete' }), staleTime: 0, gcTime: 0, retry: false })
  const { consequences, disabledReason } = previewOf(preview)
  return (
    <DeleteDialog
      noun="volume"
      name={name}
      typeName={(status.storedBytes ?? 0) > 0}
      disabledReason={disabledReason}
      consequences={consequences}
      onDelete={async () => {
        await api.volume.delete.mutate({ tenant, name, resourceVersion: preview.data?.resourceVersion })
        onDone?.()
        await queries.invalidateQueries({ queryKey: trpc.volume.list.queryKey() })
        await queries.invalidateQueries({ queryKey: trpc.volume.offer.queryKey() })
      }}
      onClose={onClose}
    />
  )
}
