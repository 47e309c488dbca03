import type { BalancerBackend, BalancerServer } from '@/domain/load-balancer/model'

/** A tenant's backend among HAProxy's own sections. */
export const sectionOf = (backend: string): string => `b-${backend}`
export const backendOf = (section: string): string | null => (section.startsWith('b-') ? section.slice(2) : null)

type Place = Pick<BalancerServer, 'address' | 'port'>
/** A server's name is where it is: one that leaves and comes back is the same. HAProxy takes letters, digits and `_.:-` in names. */
export const serverName = ({ address, port }: Place): string => `${address.toLowerCase()}_${port}`
/** `address:port` of a server's name, as people and reports have it; null for what is no server. */
export function placeOfName(name: string): string | null {
  const [, address, port] = /^([0-9a-f.:]{2,45})_(\d{1,5})$/.exec(name) ?? []
  return address === undefined ? null : address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
}
const endpoint = ({ address, port }: Place) => (address.includes(':') ? `ipv6@${address.toLowerCase()}:${port}` : `ipv4@${address}:${port}`)

/**
 * What a server has beside its address; the same in a file and over the runtime interface, which knows no defaults. Connections that fail take a server out at once, and
 * connections alone: by answers of 5xx whoever asks the wrong thing often enough could take out all of them. An attempt to connect each second brings it back. A server that comes over the
 * runtime interface keeps no connection between requests unless told to (`pool-max-conn`): each request would connect anew.
 */
const optionsOf = ({ protocol, mode, sendProxy }: BalancerBackend): string =>
  ['check inter 5s fastinter 1s downinter 1s fall 2 rise 1 observe layer4 error-limit 3 on-error mark-down', ...(sendProxy ? ['send-proxy-v2 check-send-proxy'] : []), ...(mode === 'http' ? ['pool-purge-delay 1s pool-max-conn -1'] : []), ...(mode === 'http' && protocol === 'h2c' ? ['proto h2'] : [])].join(' ')

/** A server as `server` lines and the command `add server` have it, without its section. */
export const serverText = (backend: BalancerBackend, server: BalancerServer): string => `${endpoint(server)} weight ${server.weight} ${optionsOf(backend)}`

/** What makes a server of a backend get a cookie of its own when it comes over the runtime interface: HAProxy computes all of the backend's anew. */
export const stickyCommand = (backend: BalancerBackend, key: string): string[] => (backend.stickyCookie === null ? [] : [`set dynamic-cookie-key backend ${sectionOf(backend.name)} ${key}`])
