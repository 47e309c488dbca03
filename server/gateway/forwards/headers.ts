import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http'

/** Of one connection alone (RFC 9110, 7.6.1). */
const hopByHop = new Set(['connection', 'keep-alive', 'proxy-authenticate', 'proxy-authorization', 'proxy-connection', 'te', 'trailer', 'transfer-encoding', 'upgrade'])
/** Said by a client or a pod of things that are ours to say, or that reach beyond the page's own origin. */
const fromBrowser = new Set(['forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto', 'x-real-ip'])
const fromPod = new Set(['strict-transport-security', 'clear-site-data', 'alt-svc', 'public-key-pins', 'nel', 'report-to'])

const named = (connection: string | undefined): string[] => (connection ?? '').toLowerCase().split(',').map((name) => name.trim())

function without(headers: IncomingHttpHeaders, left: ReadonlySet<string>): OutgoingHttpHeaders {
  const ofConnection = named(headers.connection)
  return Object.fromEntries(Object.entries(headers).filter(([name, value]) => value !== undefined && !hopByHop.has(name) && !left.has(name) && !ofConnection.includes(name)))
}

const cookieName = (pair: string): string => pair.slice(0, Math.max(0, pair.indexOf('='))).trim()

/** The value of a cookie that a browser sent. */
export const cookieOf = (header: string | undefined, name: string): string | undefined => header?.split(/;\s*/).find((pair) => cookieName(pair) === name)?.slice(name.length + 1)

/** What the pod is told: the browser's own headers without our credential, and where the browser thinks it is. */
export function toPod(headers: IncomingHttpHeaders, ours: string, browser: { host: string; proto: string; address: string }): OutgoingHttpHeaders {
  const { cookie, ...rest } = without(headers, fromBrowser)
  const cookies = String(cookie ?? '').split(/;\s*/).filter((pair) => pair !== '' && cookieName(pair) !== ours)
  return { ...rest, ...(cookies.length > 0 && { cookie: cookies.join('; ') }), 'x-forwarded-host': browser.host, 'x-forwarded-proto': browser.proto, 'x-forwarded-for': browser.address }
}

/** What the browser is told: cookies of the page's own host alone, never ours, and nothing that would outlive the forward on other hosts. */
export function toBrowser(headers: IncomingHttpHeaders, ours: string): OutgoingHttpHeaders {
  const { 'set-cookie': cookies, ...rest } = without(headers, fromPod)
  const kept = (Array.isArray(cookies) ? cookies : []).filter((cookie) => cookieName(cookie.split(';')[0] ?? '') !== ours).map((cookie) => cookie.split(';').filter((part) => !/^\s*domain\s*=/i.test(part)).join(';'))
  return { ...rest, ...(kept.length > 0 && { 'set-cookie': kept }) }
}
