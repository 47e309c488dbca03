'use client'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import type { NetworkView } from '@/domain/network/view'
import { useTRPC, useTRPCClient } from '@/components/client/trpc'
import { DeleteDialog } from '@/components/patterns/delete-dialog'
import { cidrsOf } from './capacity'

const most = 5
const listed = (noun: string, names: readonly string[]): string[] => (names.length === 0 ? [] : [`${noun}${names.length === 1 ? '' : 's'} ${names.slice(0, most).join(', ')}${names.length > most ? ` and ${names.length - most} more` : ''}`])

/** Asks before a network goes, or says what holds it. */
export function DeleteNetwork({ tenant, network: { metadata: { name }, spec }, onClose, onDeleted }: { tenant: string; network: NetworkView; onClose: () => void; onDeleted?: () => void }) {
  const api = useTRPCClient()
  const trpc = useTRPC()
  const queries = useQueryClient()
  const subnets = cidrsOf(spec)
  const topology = useQuery(trpc.network.topology.queryOptions({ tenant, name }))
  const groups = useQuery(trpc.securityGroup.list.queryOptions({ tenant, network: name, limit: 500 }))
  // The server refuses for the same reasons. A peering counts on whichever side it was made.
  const users = [
    ...listed('peering', topology.data?.peers.map((peer) => peer.name) ?? []),
    ...listed('security group', groups.data?.items.map(({ metadata }) => metadata.name) ?? []),
  ]
  const inUse = users.length > 0 ? `Used by the ${users.join(' and the ')}, to be deleted first.` : undefined
  return (
    <DeleteDialog
      noun="network"
      name={name}
      disabledReason={inUse}
      consequences={inUse ? [inUse] : [
        <>{subnets.length === 1 ? 'Its subnet' : 'Its subnets'} {subnets.map((cidr, i) => <span key={cidr}>{i > 0 && ', '}<code className="font-mono text-xs">{cidr}</code></span>)} {subnets.length === 1 ? 'is' : 'are'} given up.</>,
        'No pod and no namespace uses it.',
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
