'use client'
import { useQuery } from '@tanstack/react-query'
import { Tag } from 'lucide-react'
import { useQueryString } from '@/components/client/query-string'
import { useTRPC } from '@/components/client/trpc'
import { SearchFilter, SelectFilter, TextFilter } from '@/components/patterns/data-table/toolbar'
import { Badge } from '@/components/ui/badge'
import { Button } from '@/components/ui/button'
import { podStateNames } from './pod-states'

/** Another filter or order is another list: it begins with its first page. */
export const anew = (patch: Record<string, string | null>) => ({ ...patch, cursor: null, from: null })
const named = (name: string) => ({ value: name, label: name })
export const noFilters = anew({ q: null, state: null, namespace: null, labels: null, host: null })

/** What of the tenant's pods is listed; all of it stands in the address. */
export function PodFilters({ tenant, filtered }: { tenant: string; filtered: boolean }) {
  const trpc = useTRPC()
  const query = useQueryString()
  const namespaces = useQuery(trpc.namespace.list.queryOptions({ tenant }))
  const chosen = query.get('namespace')
  const names = [...new Set([...(chosen ? [chosen] : []), ...(namespaces.data?.items ?? []).map((each) => each.metadata.name)])]
  return (
    <>
      <SearchFilter label="Filter by name or image" value={query.get('q')} onChange={(q) => query.replace(anew({ q: q || null }))} />
      <SelectFilter label="State" any="Any state" value={query.get('state')} options={podStateNames.map(named)} onChange={(state) => query.push(anew({ state: state || null }))} />
      <SelectFilter label="Namespace" any="Any namespace" value={chosen} options={names.map(named)} onChange={(namespace) => query.push(anew({ namespace: namespace || null }))} />
      <TextFilter label="Labels, such as app=web" value={query.get('labels')} onChange={(labels) => query.replace(anew({ labels: labels || null }))} icon={<Tag className="size-3.5" />} />
      {query.get('host') && <Badge>Host {query.get('host')}</Badge>}
      {filtered && <Button variant="ghost" onClick={() => query.push(noFilters)}>Clear filters</Button>}
    </>
  )
}
