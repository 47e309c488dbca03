'use client'
import { useQueryClient } from '@tanstack/react-query'
import type { VolumeSnapshotView } from '@/domain/volume-snapshot/view'
import { formatBytes, formatCount } from '@/components/client/formats'
import { useTRPC, useTRPCClient } from '@/components/client/trpc'
import { DeleteDialog } from '@/components/patterns/delete-dialog'

/** Asks before a snapshot goes. */
export function DeleteSnapshot({ tenant, snapshot: { metadata, status }, onClose }: { tenant: string; snapshot: VolumeSnapshotView; onClose: () => void }) {
  const api = useTRPCClient()
  const trpc = useTRPC()
  const queries = useQueryClient()
  return (
    <DeleteDialog
      noun="snapshot"
      name={metadata.name}
      consequences={[
        status.volume ? <>Volume {status.volume.name} stays as it is, and cannot go back to this moment any more.</> : 'Its volume is gone: what this snapshot holds is the last of it.',
        ...(status.clones > 0 ? [`${formatCount(status.clones, 'volume')} made of it ${status.clones === 1 ? 'keeps' : 'keep'} all that ${status.clones === 1 ? 'it has' : 'they have'}.`] : []),
        ...(status.group !== null ? ['Others of its group, of the same instant, stay.'] : []),
        ...(status.storedBytes ? [`Up to ${formatBytes(status.storedBytes)} become free in the store, as far as no other snapshot or volume shares them.`] : []),
        'It cannot be restored.',
      ]}
      onDelete={async () => {
        await api.volumeSnapshot.delete.mutate({ tenant, name: metadata.name })
        await queries.invalidateQueries({ queryKey: trpc.volumeSnapshot.pathKey() })
      }}
      onClose={onClose}
    />
  )
}
