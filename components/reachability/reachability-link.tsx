'use client'
import { useQuery } from '@tanstack/react-query'
import { paths } from '@/components/client/paths'
import { useTRPC } from '@/components/client/trpc'
import { TextLink } from '@/components/ui/text-link'

/** From a pod to the question what it can reach, in its network. */
export function ReachabilityLink({ tenant, namespace, name }: { tenant: string; namespace: string; name: string }) {
  const trpc = useTRPC()
  const namespaces = useQuery(trpc.namespace.list.queryOptions({ tenant }))
  const own = namespaces.data?.items.find((each) => each.metadata.name === namespace)
  return own ? <TextLink href={paths.reachability(tenant, own.spec.network ?? 'default', { from: `${namespace}/${name}` })}>Check reachability</TextLink> : null
}
