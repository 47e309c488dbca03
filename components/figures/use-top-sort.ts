'use client'
import { useQueryString } from '@/components/client/query-string'
import { topQuery } from './top-query'

/** What the address asks of a list of what uses most, and how its columns sort it. */
export function useTopSort() {
  const query = useQueryString()
  const input = topQuery(query.get)
  return { input, sort: { by: input.sort, descending: input.descending, onSort: (sort: string, descending: boolean) => query.push({ sort, order: descending ? 'descending' : 'ascending', cursor: null, from: null }) } }
}
