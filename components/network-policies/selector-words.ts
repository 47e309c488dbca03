import type { Selector } from '@/domain/shared/selector'

const operators = { In: 'in', NotIn: 'not in', Exists: 'exists', DoesNotExist: 'does not exist' } as const

/** A selector as people read it: "app=web, tier in (db, cache)"; everything where it is empty, null where there is none. */
export function selectorText(selector: Selector | undefined): string | null {
  if (!selector) return null
  const parts = [
    ...Object.entries(selector.matchLabels).map(([key, value]) => `${key}=${value}`),
    ...selector.matchExpressions.map(({ key, operator, values }) => `${key} ${operators[operator]}${values.length > 0 ? ` (${values.join(', ')})` : ''}`),
  ]
  return parts.length > 0 ? parts.join(', ') : 'All'
}
