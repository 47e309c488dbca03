'use client'
import { useQuery } from '@tanstack/react-query'
import { Tag } from 'lucide-react'
import { useQueryString } from '@/components/client/query-string'
import { useTRPC } from '@/components/client/trpc'
import { SearchFilter, TextFilter } from '@/components/patterns/data-table/toolbar'
import { Badge } from '@/components/ui/badge'
import { Button } from '@/components/ui/button'
import { Select } from '@/components/ui/input'
import { podStateNames } from './pod-states'

/** Another filter or order is another list: it begins with its first page. */
export const anew = (patch: Record<string, string | null>) => ({ ...patch, cursor: null, from: null })
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
      <span className="w-40">
        <Select aria-label="State" value={query.get('state')} onChange={(event) => query.push(anew({ state: event.target.value || null }))}>
          <option value="">Any state</option>
          {podStateNames.map((state) => <option key={state} value={state}>{state}</option>)}
        </Select>
      </span>
      <span className="w-40">
        <Select aria-label="Namespace" value={chosen} onChange={(event) => query.push(anew({ namespace: event.target.value || null }))}>
          <option value="">Any namespace</option>
          {names.map((name) => <option key={name} value={name}>{name}</option>)}
        </Select>
      </span>
      <TextFilter label="Labels, such as app=web" value={query.get('labels')} onChange={(labels) => query.replace(anew({ labels: labels || null }))} icon={<Tag className="size-3.5" />} />
      {query.get('host') && <Badge>Host {query.get('host')}</Badge>}
      {filtered && <Button variant="ghost" onClick={() => query.push(noFilters)}>Clear filters</Button>}
    </>
  )
}
