'use client'
import { useQueryClient } from '@tanstack/react-query'
import type { VolumeClaimView } from '@/domain/volume-claim/view'
import { formatCount } from '@/components/client/formats'
import { useTRPC, useTRPCClient } from '@/components/client/trpc'
import { DeleteDialog } from '@/components/patterns/delete-dialog'
import { useVolumeOffer } from '@/components/volumes/volume-quota'

/** Asks before a claim goes. Its class says what becomes of its volume. */
export function DeleteClaim({ tenant, claim: { metadata: { namespace = 'default', name }, status }, onClose }: { tenant: string; claim: VolumeClaimView; onClose: () => void }) {
  const api = useTRPCClient()
  const trpc = useTRPC()
  const queries = useQueryClient()
  const offer = useVolumeOffer(tenant)
  const retains = offer.data?.classes.find((each) => each.name === status.storageClass)?.spec.reclaimPolicy === 'Retain'
  const hours = Math.round((offer.data?.restorableSeconds ?? 0) / 3600)
  return (
    <DeleteDialog
      noun="claim"
      name={name}
      consequences={[
        ...(status.usedBy.length > 0 ? [`It goes once ${formatCount(status.usedBy.length, 'pod')} that ${status.usedBy.length === 1 ? 'names' : 'name'} it ${status.usedBy.length === 1 ? 'is' : 'are'} gone: ${status.usedBy.slice(0, 3).join(', ')}${status.usedBy.length > 3 ? ' and more' : ''}.`] : ['No pod names it.']),
        ...(status.volume === null ? ['No volume is bound to it.'] : retains ? [`Volume ${status.volume} stays, and can be used without a claim or by another.`] : [`Volume ${status.volume} is deleted with it${hours > 0 ? `, and can be restored for ${formatCount(hours, 'hour')}` : ''}.`]),
      ]}
      onDelete={async () => {
        await api.volumeClaim.delete.mutate({ tenant, namespace, name })
        await queries.invalidateQueries({ queryKey: trpc.volumeClaim.pathKey() })
      }}
      onClose={onClose}
    />
  )
}
