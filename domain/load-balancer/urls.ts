import { z } from 'zod'
import { balancerListener, balancerRule } from './model'

/** What the URLs of a balancer come from. The database makes it of what the balancer does: of each host the rule that tells (balancer_ports in prisma/migrations). */
export const urlSource = balancerListener.pick({ port: true, protocol: true, redirectToHttps: true, defaultBackend: true }).extend({ rules: z.array(balancerRule.pick({ host: true, path: true })) })
type UrlSource = z.infer<typeof urlSource>

/** More than this nobody reads. */
const maxUrls = 50
const usualPort: Readonly<Record<string, number>> = { http: 80, https: 443 }

/**
 * Where a browser finds a balancer: for each listener of http and https the hosts of its rules, and its addresses where a rule or the default takes any
 * host. A host with a wildcard has no URL, and a listener that leads to https has that one's.
 */
export function balancerUrls({ listeners }: { listeners: readonly UrlSource[] }, addresses: readonly string[]): string[] {
  if (addresses.length === 0) return []
  const urls = listeners.filter(({ protocol, redirectToHttps }) => protocol in usualPort && redirectToHttps === null).flatMap((listener) => {
    const hosts = [...new Set(listener.rules.flatMap(({ host }) => (host === null || host.startsWith('*.') ? [] : [host])))]
    const takesAny = listener.defaultBackend !== null || listener.rules.some(({ host }) => host === null)
    const named = hosts.map((host) => urlOf(listener, host, pathFor(listener, host)))
    return takesAny ? [...named, ...addresses.map((address) => urlOf(listener, address.includes(':') ? `[${address}]` : address, pathFor(listener, null)))] : named
  })
  return [...new Set(urls)].slice(0, maxUrls)
}

const urlOf = ({ protocol, port }: UrlSource, host: string, path: string): string => `${protocol}://${host}${port === usualPort[protocol] ? '' : `:${port}`}${path}`

/** A path that is answered there: "/" where all are, else the first that a rule names. */
function pathFor({ rules, defaultBackend }: UrlSource, host: string | null): string {
  const own = rules.filter((rule) => rule.host === host || rule.host === null)
  return defaultBackend !== null || own.length === 0 || own.some(({ path }) => path === null || path.value === '/') ? '/' : (own[0]?.path?.value ?? '/')
}
