import { BlockList, isIP } from 'node:net'

/** An operator's proxy between this host and registries. */
export type Upstream = { host: string; port: number; tls: boolean; authorization: string | null }

const variable = (env: NodeJS.ProcessEnv, name: string): string => env[name] || env[name.toLowerCase()] || ''

/**
 * The proxy for a destination by HTTP_PROXY, HTTPS_PROXY and NO_PROXY, in upper or lower case, read as Go's programs read
 * them; null for none. Throws on a proxy that is neither http:// nor https://.
 */
export function upstreamFor(scheme: 'http' | 'https', host: string, port: number, env: NodeJS.ProcessEnv = process.env): Upstream | null {
  const name = scheme === 'https' ? 'HTTPS_PROXY' : 'HTTP_PROXY'
  const text = variable(env, name)
  if (text === '' || isExempt(variable(env, 'NO_PROXY'), host, port)) return null
  const url = URL.parse(text.includes('://') ? text : `http://${text}`)
  if (!url || !['http:', 'https:'].includes(url.protocol)) throw new Error(`${name} of the host agent is no http:// or https:// address`)
  const tls = url.protocol === 'https:'
  const authorization = url.username === '' ? null : `Basic ${Buffer.from(`${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`).toString('base64')}`
  return { host: url.hostname.replace(/^\[|\]$/g, ''), port: url.port === '' ? (tls ? 443 : 80) : Number(url.port), tls, authorization }
}

/** Entries are `*`, an address, a CIDR, or a domain, which stands for what is below it too (`.domain` for that alone); each may have a port. */
function isExempt(list: string, host: string, port: number): boolean {
  const name = host.toLowerCase().replace(/\.$/, '')
  return list.split(',').map((entry) => entry.trim().toLowerCase()).filter(Boolean).some((entry) => {
    if (entry === '*') return true
    if (entry.includes('/')) return isIP(name) !== 0 && inCidr(name, entry)
    const [, bracketed, plain = '', wanted] = /^(?:\[([^\]]+)\]|((?:[^:]*)|(?:.*:.*:.*)))(?::(\d+))?$/.exec(entry) ?? []
    if (wanted !== undefined && Number(wanted) !== port) return false
    const domain = (bracketed ?? plain).replace(/^\*(?=\.)/, '')
    if (isIP(name) !== 0) return domain === name
    return domain.startsWith('.') ? name.endsWith(domain) : name === domain || name.endsWith(`.${domain}`)
  })
}

function inCidr(address: string, cidr: string): boolean {
  const [network = '', prefix = ''] = cidr.split('/')
  const family = isIP(network)
  if (family === 0 || family !== isIP(address) || !/^\d{1,3}$/.test(prefix) || Number(prefix) > (family === 4 ? 32 : 128)) return false
  const list = new BlockList()
  list.addSubnet(network, Number(prefix), family === 4 ? 'ipv4' : 'ipv6')
  return list.check(address, family === 4 ? 'ipv4' : 'ipv6')
}
