'use client'
import { useQueryClient } from '@tanstack/react-query'
import type { ServiceView } from '@/domain/service/view'
import { formatCount } from '@/components/client/formats'
import { useTRPC, useTRPCClient } from '@/components/client/trpc'
import { DeleteDialog } from '@/components/patterns/delete-dialog'

export function DeleteService({ tenant, service: { metadata: { namespace, name }, status }, onClose, onDeleted }: { tenant: string; service: ServiceView; onClose: () => void; onDeleted?: () => void }) {
  const api = useTRPCClient()
  const trpc = useTRPC()
  const queries = useQueryClient()
  const pods = status.endpointsReady + status.endpointsNotReady
  return (
    <DeleteDialog
      noun="service"
      name={name}
      consequences={[
        <>The name <code className="font-mono text-xs">{status.hostname}</code> is not resolved any more.</>,
        ...(status.addresses.length > 0 ? [<>New connections to {status.addresses.map((address, i) => <span key={address}>{i > 0 && ' and '}<code className="font-mono text-xs">{address}</code></span>)} fail; another service may get the address.</>] : []),
        pods > 0 ? `${formatCount(pods, 'pod')} behind it ${pods === 1 ? 'runs' : 'run'} on, with ${pods === 1 ? 'its address' : 'their addresses'}.` : 'No pod is behind it.',
      ]}
      onDelete={async () => {
        await api.service.delete.mutate({ tenant, namespace, name })
        await queries.invalidateQueries({ queryKey: trpc.service.list.queryKey() })
        onDeleted?.()
      }}
      onClose={onClose}
    />
  )
}
