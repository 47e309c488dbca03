'use client'
import { useQueryClient } from '@tanstack/react-query'
import { podSubnet } from '@/domain/network/spec'
import type { NetworkView } from '@/domain/network/view'
import { useTRPC, useTRPCClient } from '@/components/client/trpc'
import { DeleteDialog } from '@/components/patterns/delete-dialog'

export function DeleteNetwork({ tenant, network, onClose, onDeleted }: { tenant: string; network: NetworkView; onClose: () => void; onDeleted?: () => void }) {
  const api = useTRPCClient()
  const trpc = useTRPC()
  const queries = useQueryClient()
  return (
    <DeleteDialog
      noun="network"
      name={network.metadata.name}
      consequences={[<>Its subnet <code key="cidr" className="font-mono text-xs">{podSubnet(network.spec).cidr}</code> is given up.</>, <>No pod and no namespace uses it.</>]}
      onDelete={async () => {
        await api.network.delete.mutate({ tenant, name: network.metadata.name })
        await queries.invalidateQueries({ queryKey: trpc.network.list.queryKey({ tenant }) })
        onDeleted?.()
      }}
      onClose={onClose}
    />
  )
}
