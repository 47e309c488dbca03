'use client'
import { keepPreviousData, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import type { VolumeSnapshotView } from '@/domain/volume-snapshot/view'
import { formatCount, formatExact } from '@/components/client/formats'
import { useTRPC, useTRPCClient } from '@/components/client/trpc'
import { DeleteDialog } from '@/components/patterns/delete-dialog'
import { Checkbox } from '@/components/ui/checkbox'
import { previewOf } from '@/components/volumes/consequences'

type Props = { tenant: string; /** The snapshot on whose page it is. */ name: string; group: string; members: readonly VolumeSnapshotView[]; onClose: () => void }

/** Asks before all volumes of a group go back to its instant, with what follows from it as the server says. */
export function RevertGroup({ tenant, name, group, members, onClose }: Props) {
  const api = useTRPCClient()
  const trpc = useTRPC()
  const queries = useQueryClient()
  const [keepCurrent, setKeepCurrent] = useState(true)
  const preview = useQuery({ ...trpc.volumeSnapshot.previewGroup.queryOptions({ tenant, group, verb: 'revert', keepCurrent }), staleTime: 0, gcTime: 0, retry: false, placeholderData: keepPreviousData })
  const { consequences, disabledReason } = previewOf(preview)
  const takenAt = members.find(({ metadata }) => metadata.name === name)?.status.takenAt
  const noun = formatCount(members.filter(({ status }) => status.volume !== null).length, 'volume')
  return (
    <DeleteDialog
      verb="Revert"
      noun={noun}
      name={name}
      title={`Revert ${noun} to ${takenAt ? formatExact(takenAt) : 'one instant'}?`}
      typeName={!keepCurrent}
      consequences={consequences}
      disabledReason={preview.isPlaceholderData ? 'The server has not said yet what follows from it.' : disabledReason}
      onDelete={async () => {
        // What their hosts say of them counts as a change, too: that is in nobody's way where nothing is lost.
        await api.volumeSnapshot.revertGroup.mutate({ tenant, group, keepCurrent, ...(!keepCurrent && { resourceVersion: preview.data?.resourceVersion }) })
        await queries.invalidateQueries({ queryKey: trpc.volume.pathKey() })
        await queries.invalidateQueries({ queryKey: trpc.volumeSnapshot.pathKey() })
      }}
      onClose={onClose}
    >
      <Checkbox label="Take a snapshot of what each has now first" checked={keepCurrent} onChange={(event) => setKeepCurrent(event.target.checked)} />
    </DeleteDialog>
  )
}

/** Asks before all snapshots of a group go, with what follows from it as the server says. */
export function DeleteGroup({ tenant, name, group, members, onClose, onDeleted }: Props & { onDeleted: () => void }) {
  const api = useTRPCClient()
  const trpc = useTRPC()
  const queries = useQueryClient()
  const preview = useQuery({ ...trpc.volumeSnapshot.previewGroup.queryOptions({ tenant, group, verb: 'delete' }), staleTime: 0, gcTime: 0, retry: false })
  const noun = formatCount(members.length, 'snapshot')
  return (
    <DeleteDialog
      noun={noun}
      name={name}
      title={`Delete ${noun} of one instant?`}
      {...previewOf(preview)}
      onDelete={async () => {
        await api.volumeSnapshot.deleteGroup.mutate({ tenant, group, resourceVersion: preview.data?.resourceVersion })
        // The page of the snapshot goes first: what it shows is not asked for again.
        onDeleted()
        await queries.invalidateQueries({ queryKey: trpc.volumeSnapshot.list.queryKey() })
      }}
      onClose={onClose}
    />
  )
}
