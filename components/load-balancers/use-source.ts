'use client'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import type { IngressSpec } from '@/domain/ingress/spec'
import type { ServiceSpec } from '@/domain/service/spec'
import type { Labels } from '@/domain/shared/names'
import { useTRPC, useTRPCClient } from '@/components/client/trpc'
import { writeToUnchanged } from '@/components/client/write-to-unchanged'
import { useBalancer } from './balancer-frame'

/** What asked for the balancer, as it is now. */
export type Source = { annotations: Labels; resourceVersion: string } & ({ kind: 'Service'; spec: ServiceSpec } | { kind: 'Ingress'; spec: IngressSpec })
/** `before`: what was read, and is changed. */
type Change = { before: Source; annotations: Labels; spec?: ServiceSpec | IngressSpec }

const versionOf = ({ annotations, resourceVersion }: { annotations: Labels; resourceVersion: string }) => ({ annotations, resourceVersion })

/** The Service or Ingress of the balancer that is shown; asked for anew whenever a page begins to show it. */
export function useSource(): { source: Source | undefined; error: unknown; retry: () => void } {
  const { at: [tenant, kind, namespace, name] } = useBalancer()
  const trpc = useTRPC()
  const service = useQuery({ ...trpc.service.get.queryOptions({ tenant, namespace, name }), enabled: kind === 'Service', refetchOnMount: 'always' })
  const ingress = useQuery({ ...trpc.ingress.get.queryOptions({ tenant, namespace, name }), enabled: kind === 'Ingress', refetchOnMount: 'always' })
  const query = kind === 'Service' ? service : ingress
  const found: Source | undefined = kind === 'Service' ? service.data && { kind, spec: service.data.spec, ...versionOf(service.data.metadata) } : ingress.data && { kind, spec: ingress.data.spec, ...versionOf(ingress.data.metadata) }
  return { source: query.isFetchedAfterMount ? found : undefined, error: query.error, retry: () => void query.refetch() }
}

/** Writes it, and has everything of it asked for anew. A change by somebody else meanwhile is refused. */
export function useWriteSource() {
  const { at: [tenant, kind, namespace, name] } = useBalancer()
  const api = useTRPCClient()
  const trpc = useTRPC()
  const queries = useQueryClient()
  const read = async (): Promise<Source> => {
    if (kind === 'Service') return api.service.get.query({ tenant, namespace, name }).then(({ spec, metadata }) => ({ kind, spec, ...versionOf(metadata) }))
    return api.ingress.get.query({ tenant, namespace, name }).then(({ spec, metadata }) => ({ kind, spec, ...versionOf(metadata) }))
  }
  const put = async ({ annotations, spec }: Change, resourceVersion: string): Promise<unknown> => {
    const input = { tenant, namespace, name, annotations, resourceVersion }
    if (kind === 'Service') return api.service.update.mutate({ ...input, ...(spec && 'ports' in spec && { spec }) })
    return api.ingress.update.mutate({ ...input, ...(spec && 'rules' in spec && { spec }) })
  }
  return {
    write: (change: Change): Promise<unknown> => writeToUnchanged(change.before, { read, write: (resourceVersion) => put(change, resourceVersion) }),
    forget: () => Promise.all([trpc.loadBalancer.pathKey(), trpc.service.pathKey(), trpc.ingress.pathKey(), trpc.manifest.pathKey(), trpc.certificate.pathKey()].map((queryKey) => queries.invalidateQueries({ queryKey }))),
  }
}
