'use client'
import { useSearchParams } from 'next/navigation'

type Patch = Record<string, string | null | undefined>

function withPatch(current: string, patch: Patch): string {
  const params = new URLSearchParams(current)
  for (const [key, value] of Object.entries(patch)) if (value) params.set(key, value)
    else params.delete(key)
  const text = params.toString()
  return text ? `?${text}` : window.location.pathname
}

/**
 * Filters, sort and page in the address. They change without a request for the page itself; `replace` for what is typed,
 * `push` for what Back should undo.
 */
export function useQueryString() {
  const params = useSearchParams()
  return {
    get: (key: string) => params.get(key) ?? '',
    push: (patch: Patch) => window.history.pushState(null, '', withPatch(window.location.search, patch)),
    replace: (patch: Patch) => window.history.replaceState(null, '', withPatch(window.location.search, patch)),
  }
}
