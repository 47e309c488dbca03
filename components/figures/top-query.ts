import { topSorts, type TopSort } from '@/domain/figures/view'

/** What of the address sorts and pages a list of what uses most. */
export function topQuery(get: (key: string) => string) {
  const sort: TopSort = topSorts.find((each) => each === get('sort')) ?? 'cpu'
  const cursor = get('cursor')
  return { sort, descending: get('order') ? get('order') === 'descending' : sort !== 'name', limit: 50, ...(cursor && { cursor }) }
}
