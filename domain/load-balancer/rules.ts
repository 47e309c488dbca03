import { hash32 } from '../shared/hash'
import type { BalancerProblem } from './annotations'
import { partName, type BalancerRule } from './model'

/** A rule as somebody asks for it; `at`: where it stands. */
export type RuleWish = { host: string | null; path: BalancerRule['path']; backend: string; at: string }

const shortHash = (text: string): string => hash32(text).toString(16).padStart(8, '0')

/** A name of a part out of texts that were checked before: as they are where that is one, else shortened with a hash. */
export function partNameOf(text: string): string {
  if (partName.safeParse(text).success) return text
  return `${text.toLowerCase().replace(/[^a-z0-9]+/g, '-').replace(/^-|-$/g, '').slice(0, 48) || 'part'}-${shortHash(text)}`
}

/** A prefix is a prefix with a slash at its end and without one; that of everything is none. */
function normal(path: BalancerRule['path']): BalancerRule['path'] {
  if (path?.type !== 'Prefix') return path
  const value = path.value.replace(/\/+$/, '')
  return value === '' ? null : { type: 'Prefix', value }
}

const keyOf = ({ host, path }: Pick<BalancerRule, 'host' | 'path'>): string => `${host ?? '*'} ${path ? `${path.type} ${path.value}` : 'Prefix /'}`
const hostRank = (host: string | null): number => (host === null ? 2 : host.startsWith('*.') ? 1 : 0)
const pathRank = (path: BalancerRule['path']): number => (path === null ? 2 : path.type === 'Prefix' ? 1 : 0)
const alphabetical = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

/** The model's order: exact host before wildcard before any, exact path before prefix, longer before shorter; what is left by the alphabet, so that it never changes by itself. */
const byPrecedence = (a: BalancerRule, b: BalancerRule): number =>
  hostRank(a.host) - hostRank(b.host) ||
  (hostRank(a.host) === 1 ? (b.host?.length ?? 0) - (a.host?.length ?? 0) : 0) ||
  alphabetical(a.host ?? '', b.host ?? '') ||
  pathRank(a.path) - pathRank(b.path) ||
  (b.path?.value.length ?? 0) - (a.path?.value.length ?? 0) ||
  alphabetical(a.path?.value ?? '', b.path?.value ?? '')

/**
 * Rules in the order in which they are tried. Two for the same host and path are a problem of the second. A rule's id comes from its host and path, so that
 * figures go on when others come and go.
 */
export function orderRules(wishes: readonly RuleWish[]): { rules: BalancerRule[]; problems: BalancerProblem[] } {
  const problems: BalancerProblem[] = []
  const seen = new Map<string, string>()
  const ids = new Set<string>()
  const rules = wishes.flatMap(({ host, path: written, backend, at }) => {
    const path = normal(written)
    const key = keyOf({ host, path })
    const before = seen.get(key)
    if (before !== undefined) {
      problems.push({ path: at, message: `collides with ${before}: the same host, path and type` })
      return []
    }
    seen.set(key, at)
    const id = unused(ids, `${`${host ?? 'any'}${path?.value ?? ''}`.toLowerCase().replace(/[^a-z0-9]+/g, '-').replace(/^-|-$/g, '').slice(0, 48)}-${shortHash(key)}`)
    return [{ id, host, path, backend }]
  })
  return { rules: rules.sort(byPrecedence), problems }
}

function unused(ids: Set<string>, id: string): string {
  let free = id
  for (let n = 2; ids.has(free); n++) free = `${id}-${n}`
  ids.add(free)
  return free
}
