import type { IncomingMessage } from 'node:http'

/** Whether a request with this method may change something. */
export const changes = (method: string): boolean => !['GET', 'HEAD', 'OPTIONS'].includes(method)

/**
 * Whether a page of another site made a browser send this. Browsers say it with every request: by Origin where something
 * could change or a script asks, by Sec-Fetch-Site in any case. A site beside ours (`same-site`) is another's too. A script
 * says neither, and no browser sends a bearer token of itself.
 */
export function isForeign({ headers, method = 'GET', url = '' }: Pick<IncomingMessage, 'headers' | 'method' | 'url'>, publicUrl: string): boolean {
  const { authorization, origin } = headers
  if (authorization !== undefined) return false
  if (origin !== undefined) return origin !== new URL(publicUrl).origin
  const site = headers['sec-fetch-site']
  // A link from elsewhere may open a page, and nothing of ours changes by being looked at; what is no page has no such readers.
  return (site === 'cross-site' || site === 'same-site') && (changes(method) || url.startsWith('/api/') || url.startsWith('/metrics'))
}
