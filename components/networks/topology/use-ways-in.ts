import { useQuery } from '@tanstack/react-query'
import { useMemo } from 'react'
import type { NetworkTopology } from '@/domain/network/topology'
import { useTRPC } from '@/components/client/trpc'
import { listMs, useRefreshOnChanges } from '@/components/client/use-changes'
import { waysInto, type WaysIn } from './ways-in'

/** How the outside gets into a network, of the tenant's addresses and balancers; null while they are asked for, nothing of what cannot be. */
export function useWaysIn(tenant: string, topology: NetworkTopology | undefined): WaysIn | null {
  const trpc = useTRPC()
  const all = { tenant, limit: 500 } as const
  const addresses = useQuery(trpc.floatingAddress.list.queryOptions(all))
  const balancers = useQuery(trpc.loadBalancer.list.queryOptions(all))
  const withIngress = balancers.data?.items.some(({ source }) => source === 'Ingress') ?? false
  const ingresses = useQuery({ ...trpc.ingress.list.queryOptions(all), enabled: withIngress })
  useRefreshOnChanges('loadBalancer', { tenant, everyMs: listMs }, trpc.floatingAddress.list.queryKey(all), trpc.loadBalancer.list.queryKey(all), trpc.ingress.list.queryKey(all))
  const isAsked = addresses.isPending || balancers.isPending || (withIngress && ingresses.isPending)
  return useMemo(() => {
    if (!topology || isAsked) return null
    const named = (ingresses.data?.items ?? []).map(({ metadata: { namespace, name }, spec }) => ({
      namespace, name, services: [...new Set([spec.defaultBackend, ...spec.rules.flatMap(({ http }) => http?.paths.map(({ backend }) => backend) ?? [])].flatMap((backend) => backend?.service.name ?? []))],
    }))
    return waysInto(topology, { addresses: addresses.data?.items ?? [], balancers: balancers.data?.items ?? [], ingresses: named })
  }, [topology, isAsked, addresses.data, balancers.data, ingresses.data])
}
