'use client'
import { useQueryClient } from '@tanstack/react-query'
import type { NetworkPolicyView } from '@/domain/network-policy/view'
import { formatCount } from '@/components/client/formats'
import { useTRPC, useTRPCClient } from '@/components/client/trpc'
import { DeleteDialog } from '@/components/patterns/delete-dialog'

export function DeleteNetworkPolicy({ tenant, policy: { metadata: { namespace, name }, status }, onClose, onDeleted }: { tenant: string; policy: Pick<NetworkPolicyView, 'metadata' | 'status'>; onClose: () => void; onDeleted?: () => void }) {
  const api = useTRPCClient()
  const trpc = useTRPC()
  const queries = useQueryClient()
  return (
    <DeleteDialog
      noun="network policy"
      name={name}
      consequences={status.pods === 0 ? ['It has no pods: nothing changes for any.'] : [`${formatCount(status.pods, 'pod')} ${status.pods === 1 ? 'loses' : 'lose'} its rules at once.`, 'A pod of no other policy or group is open then to all of its network and its peers.']}
      onDelete={async () => {
        await api.networkPolicy.delete.mutate({ tenant, namespace, name })
        await queries.invalidateQueries({ queryKey: trpc.networkPolicy.pathKey() })
        onDeleted?.()
      }}
      onClose={onClose}
    />
  )
}
