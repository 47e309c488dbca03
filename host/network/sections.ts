import { isDeepStrictEqual } from 'node:util'
import { bandwidthSection } from './bandwidth/bandwidth-section'
import { floatingSection } from './floating/floating-section'
import type { NetworkState } from './network-state'
import { peerSection } from './peers/peer-section'
import { policySection } from './policies/policy-section'
import { serviceSection } from './services/service-section'
import type { NftSection } from './table/model'

/** The sections of a network's packet filter beside the base, made of the network's state. */
export type Sections = (state: NetworkState) => readonly NftSection[]

/**
 * What one network's services, policies, peers and limits say of its packet filter. Each section is made anew only when what it is made of
 * changed: a pod that comes or goes costs nothing for ten thousand rules.
 */
export function networkSections(): Sections {
  const parts = [
    remembered(serviceSection, ['subnets', 'serviceCidrs', 'services', 'ports', 'pods']),
    remembered(policySection, ['number', 'subnets', 'routes', 'serviceCidrs', 'policies', 'peers', 'floating']),
    remembered(peerSection, ['number', 'subnets', 'routes', 'serviceCidrs', 'peers']),
    remembered(floatingSection, ['subnets', 'serviceCidrs', 'routes', 'outbound', 'floating']),
    remembered(bandwidthSection, ['ports']),
  ]
  return (state) => parts.map((part) => part(state))
}

/** The section of the last state, as long as these parts of it are the same; it is given nothing else. */
export function remembered<K extends keyof NetworkState>(section: (state: Pick<NetworkState, K>) => NftSection, keys: readonly K[]): (state: NetworkState) => NftSection {
  let last: { of: NetworkState; made: NftSection } | null = null
  return (state) => {
    if (!last || keys.some((key) => last?.of[key] !== state[key] && !isDeepStrictEqual(last?.of[key], state[key]))) last = { of: state, made: section(state) }
    return last.made
  }
}
