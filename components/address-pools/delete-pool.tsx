'use client'
import { useQueryClient } from '@tanstack/react-query'
import type { AddressPoolView } from '@/domain/address-pool/view'
import { useTRPC, useTRPCClient } from '@/components/client/trpc'
import { DeleteDialog } from '@/components/patterns/delete-dialog'

/** Asks before a pool goes. */
export function DeletePool({ pool: { metadata: { name }, spec, status }, onClose, onDeleted }: { pool: AddressPoolView; onClose: () => void; onDeleted?: () => void }) {
  const api = useTRPCClient()
  const trpc = useTRPC()
  const queries = useQueryClient()
  return (
    <DeleteDialog
      noun="address pool"
      name={name}
      consequences={[
        <>Its subnet <code key="cidr" className="font-mono text-xs">{spec.subnet.cidr}</code> is given up, and every host takes its gateway <code className="font-mono text-xs">{spec.subnet.gateway}</code> away.</>,
        'No tenant has an address of it.',
        ...(spec.default ? [`It is the usual pool of ${status.family}: addresses that name no pool, and balancers that ask for none, get none until another pool is that.`] : []),
      ]}
      onDelete={async () => {
        await api.addressPool.delete.mutate({ name })
        // The page of the pool goes first: what it shows is not asked for again.
        onDeleted?.()
        await queries.invalidateQueries({ queryKey: trpc.addressPool.list.queryKey() })
      }}
      onClose={onClose}
    />
  )
}
