'use client'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import type { NetworkView } from '@/domain/network/view'
import { useTRPC, useTRPCClient } from '@/components/client/trpc'
import { DeleteDialog } from '@/components/patterns/delete-dialog'
import { cidrsOf } from './capacity'

export function DeleteNetwork({ tenant, network: { metadata: { name }, spec }, onClose, onDeleted }: { tenant: string; network: NetworkView; onClose: () => void; onDeleted?: () => void }) {
  const api = useTRPCClient()
  const trpc = useTRPC()
  const queries = useQueryClient()
  const peerings = useQuery(trpc.networkPeering.list.queryOptions({ tenant, network: name }))
  const subnets = cidrsOf(spec)
  const peers = peerings.data?.items.map(({ spec: { peer } }) => peer.network) ?? []
  return (
    <DeleteDialog
      noun="network"
      name={name}
      consequences={[
        <>{subnets.length === 1 ? 'Its subnet' : 'Its subnets'} {subnets.map((cidr, i) => <span key={cidr}>{i > 0 && ', '}<code className="font-mono text-xs">{cidr}</code></span>)} {subnets.length === 1 ? 'is' : 'are'} given up.</>,
        'No pod and no namespace uses it.',
        ...(peers.length > 0 ? [`Its peerings with ${peers.join(', ')} go with it.`] : []),
      ]}
      onDelete={async () => {
        await api.network.delete.mutate({ tenant, name })
        await queries.invalidateQueries({ queryKey: trpc.network.list.queryKey({ tenant }) })
        onDeleted?.()
      }}
      onClose={onClose}
    />
  )
}
