'use client'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import type { IngressSpec } from '@/domain/ingress/spec'
import type { ServiceSpec } from '@/domain/service/spec'
import type { Labels } from '@/domain/shared/names'
import { useTRPC, useTRPCClient } from '@/components/client/trpc'
import { useBalancer } from './balancer-frame'

/** What asked for the balancer, as it is now. */
export type Source = { annotations: Labels; resourceVersion: string } & ({ kind: 'Service'; spec: ServiceSpec } | { kind: 'Ingress'; spec: IngressSpec })
type Change = { annotations: Labels; spec?: ServiceSpec | IngressSpec; resourceVersion: string }

/** The Service or Ingress of the balancer that is shown. */
export function useSource(): { source: Source | undefined; error: unknown; retry: () => void } {
  const { at: [tenant, kind, namespace, name] } = useBalancer()
  const trpc = useTRPC()
  const service = useQuery({ ...trpc.service.get.queryOptions({ tenant, namespace, name }), enabled: kind === 'Service' })
  const ingress = useQuery({ ...trpc.ingress.get.queryOptions({ tenant, namespace, name }), enabled: kind === 'Ingress' })
  const query = kind === 'Service' ? service : ingress
  const of = ({ annotations, resourceVersion }: { annotations: Labels; resourceVersion: string }) => ({ annotations, resourceVersion })
  const source: Source | undefined = kind === 'Service' ? service.data && { kind, spec: service.data.spec, ...of(service.data.metadata) } : ingress.data && { kind, spec: ingress.data.spec, ...of(ingress.data.metadata) }
  return { source, error: query.error, retry: () => void query.refetch() }
}

/** Writes it, and has everything of it asked for anew. A change by somebody else meanwhile is refused by its resourceVersion. */
export function useWriteSource() {
  const { at: [tenant, kind, namespace, name] } = useBalancer()
  const api = useTRPCClient()
  const trpc = useTRPC()
  const queries = useQueryClient()
  return {
    write: async ({ annotations, spec, resourceVersion }: Change): Promise<unknown> => {
      const input = { tenant, namespace, name, annotations, resourceVersion }
      if (kind === 'Service') return api.service.update.mutate({ ...input, ...(spec && 'ports' in spec && { spec }) })
      return api.ingress.update.mutate({ ...input, ...(spec && 'rules' in spec && { spec }) })
    },
    forget: () => Promise.all([trpc.loadBalancer.pathKey(), trpc.service.pathKey(), trpc.ingress.pathKey(), trpc.manifest.pathKey()].map((queryKey) => queries.invalidateQueries({ queryKey }))),
  }
}
