'use client'
import { useQueryClient } from '@tanstack/react-query'
import { formatCount } from '@/components/client/formats'
import { useTRPC, useTRPCClient } from '@/components/client/trpc'
import { DeleteDialog } from '@/components/patterns/delete-dialog'

/** Asks before a schedule goes; what it took stays. `status`: where it is known how much that is. */
export function DeleteSchedule({ tenant, schedule: { metadata: { name }, status }, onClose, onDeleted }: { tenant: string; schedule: { metadata: { name: string }; status?: { snapshots: number } }; onClose: () => void; onDeleted?: () => void }) {
  const api = useTRPCClient()
  const trpc = useTRPC()
  const queries = useQueryClient()
  return (
    <DeleteDialog
      noun="schedule"
      name={name}
      consequences={['No snapshot is taken by it any more.', !status ? 'Snapshots that it has taken stay, and nothing deletes them by itself.' : status.snapshots === 0 ? 'It has taken none that is there.' : `${formatCount(status.snapshots, 'snapshot')} that it has taken ${status.snapshots === 1 ? 'stays' : 'stay'}, and nothing deletes ${status.snapshots === 1 ? 'it' : 'them'} by itself.`]}
      onDelete={async () => {
        await api.snapshotSchedule.delete.mutate({ tenant, name })
        // The page of the schedule goes first: what it shows is not asked for again.
        onDeleted?.()
        await queries.invalidateQueries({ queryKey: trpc.snapshotSchedule.list.queryKey() })
      }}
      onClose={onClose}
    />
  )
}
