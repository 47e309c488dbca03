'use client'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { formatCount } from '@/components/client/formats'
import { useTRPC, useTRPCClient } from '@/components/client/trpc'
import { DeleteDialog } from '@/components/patterns/delete-dialog'

/** Asks before a group goes, and says for whom it makes a difference. */
export function DeleteSecurityGroup({ tenant, name, onClose, onDeleted }: { tenant: string; name: string; onClose: () => void; onDeleted?: () => void }) {
  const api = useTRPCClient()
  const trpc = useTRPC()
  const queries = useQueryClient()
  const { data } = useQuery(trpc.securityGroup.get.queryOptions({ tenant, name }))
  const named = data?.usedBy ?? []
  const pods = data?.members ?? []
  const inUse = named.length > 0 ? `Rules of ${named.slice(0, 5).join(', ')} name it: take it out of them first.` : undefined
  return (
    <DeleteDialog
      noun="security group"
      name={name}
      disabledReason={inUse}
      consequences={data === undefined
        ? ['Its rules no longer hold.']
        : inUse ? [inUse] : pods.length === 0
          ? ['It has no pods: nothing changes for any.']
          : [
            <>{formatCount(pods.length, 'pod')} {pods.length === 1 ? 'loses' : 'lose'} its rules at once: <code key="pods" className="font-mono text-xs">{pods.slice(0, 5).map((pod) => pod.name).join(', ')}</code>{pods.length > 5 && ` and ${pods.length - 5} more`}.</>,
            'A pod of no other group is open then to all of its network and its peers.',
            'A pod whose spec names it keeps it from being deleted.',
          ]}
      onDelete={async () => {
        await api.securityGroup.delete.mutate({ tenant, name })
        await queries.invalidateQueries({ queryKey: trpc.securityGroup.pathKey() })
        onDeleted?.()
      }}
      onClose={onClose}
    />
  )
}
