import { MAX_NETWORK_NUMBER } from '@/host/network/names'

/** The links of a balancer's namespace: towards the outside and into its tenant's network. */
export const OUTER_LINK = 'ext0'
export const INNER_LINK = 'int0'

/** How the names of all balancers' namespaces of one host tag begin; another tag's never do. */
export const balancerPrefix = (hostTag: string): string => `hypb-${hostTag}-n`

/** The network namespace of a balancer on the host with this tag. */
export const balancerNamespace = (hostTag: string, number: number): string => `${balancerPrefix(hostTag)}${number}`

/** The balancer's number in a namespace's name, or null for a name that is not this tag's. */
export function balancerNumberOf(hostTag: string, namespace: string): number | null {
  const digits = namespace.startsWith(balancerPrefix(hostTag)) ? namespace.slice(balancerPrefix(hostTag).length) : ''
  const number = /^[1-9]\d{0,7}$/.test(digits) ? Number(digits) : 0
  return number >= 1 && number <= MAX_NETWORK_NUMBER ? number : null
}
