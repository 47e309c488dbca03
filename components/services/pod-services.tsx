'use client'
import { useQuery } from '@tanstack/react-query'
import type { PodView } from '@/domain/pod/view'
import { NOTHING } from '@/components/client/formats'
import { paths } from '@/components/client/paths'
import { useTRPC } from '@/components/client/trpc'
import { TextLink } from '@/components/ui/text-link'
import { selectedBy } from './words'

/** The services of its namespace whose selector chooses a pod. */
export function PodServices({ tenant, pod: { metadata } }: { tenant: string; pod: Pick<PodView, 'metadata'> }) {
  const { namespace } = metadata
  const trpc = useTRPC()
  const { data } = useQuery(trpc.service.list.queryOptions({ tenant, namespace, limit: 500 }))
  const services = data?.items.filter(({ spec }) => selectedBy(spec.selector, metadata.labels)) ?? []
  if (services.length === 0) return <span className="text-faint">{NOTHING}</span>
  return <span className="flex flex-wrap gap-x-3">{services.map(({ metadata: { uid, name } }) => <TextLink key={uid} size="sm" href={paths.service(tenant, namespace, name)}>{name}</TextLink>)}</span>
}
