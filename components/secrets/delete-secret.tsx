'use client'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import type { SecretSummary } from '@/domain/config-map/view'
import { useTRPC, useTRPCClient } from '@/components/client/trpc'
import { podConsequences } from '@/components/config-maps/used-by'
import { DeleteDialog } from '@/components/patterns/delete-dialog'

export function DeleteSecret({ tenant, secret: { metadata: { namespace, name }, pods }, onClose, onDeleted }: { tenant: string; secret: Pick<SecretSummary, 'metadata' | 'pods'>; onClose: () => void; onDeleted?: () => void }) {
  const api = useTRPCClient()
  const trpc = useTRPC()
  const queries = useQueryClient()
  const { data } = useQuery(trpc.secret.get.queryOptions({ tenant, namespace, name }))
  return (
    <DeleteDialog
      noun="Secret"
      name={name}
      consequences={['Its values cannot be brought back.', ...podConsequences(data?.pods ?? pods, data?.usedBy ?? [])]}
      onDelete={async () => {
        await api.secret.delete.mutate({ tenant, namespace, name })
        await queries.invalidateQueries({ queryKey: trpc.secret.list.queryKey() })
        onDeleted?.()
      }}
      onClose={onClose}
    />
  )
}
