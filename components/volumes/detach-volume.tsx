'use client'
import { keepPreviousData, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import type { AttachmentView, VolumeView } from '@/domain/volume/view'
import { useTRPC, useTRPCClient } from '@/components/client/trpc'
import { DeleteDialog } from '@/components/patterns/delete-dialog'
import { Checkbox } from '@/components/ui/checkbox'
import { previewOf } from './consequences'

/** Asks before a pod loses a volume, with what follows from it as the server says; with force something else follows. */
export function DetachVolume({ tenant, volume: { metadata: { name } }, attachment: { podUid, pod, hot }, byForce = false, onClose }: { tenant: string; volume: VolumeView; attachment: AttachmentView; byForce?: boolean; onClose: () => void }) {
  const api = useTRPCClient()
  const trpc = useTRPC()
  const queries = useQueryClient()
  const [force, setForce] = useState(byForce)
  const preview = useQuery({ ...trpc.volume.preview.queryOptions({ tenant, name, verb: 'detach', podUid, force }), staleTime: 0, retry: false, placeholderData: keepPreviousData })
  const { consequences, disabledReason } = previewOf(preview)
  return (
    <DeleteDialog
      verb="Detach"
      noun="volume"
      name={name}
      disabledReason={preview.isPlaceholderData ? 'The server has not said yet what follows from it.' : disabledReason}
      consequences={consequences}
      onDelete={async () => {
        await api.volume.detach.mutate({ tenant, name, podUid, force })
        await queries.invalidateQueries({ queryKey: trpc.volume.pathKey() })
      }}
      onClose={onClose}
    >
      <Checkbox label="By force" hint={pod && !hot ? 'The pod names it in its manifest: it is deleted with that.' : 'Without asking the pod’s machine to write out what it holds.'} checked={force} onChange={(event) => setForce(event.target.checked)} />
    </DeleteDialog>
  )
}
