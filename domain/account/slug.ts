/** First parts of paths and words that would mislead in an address: no tenant gets them. */
const reserved = new Set(['account', 'admin', 'api', 'app', 'assets', 'docs', 'healthz', 'help', 'host', 'hypernetes', 'login', 'metrics', 'new', 'operator', 'readyz', 'reset-password', 'settings', 'sign-in', 'sign-out', 'sign-up', 'static', 'status', 'system', 'tenants', 'ws', 'www'])

/** A tenant's slug from its name: lower-case letters, digits and single dashes, at most 40; never of the form of an id. */
export function slugFrom(name: string): string {
  const plain = name
    .normalize('NFKD')
    .toLowerCase()
    .replace(/[\u0300-\u036f'\u2019]/g, '')
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, 40)
    .replace(/^-+|-+$/g, '')
  const slug = plain || 'tenant'
  return reserved.has(slug) || /^[0-9a-f]{32}$/.test(slug) ? `${slug.slice(0, 36)}-org` : slug
}
