'use client'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useTRPC, useTRPCClient } from '@/components/client/trpc'
import { DeleteDialog } from '@/components/patterns/delete-dialog'
import { previewOf } from '@/components/volumes/consequences'

/** Asks before a snapshot goes, with what follows from it as the server says. */
export function DeleteSnapshot({ tenant, name, onClose, onDeleted }: { tenant: string; name: string; onClose: () => void; onDeleted?: () => void }) {
  const api = useTRPCClient()
  const trpc = useTRPC()
  const queries = useQueryClient()
  const preview = useQuery({ ...trpc.volumeSnapshot.previewDelete.queryOptions({ tenant, name }), staleTime: 0, gcTime: 0, retry: false })
  return (
    <DeleteDialog
      noun="snapshot"
      name={name}
      {...previewOf(preview)}
      onDelete={async () => {
        await api.volumeSnapshot.delete.mutate({ tenant, name, resourceVersion: preview.data?.resourceVersion })
        // The page of the snapshot goes first: what it shows is not asked for again.
        onDeleted?.()
        await queries.invalidateQueries({ queryKey: trpc.volumeSnapshot.list.queryKey() })
      }}
      onClose={onClose}
    />
  )
}
