'use client'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import type { VolumeSnapshotView } from '@/domain/volume-snapshot/view'
import type { VolumeView } from '@/domain/volume/view'
import { toFailure } from '@/components/client/errors'
import { formatBytes, formatCount, formatExact } from '@/components/client/formats'
import { useTRPC, useTRPCClient } from '@/components/client/trpc'
import { DeleteDialog } from '@/components/patterns/delete-dialog'
import { Checkbox } from '@/components/ui/checkbox'

/** Asks before a volume goes back to one of its snapshots, with what follows from it as the server says. */
export function RevertVolume({ tenant, volume, snapshot, onClose }: { tenant: string; volume: VolumeView; snapshot: VolumeSnapshotView; onClose: () => void }) {
  const name = volume.metadata.name
  const to = snapshot.metadata.name
  const api = useTRPCClient()
  const trpc = useTRPC()
  const queries = useQueryClient()
  const [keepCurrent, setKeepCurrent] = useState(true)
  const [{ metadata: { resourceVersion } }] = useState(volume)
  const preview = useQuery({ ...trpc.volume.previewRevert.queryOptions({ tenant, name, snapshot: to }), staleTime: 0 })
  const { data } = preview
  return (
    <DeleteDialog
      verb="Revert"
      noun="volume"
      name={name}
      typeName={!keepCurrent && (volume.status.storedBytes ?? 0) > 0}
      disabledReason={preview.error ? toFailure(preview.error).message : !data ? 'The server has not said yet what follows from it.' : data.problem ?? undefined}
      consequences={[
        <>It is again as it was in snapshot <code className="font-mono text-xs">{to}</code>{data?.lostSince && `, taken ${formatExact(data.lostSince)}`}.</>,
        keepCurrent ? 'What was written since then is in a snapshot of its own, which is taken first.' : 'What was written since then is gone.',
        ...(data && data.stays.length > 0 ? [`${formatCount(data.stays.length, 'newer snapshot')} ${data.stays.length === 1 ? 'stays' : 'stay'}: ${data.stays.slice(0, 3).join(', ')}${data.stays.length > 3 ? ' and more' : ''}.`] : []),
        ...(data && data.sizeBytes < volume.status.sizeBytes ? [`It was ${formatBytes(data.sizeBytes)} then: the volume stays as large as it is, and its file system follows.`] : []),
        'No pod gets it before that is done.',
      ]}
      onDelete={async () => {
        // What its host says of it counts as a change, too: that is in nobody's way where nothing is lost.
        await api.volume.revert.mutate({ tenant, name, snapshot: to, keepCurrent, ...(!keepCurrent && { resourceVersion }) })
        await queries.invalidateQueries({ queryKey: trpc.volume.pathKey() })
        await queries.invalidateQueries({ queryKey: trpc.volumeSnapshot.pathKey() })
      }}
      onClose={onClose}
    >
      <Checkbox label="Take a snapshot of what it has now first" checked={keepCurrent} onChange={(event) => setKeepCurrent(event.target.checked)} />
    </DeleteDialog>
  )
}
