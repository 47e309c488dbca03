import { createHash } from 'node:crypto'
import { POD_MTU } from '@/host/network/names'

/** The link towards the outside, in a network's namespace and in a balancer's. */
export const EXTERNAL_DEVICE = 'ext0'

/** The largest packet on the external bridge and its links, in bytes: as a pod's, so that whoever sends more hears of it before it gets there. */
export const EXTERNAL_MTU = POD_MTU

/** The bridge of the outside in the agent's own namespace, at most 11 characters. */
export const bridgeName = (hostTag: string): string => `hypx-${hostTag}`

/** How the names of all links of one host tag into its bridge begin; another tag's never do. */
export const portPrefix = (hostTag: string): string => `hx${hostTag}-`

/**
 * The bridge's end of the link into a namespace of a network (`hyp-TAG-nNUMBER`) or a balancer (`hypb-TAG-nNUMBER`): `n` or `b` and the number in base 36, at most 15 characters.
 * Throws a TypeError for any other namespace.
 */
export function portName(hostTag: string, namespace: string): string {
  const [, kind, digits] = /^(hypb?)-[a-z0-9]+-n([1-9]\d{0,7})$/.exec(namespace) ?? []
  if (kind === undefined || digits === undefined || !namespace.startsWith(`${kind}-${hostTag}-n`)) throw new TypeError(`"${namespace}" is no namespace of a network or a balancer of host tag ${hostTag}`)
  return `${portPrefix(hostTag)}${kind === 'hyp' ? 'n' : 'b'}${Number(digits).toString(36)}`
}

const hex = (number: number): string => (number & 255).toString(16).padStart(2, '0')

/** A MAC address of this host on the bridge: two octets tell hosts apart that an operator joins by a wire, three are the number. */
function macOf(first: string, hostTag: string, number: number): string {
  const [a = 0, b = 0] = createHash('sha256').update(`external ${hostTag}`).digest()
  return [first, hex(a), hex(b), hex(number >>> 16), hex(number >>> 8), hex(number)].join(':')
}

/** The MAC address of the bridge itself: the router of all that is on it. */
export const bridgeMac = (hostTag: string): string => macOf('0e', hostTag, 0)
/** The MAC address of a network's link into the bridge. */
export const networkMac = (hostTag: string, number: number): string => macOf('0e', hostTag, number)
/** The MAC address of a balancer's link into the bridge. */
export const balancerMac = (hostTag: string, number: number): string => macOf('0a', hostTag, number)

/** The tables (families inet and bridge) of one host tag in the agent's own namespace; no host tag has an underscore. */
export const externalTable = (hostTag: string): string => `hypernetes_ext_${hostTag}`
