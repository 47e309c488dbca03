'use client'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import type { ConfigMapSummary } from '@/domain/config-map/view'
import { useTRPC, useTRPCClient } from '@/components/client/trpc'
import { DeleteDialog } from '@/components/patterns/delete-dialog'
import { podConsequences } from './used-by'

export function DeleteConfigMap({ tenant, configMap: { metadata: { namespace, name }, pods }, onClose, onDeleted }: { tenant: string; configMap: Pick<ConfigMapSummary, 'metadata' | 'pods'>; onClose: () => void; onDeleted?: () => void }) {
  const api = useTRPCClient()
  const trpc = useTRPC()
  const queries = useQueryClient()
  const { data } = useQuery(trpc.configMap.get.queryOptions({ tenant, namespace, name }))
  return (
    <DeleteDialog
      noun="ConfigMap"
      name={name}
      consequences={podConsequences(data?.pods ?? pods, data?.usedBy ?? [])}
      onDelete={async () => {
        await api.configMap.delete.mutate({ tenant, namespace, name })
        await queries.invalidateQueries({ queryKey: trpc.configMap.list.queryKey() })
        onDeleted?.()
      }}
      onClose={onClose}
    />
  )
}
