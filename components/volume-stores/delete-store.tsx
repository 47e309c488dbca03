'use client'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useState, type ReactNode } from 'react'
import type { VolumeStoreView } from '@/domain/volume-store/view'
import { toFailure } from '@/components/client/errors'
import { formatCount } from '@/components/client/formats'
import { paths } from '@/components/client/paths'
import { useTRPC, useTRPCClient } from '@/components/client/trpc'
import { DeleteDialog } from '@/components/patterns/delete-dialog'
import { Checkbox } from '@/components/ui/checkbox'
import { TextLink } from '@/components/ui/text-link'

/** Asks before a store goes. What was removed for good and lies on disks of lost hosts holds it, until whoever asks says that nobody will remove that. */
export function DeleteStore({ store: { metadata: { name }, spec }, onClose, onDeleted }: { store: VolumeStoreView; onClose: () => void; onDeleted?: () => void }) {
  const api = useTRPCClient()
  const trpc = useTRPC()
  const queries = useQueryClient()
  const [forget, setForget] = useState(false)
  // As it is now: the page that it was chosen on may be older.
  const store = useQuery({ ...trpc.volumeStore.get.queryOptions({ name }), staleTime: 0, gcTime: 0, retry: false })
  const removals = store.data?.status.removals
  const isHeld = removals !== undefined && removals.count > 0
  const held = isHeld && !forget ? 'What was removed for good lies in it still: readmit those hosts, or forget it.' : undefined
  return (
    <DeleteDialog
      noun="volume store"
      name={name}
      typeName={isHeld}
      disabledReason={store.error ? toFailure(store.error).message : removals ? held : 'The server has not said yet what follows from it.'}
      consequences={[
        'No volume is kept in it, and no class names it.',
        spec.kind === 'rbd' ? <>Its key is forgotten. Pool <code key="pool" className="font-mono text-xs">{spec.pool}</code> stays as it is in Ceph.</> : 'Its folder stays on the hosts as it is.',
        ...(isHeld ? ofRemovals(removals, forget) : []),
      ]}
      onDelete={async () => {
        await api.volumeStore.delete.mutate({ name, ...(isHeld && forget && { forgetRemovals: true }) })
        // The page of the store goes first: what it shows is not asked for again.
        onDeleted?.()
        await queries.invalidateQueries({ queryKey: trpc.volumeStore.list.queryKey() })
      }}
      onClose={onClose}
    >
      {isHeld && <Checkbox label="Forget what lies on disks of lost hosts" hint="Only where those disks are gone for good, or are wiped otherwise." checked={forget} onChange={(event) => setForget(event.target.checked)} />}
    </DeleteDialog>
  )
}

function ofRemovals({ count, hosts }: VolumeStoreView['status']['removals'], forget: boolean): ReactNode[] {
  const what = formatCount(count, 'volume or snapshot', 'volumes and snapshots')
  const names = hosts.map((host, i) => <span key={host}>{i > 0 && ', '}<TextLink size="sm" href={paths.host(host)}>{host}</TextLink></span>)
  return [
    <span key="there">{what} that tenants removed for good {count === 1 ? 'lies' : 'lie'} in it still, on disks of hosts that were declared lost: {names}. A host that is readmitted removes them.</span>,
    ...(forget ? [<strong key="forgotten" className="font-medium text-content">Nobody removes {count === 1 ? 'it' : 'them'} any more, also where such a host comes back: what tenants had there stays readable to whoever has the disk.</strong>] : []),
  ]
}
