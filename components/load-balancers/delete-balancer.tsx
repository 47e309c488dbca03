'use client'
import { useQueryClient } from '@tanstack/react-query'
import type { BalancerListItem } from '@/domain/load-balancer/view'
import { formatCount } from '@/components/client/formats'
import { useTRPC, useTRPCClient } from '@/components/client/trpc'
import { DeleteDialog } from '@/components/patterns/delete-dialog'

/** A balancer goes with the Service or Ingress that asked for it. */
export function DeleteBalancer({ tenant, balancer: { source, metadata: { namespace, name }, status }, onClose, onDeleted }: { tenant: string; balancer: Pick<BalancerListItem, 'source' | 'status'> & { metadata: { namespace: string; name: string } }; onClose: () => void; onDeleted?: () => void }) {
  const api = useTRPCClient()
  const trpc = useTRPC()
  const queries = useQueryClient()
  const managed = new Set(status.managedAddresses)
  const kept = status.addresses.filter((address) => !managed.has(address))
  return (
    <DeleteDialog
      noun="balancer"
      name={name}
      consequences={[
        `The ${source} ${name} of namespace ${namespace} is deleted with it${source === 'Service' ? ', and its name and address inside the network with that' : ''}.`,
        ...(status.addresses.length > 0 ? [<>Nothing answers at <Addresses of={status.addresses} /> any more; open connections end.</>] : []),
        ...(managed.size > 0 ? [<><Addresses of={[...managed]} /> {managed.size === 1 ? 'was' : 'were'} taken for it and {managed.size === 1 ? 'goes' : 'go'} back to the pool: somebody else may get {managed.size === 1 ? 'it' : 'them'}.</>] : []),
        ...(kept.length > 0 ? [<><Addresses of={kept} /> {kept.length === 1 ? 'stays' : 'stay'} yours, and {kept.length === 1 ? 'leads' : 'lead'} nowhere.</>] : []),
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

const Addresses = ({ of }: { of: readonly string[] }) => of.map((address, i) => <span key={address}>{i > 0 && ' and '}<code className="font-mono text-xs">{address}</code></span>)
