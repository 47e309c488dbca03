'use client'
import { useQuery } from '@tanstack/react-query'
import type { PodView } from '@/domain/pod/view'
import { paths } from '@/components/client/paths'
import { useTRPC } from '@/components/client/trpc'
import { listMs, useRefreshOnChanges } from '@/components/client/use-changes'
import { CopyableId } from '@/components/ui/copyable'
import { TextLink } from '@/components/ui/text-link'
import { AddressState } from './address-state'
import { sameTarget } from './words'

/** The floating addresses that lead to a pod, or shall; a way to one where it has none. */
export function PodFloatingAddresses({ tenant, pod: { metadata: { namespace, name } } }: { tenant: string; pod: Pick<PodView, 'metadata'> }) {
  const trpc = useTRPC()
  const { data } = useQuery(trpc.floatingAddress.list.queryOptions({ tenant, limit: 500 }))
  useRefreshOnChanges('floatingAddress', { tenant, everyMs: listMs }, trpc.floatingAddress.list.queryKey())
  const pod = { kind: 'Pod', namespace, name } as const
  const own = data?.items.filter(({ spec, status }) => sameTarget(spec.target, pod) || sameTarget(status.holder, pod)) ?? []
  if (!data) return null
  if (own.length === 0) return <TextLink size="sm" href={paths.newFloatingAddress(tenant, { target: `Pod/${namespace}/${name}` })}>Allocate one</TextLink>
  return (
    <span className="flex flex-wrap items-center gap-x-4">
      {own.map((address) => (
        <span key={address.metadata.uid} className="inline-flex flex-wrap items-center gap-x-2">
          <CopyableId id={address.status.address} />
          <TextLink size="sm" href={paths.floatingAddress(tenant, address.metadata.name)}>{address.metadata.name}</TextLink>
          {address.status.phase !== 'Active' && <AddressState address={address} />}
        </span>
      ))}
    </span>
  )
}
