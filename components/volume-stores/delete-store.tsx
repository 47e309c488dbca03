'use client'
import { useQueryClient } from '@tanstack/react-query'
import type { VolumeStoreView } from '@/domain/volume-store/view'
import { useTRPC, useTRPCClient } from '@/components/client/trpc'
import { DeleteDialog } from '@/components/patterns/delete-dialog'

/** Asks before a store goes. */
export function DeleteStore({ store: { metadata: { name }, spec }, onClose, onDeleted }: { store: VolumeStoreView; onClose: () => void; onDeleted?: () => void }) {
  const api = useTRPCClient()
  const trpc = useTRPC()
  const queries = useQueryClient()
  return (
    <DeleteDialog
      noun="volume store"
      name={name}
      consequences={['No volume is kept in it, and no class names it.', spec.kind === 'rbd' ? <>Its key is forgotten. Pool <code key="pool" className="font-mono text-xs">{spec.pool}</code> stays as it is in Ceph.</> : 'Its folder stays on the hosts as it is.']}
      onDelete={async () => {
        await api.volumeStore.delete.mutate({ name })
        // The page of the store goes first: what it shows is not asked for again.
        onDeleted?.()
        await queries.invalidateQueries({ queryKey: trpc.volumeStore.list.queryKey() })
      }}
      onClose={onClose}
    />
  )
}
