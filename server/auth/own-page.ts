import type { IncomingMessage } from 'node:http'

type Asked = Pick<IncomingMessage, 'headers' | 'method'>

/** Whether a request with this method may change something. */
export const changes = (method: string): boolean => !['GET', 'HEAD', 'OPTIONS'].includes(method)

/**
 * Whether a page of the origin `own` made a browser send this, as far as the browser says. It says so by Origin where
 * something could change, where a script asks another site and with every WebSocket; by Sec-Fetch-Site in any case. A site
 * beside ours (`same-site`) is another's too. `said`: the browser has to say it; `not denied`: what says neither counts too,
 * such as a script.
 */
export function isOwnPage({ headers }: Asked, own: string, how: 'said' | 'not denied'): boolean {
  if (headers.origin !== undefined) return headers.origin === own
  const site = headers['sec-fetch-site']
  return how === 'not denied' && (site === undefined || site === 'same-origin' || site === 'none')
}

/**
 * Whether a request's cookie counts: for the console's own pages alone, since a browser sends it with every site's. What
 * changes something, and a WebSocket, must say its Origin. This holds for what is no page; a page may be opened by a link
 * from elsewhere, and nothing changes by being looked at.
 */
export function cookieCounts(request: Asked, publicUrl: string): boolean {
  const isSaidByBrowsers = changes(request.method ?? 'GET') || request.headers.upgrade !== undefined
  return isOwnPage(request, new URL(publicUrl).origin, isSaidByBrowsers ? 'said' : 'not denied')
}
