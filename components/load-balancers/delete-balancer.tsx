'use client'
import { useQueryClient } from '@tanstack/react-query'
import type { BalancerView } from '@/domain/load-balancer/view'
import { formatCount } from '@/components/client/formats'
import { useTRPC, useTRPCClient } from '@/components/client/trpc'
import { DeleteDialog } from '@/components/patterns/delete-dialog'

/** A balancer goes with the Service or Ingress that asked for it. */
export function DeleteBalancer({ tenant, balancer: { source, metadata: { namespace, name, annotations }, status }, onClose, onDeleted }: { tenant: string; balancer: BalancerView; onClose: () => void; onDeleted?: () => void }) {
  const api = useTRPCClient()
  const trpc = useTRPC()
  const queries = useQueryClient()
  const kept = annotations['balancer.hypernetes.io/floating-address']
  const addresses = status.addresses.map((address, i) => <span key={address}>{i > 0 && ' and '}<code className="font-mono text-xs">{address}</code></span>)
  return (
    <DeleteDialog
      noun="balancer"
      name={name}
      consequences={[
        `The ${source} ${name} of namespace ${namespace} is deleted with it${source === 'Service' ? ', and its name and address inside the network with that' : ''}.`,
        ...(addresses.length > 0 ? [<>Nothing answers at {addresses} any more; open connections end.</>] : []),
        kept !== undefined ? <>The floating address <code className="font-mono text-xs">{kept}</code> stays yours, and leads nowhere.</> : 'Its address was taken for it and goes back to the pool: somebody else may get it.',
        status.backendsTotal > 0 ? `${formatCount(status.backendsTotal, 'pod')} behind it ${status.backendsTotal === 1 ? 'runs' : 'run'} on.` : 'No pod is behind it.',
        'Certificates stay as Secrets.',
      ]}
      onDelete={async () => {
        await (source === 'Service' ? api.service.delete.mutate({ tenant, namespace, name }) : api.ingress.delete.mutate({ tenant, namespace, name }))
        await queries.invalidateQueries({ queryKey: trpc.loadBalancer.list.queryKey() })
        onDeleted?.()
      }}
      onClose={onClose}
    />
  )
}
